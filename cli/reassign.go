package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"klab/cluster"
)

func newReassign(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "reassign", Short: "move partitions between brokers, and change their replication factor", Args: cobra.NoArgs}
	cmd.AddCommand(newReassignPlan(a), newReassignStart(a), newReassignList(a), newReassignCancel(a), newReassignThrottle(a))
	return requireSubcommand(cmd)
}

// planFlags say what to plan.
type planFlags struct {
	topics   []string
	remove   int32
	factor   int
	brokers  []int32
	replicas string
}

const planHelp = "One of: --replicas 2,3,1 (with one --topic: exactly these, the first is the preferred leader), --replication-factor N,\n" +
	"--remove-broker ID (move everything off it, Kafka's own topics too unless --topic is given), --brokers 1,2,3 or --balance\n" +
	"(spread evenly; a broker left out gives away all but Kafka's own topics). A plan moves as little as it takes, and is a file that kafka-reassign-partitions.sh reads too."

func (f *planFlags) flags(a *app, cmd *cobra.Command) {
	flags := cmd.Flags()
	a.topicsFlag(cmd, &f.topics, "only this topic (else all but Kafka's own), with partitions after a colon: orders, orders:0,1; may be repeated")
	flags.Int32Var(&f.remove, "remove-broker", -1, "move every replica off this broker")
	flags.IntVar(&f.factor, "replication-factor", 0, "give every partition so many replicas")
	flags.Int32SliceVar(&f.brokers, "brokers", nil, "spread evenly over these brokers")
	flags.Bool("balance", false, "spread evenly over all brokers that are up")
	flags.StringVar(&f.replicas, "replicas", "", "exactly these brokers, as in 2,3,1")
}

// wanted says how many of the ways to plan were given.
func (f *planFlags) wanted(cmd *cobra.Command) int {
	n := 0
	for _, name := range []string{"remove-broker", "replication-factor", "brokers", "balance", "replicas"} {
		if cmd.Flags().Changed(name) {
			n++
		}
	}
	return n
}

func (f *planFlags) plan(ctx context.Context, cmd *cobra.Command, c *cluster.Cluster) (cluster.ReassignPlan, error) {
	if f.wanted(cmd) != 1 {
		return nil, badInput("cannot plan: give one of --replicas, --replication-factor, --remove-broker, --brokers and --balance; see klab reassign plan --help")
	}
	s, err := c.Glance(ctx)
	if err != nil {
		return nil, err
	}
	topics, err := parseTopics(f.topics)
	if err != nil {
		return nil, err
	}
	p, err := cluster.NewPlanner(s, topics...)
	if err != nil {
		return nil, inputError{err}
	}
	plan, err := f.choose(cmd, p, len(topics) > 0)
	if err != nil {
		return nil, badInput("cannot plan: %w", err)
	}
	return plan, nil
}

func (f *planFlags) choose(cmd *cobra.Command, p cluster.Planner, named bool) (cluster.ReassignPlan, error) {
	switch {
	case f.replicas != "":
		return f.explicit(p, named)
	case cmd.Flags().Changed("remove-broker"):
		return p.RemoveBroker(f.remove)
	case cmd.Flags().Changed("replication-factor"):
		return p.ReplicationFactor(f.factor)
	}
	return p.Balance(f.brokers...)
}

// explicit gives the named partitions the replicas of --replicas.
func (f *planFlags) explicit(p cluster.Planner, named bool) (cluster.ReassignPlan, error) {
	to, err := parseTopics([]string{"x:" + f.replicas})
	if err != nil || !named {
		return nil, fmt.Errorf("replicas %q: give brokers as in 2,3,1, and name the topic with --topic", f.replicas)
	}
	var plan cluster.ReassignPlan
	for _, t := range p.Topics {
		for _, part := range t.Partitions {
			plan = append(plan, cluster.Move{Topic: t.Name, Partition: part.ID, From: part.Replicas, To: to[0].Partitions})
		}
	}
	return plan, nil
}

func newReassignPlan(a *app) *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use: "plan", Short: "print a plan, and move nothing", Args: cobra.NoArgs,
		Long:    "Prints a plan. Into a pipe, or with -o json, it is the file for klab reassign start --plan.\n\n" + planHelp,
		Example: "  klab reassign plan --remove-broker 3 > plan.json\n  klab reassign plan --topic orders --replication-factor 3",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				plan, err := f.plan(cmd.Context(), cmd, c)
				if err != nil {
					return err
				}
				if a.out.json || !a.out.terminal {
					return a.out.value(plan)
				}
				return a.printPlan(plan)
			})
		},
	}
	f.flags(a, cmd)
	a.outputFlag(cmd)
	return cmd
}

func (a *app) printPlan(plan cluster.ReassignPlan) error {
	if len(plan) == 0 {
		return a.out.line("nothing to move: every partition already is where it should be")
	}
	rows := [][]string{}
	for _, m := range plan {
		rows = append(rows, []string{m.Topic, number(m.Partition), ids(m.From), ids(m.To), or(ids(m.Adds()), "-")})
	}
	return a.out.table([]string{"TOPIC", ">PARTITION", "REPLICAS", "NEW REPLICAS", "COPIES TO"}, rows)
}

func newReassignStart(a *app) *cobra.Command {
	var f planFlags
	var file string
	var throttle int64
	var additional bool
	cmd := &cobra.Command{
		Use: "start", Short: "start to move partitions", Args: cobra.NoArgs,
		Long:    "Starts to move partitions, by a plan from a file (- is standard input) or by the flags of klab reassign plan, and\nreturns at once: klab reassign list shows the progress.\n\n" + planHelp,
		Example: "  klab reassign start --plan plan.json --throttle 10000000\n  klab reassign start --topic orders:0 --replicas 2,3,1",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file != "" && f.wanted(cmd) > 0 {
				return badInput("cannot start two plans: give --plan, or the flags of klab reassign plan")
			}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				r := cluster.Reassign{Throttle: throttle, Additional: additional}
				var err error
				if file != "" {
					r.Plan, err = a.planFrom(file)
				} else {
					r.Plan, err = f.plan(cmd.Context(), cmd, c)
				}
				if err != nil {
					return err
				}
				return a.startReassign(cmd.Context(), c, r)
			})
		},
	}
	f.flags(a, cmd)
	cmd.Flags().StringVar(&file, "plan", "", "file of klab reassign plan, or of kafka-reassign-partitions.sh")
	cmd.Flags().Int64Var(&throttle, "throttle", 0, "bytes a second that each broker may send and receive for it; klab reassign throttle --clear takes it away")
	cmd.Flags().BoolVar(&additional, "additional", false, "start also while other partitions are being moved")
	a.outputFlag(cmd)
	return cmd
}

func (a *app) planFrom(file string) (plan cluster.ReassignPlan, err error) {
	var data []byte
	if file == "-" {
		data, err = io.ReadAll(a.in)
	} else {
		data, err = os.ReadFile(file)
	}
	if err == nil {
		err = json.Unmarshal(data, &plan)
	}
	if err != nil {
		return nil, badInput("cannot read plan %s: %w", file, err)
	}
	return plan, nil
}

func (a *app) startReassign(ctx context.Context, c *cluster.Cluster, r cluster.Reassign) error {
	if _, err := c.Glance(ctx); err != nil {
		return err
	}
	if len(r.Plan) == 0 && a.out.json {
		return a.out.value(r.Plan)
	}
	if len(r.Plan) == 0 {
		return a.printPlan(nil)
	}
	if err := c.Reassign(ctx, r); err != nil {
		return err
	}
	if a.out.json {
		return a.out.value(r.Plan)
	}
	limit := ""
	if r.Throttle > 0 {
		limit = fmt.Sprintf(", at most %s/s a broker", byteSize(r.Throttle))
	}
	return a.out.line("moving %s%s: klab reassign list shows the progress", count(int64(len(r.Plan)), "partition", "partitions"), limit)
}

type moveLine struct {
	Topic     string     `json:"topic"`
	Partition int32      `json:"partition"`
	Replicas  []int32    `json:"replicas"`
	Adding    []int32    `json:"adding"`
	Removing  []int32    `json:"removing"`
	Copies    []copyLine `json:"copies"`
}

type copyLine struct {
	Broker  int32 `json:"broker"`
	Records int64 `json:"records_left"` // -1: not known
	Bytes   int64 `json:"bytes_left"`   // -1: not known
	InSync  bool  `json:"in_sync"`
}

func newReassignList(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "list what is being moved, and how much of it is left", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				list, err := c.Reassignments(cmd.Context())
				if err != nil {
					return err
				}
				return a.printMoves(list)
			})
		},
	}
	a.outputFlag(cmd)
	return cmd
}

func (a *app) printMoves(list []cluster.Reassignment) error {
	lines, rows := []moveLine{}, [][]string{}
	for _, r := range list {
		l := moveLine{r.Topic, r.Partition, r.Replicas, r.Adding, r.Removing, []copyLine{}}
		var left []string
		for _, copied := range r.Copies {
			l.Copies = append(l.Copies, copyLine{copied.Broker, copied.Records, copied.Bytes, copied.InSync})
			left = append(left, fmt.Sprintf("%d: %s records, %s", copied.Broker, number(copied.Records), byteSize(copied.Bytes)))
		}
		lines = append(lines, l)
		rows = append(rows, []string{r.Topic, number(r.Partition), ids(r.Replicas), or(ids(r.Adding), "-"), or(ids(r.Removing), "-"), strings.Join(left, "; ")})
	}
	if len(rows) == 0 && !a.out.json {
		return a.out.line("nothing is being moved")
	}
	return a.out.tableOr(lines, []string{"TOPIC", ">PARTITION", "REPLICAS", "ADDING", "REMOVING", "LEFT TO COPY"}, rows)
}

func newReassignCancel(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "cancel [TOPIC[:PARTITION,…]]", Short: "give up what is being moved: partitions keep the replicas that they had", Args: cobra.MaximumNArgs(1), ValidArgsFunction: a.topicNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return badInput("cannot cancel reassignments: name a topic, or give --all")
			}
			of, err := parseTopics(args)
			if err != nil {
				return err
			}
			var r cluster.CancelReassign
			if len(of) == 1 {
				r = cluster.CancelReassign{Topic: of[0].Topic, Partitions: of[0].Partitions}
			}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				n, err := c.CancelReassign(cmd.Context(), r)
				if err != nil {
					return err
				}
				return a.out.line("cancelled the move of %s", count(int64(n), "partition", "partitions"))
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "everything that is being moved")
	return cmd
}

func newReassignThrottle(a *app) *cobra.Command {
	var clear bool
	cmd := &cobra.Command{
		Use: "throttle --clear", Short: "take away the limits that klab reassign start --throttle set", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !clear {
				return badInput("cannot change the throttle: give --clear; klab reassign start --throttle sets it")
			}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				n, err := c.ClearThrottle(cmd.Context())
				if err != nil {
					return err
				}
				return a.out.line("cleared the throttle of %s", count(int64(n), "broker or topic", "brokers and topics"))
			})
		},
	}
	cmd.Flags().BoolVar(&clear, "clear", false, "take the limits away")
	return cmd
}
