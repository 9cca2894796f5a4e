package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"klab/cluster"
)

func newTopic(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "topic", Short: "list, create, describe, change and delete topics", Args: cobra.NoArgs}
	cmd.AddCommand(newTopicList(a), newTopicCreate(a), newTopicDescribe(a), newTopicAlter(a), newTopicDelete(a), newTopicElect(a))
	return requireSubcommand(cmd)
}

// requireSubcommand makes a noun without a verb show its help, and one with an unknown verb bad input.
func requireSubcommand(cmd *cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		err := badInput("unknown command %q for %q", args[0], cmd.CommandPath())
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			err = badInput("%w, did you mean %q", err, near[0])
		}
		return err
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}

func newTopicList(a *app) *cobra.Command {
	var internal bool
	cmd := &cobra.Command{
		Use: "list", Short: "list the topics", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				s, err := c.Glance(cmd.Context())
				if err != nil {
					return err
				}
				return a.listTopics(s, internal)
			})
		},
	}
	cmd.Flags().BoolVar(&internal, "internal", false, "also those that Kafka keeps for itself")
	a.outputFlag(cmd)
	return cmd
}

type topicLine struct {
	Name              string `json:"name"`
	ID                string `json:"id"`
	Internal          bool   `json:"internal"`
	Partitions        int    `json:"partitions"`
	ReplicationFactor int    `json:"replication_factor"`
	UnderReplicated   int    `json:"under_replicated"`
	Offline           int    `json:"offline"`
}

func (a *app) listTopics(s *cluster.Snapshot, internal bool) error {
	lines := []topicLine{}
	for _, t := range s.Topics {
		if t.Internal && !internal {
			continue
		}
		l := topicLine{Name: t.Name, ID: t.ID, Internal: t.Internal, Partitions: len(t.Partitions), ReplicationFactor: t.ReplicationFactor()}
		for _, p := range t.Partitions {
			if p.UnderReplicated() {
				l.UnderReplicated++
			}
			if p.Leader < 0 {
				l.Offline++
			}
		}
		lines = append(lines, l)
	}
	if a.out.json {
		return a.out.value(lines)
	}
	if !a.out.terminal { // names only, one a line, as kafka-topics.sh --list does
		for _, l := range lines {
			if err := a.out.line("%s", l.Name); err != nil {
				return err
			}
		}
		return nil
	}
	rows := make([][]string, len(lines))
	for i, l := range lines {
		rows[i] = []string{l.Name, number(l.Partitions), number(l.ReplicationFactor), number(l.UnderReplicated), number(l.Offline)}
	}
	return a.out.table([]string{"TOPIC", ">PARTITIONS", ">REPLICATION", ">UNDER-REPLICATED", ">OFFLINE"}, rows)
}

func newTopicCreate(a *app) *cobra.Command {
	var n cluster.NewTopic
	var configs []string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "create a topic", Args: cobra.ExactArgs(1),
		Example: "  klab topic create orders --partitions 6 --replication-factor 3 --config min.insync.replicas=2",
		RunE: func(cmd *cobra.Command, args []string) error {
			n.Name = args[0]
			if n.Partitions < 0 || n.ReplicationFactor < 0 {
				return badInput("cannot create topic %s: --partitions and --replication-factor must be positive", n.Name)
			}
			var err error
			if n.Config, err = pairs("--config", configs); err != nil {
				return err
			}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				if err := c.CreateTopic(cmd.Context(), n); err != nil {
					return err
				}
				return a.out.line("created topic %s", n.Name)
			})
		},
	}
	cmd.Flags().Int32Var(&n.Partitions, "partitions", 0, "number of partitions (else the cluster's num.partitions)")
	cmd.Flags().Int16Var(&n.ReplicationFactor, "replication-factor", 0, "replicas of each partition (else the cluster's default.replication.factor)")
	cmd.Flags().StringArrayVar(&configs, "config", nil, "key=value, a topic configuration of Kafka; may be repeated")
	return cmd
}

// pairs reads repeated key=value flags.
func pairs(flag string, list []string) (map[string]string, error) {
	values := make(map[string]string, len(list))
	for _, item := range list {
		key, value, ok := strings.Cut(item, "=")
		if !ok || key == "" {
			return nil, badInput("cannot use %s %q: give key=value", flag, item)
		}
		values[key] = value
	}
	return values, nil
}

func newTopicAlter(a *app) *cobra.Command {
	var partitions int
	cmd := &cobra.Command{
		Use: "alter NAME --partitions N", Short: "raise the number of partitions", Args: cobra.ExactArgs(1), ValidArgsFunction: a.topicNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if partitions <= 0 {
				return badInput("cannot alter topic %s: give the new number of partitions with --partitions", args[0])
			}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				if err := c.AddPartitions(cmd.Context(), args[0], partitions); err != nil {
					return err
				}
				return a.out.line("topic %s has %d partitions", a.out.text(args[0]), partitions)
			})
		},
	}
	cmd.Flags().IntVar(&partitions, "partitions", 0, "the new number of partitions")
	return cmd
}

func newTopicDelete(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: "delete a topic with all its records", Args: cobra.ExactArgs(1), ValidArgsFunction: a.topicNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				if err := c.DeleteTopic(cmd.Context(), args[0]); err != nil {
					return err
				}
				return a.out.line("deleted topic %s", a.out.text(args[0]))
			})
		},
	}
}

func newTopicElect(a *app) *cobra.Command {
	var all bool
	var partition int32
	cmd := &cobra.Command{
		Use: "elect [NAME]", Short: "give leadership back to the preferred replicas", Args: cobra.MaximumNArgs(1), ValidArgsFunction: a.topicNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return badInput("cannot elect leaders: give a topic, or --all")
			}
			var partitions []int32
			switch one := cmd.Flags().Changed("partition"); {
			case one && all:
				return badInput("cannot elect leaders: --partition is of one topic, and --all of every one")
			case one && partition < 0:
				return badInput("cannot elect a leader of partition %d: partitions count from 0", partition)
			case one:
				partitions = []int32{partition}
			}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				if err := c.ElectPreferred(cmd.Context(), strings.Join(args, ""), partitions...); err != nil {
					return err
				}
				return a.out.line("preferred replicas lead")
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all partitions of the cluster")
	cmd.Flags().Int32Var(&partition, "partition", 0, "only this partition (else all of the topic)")
	return cmd
}

func newTopicDescribe(a *app) *cobra.Command {
	var allConfigs bool
	cmd := &cobra.Command{
		Use: "describe NAME", Short: "show a topic's partitions, replicas, offsets and configuration", Args: cobra.ExactArgs(1), ValidArgsFunction: a.topicNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), func(c *cluster.Cluster) error { return a.describeTopic(cmd.Context(), c, args[0], allConfigs) })
		},
	}
	cmd.Flags().BoolVar(&allConfigs, "all-configs", false, "also configuration that is at its default")
	a.outputFlag(cmd)
	return cmd
}

type topicDetail struct {
	Name       string            `json:"name"`
	ID         string            `json:"id"`
	Internal   bool              `json:"internal"`
	Bytes      int64             `json:"bytes"`
	Config     map[string]string `json:"config"`
	Partitions []partitionDetail `json:"partitions"`
}

// partitionDetail holds -1 for what is not known.
type partitionDetail struct {
	Partition     int32        `json:"partition"`
	Leader        int32        `json:"leader"`
	LeaderEpoch   int32        `json:"leader_epoch"`
	Replicas      []int32      `json:"replicas"`
	ISR           []int32      `json:"isr"`
	LogStart      int64        `json:"log_start_offset"`
	HighWatermark int64        `json:"high_watermark"`
	Logs          []replicaLog `json:"logs"`
}

type replicaLog struct {
	Broker int32 `json:"broker"`
	LEO    int64 `json:"log_end_offset"`
	Lag    int64 `json:"lag"`
	Bytes  int64 `json:"bytes"`
}

func (a *app) describeTopic(ctx context.Context, c *cluster.Cluster, name string, allConfigs bool) error {
	s, err := c.Look(ctx)
	if err != nil {
		return err
	}
	t, ok := s.Topic(name)
	if !ok {
		return a.noTopic(name)
	}
	configs, err := c.Configs(ctx, cluster.TopicResource(name))
	if err != nil {
		return err
	}
	d := detail(t)
	for _, entry := range configs {
		if allConfigs || entry.Source == "DYNAMIC_TOPIC_CONFIG" {
			d.Config[entry.Name] = entry.Value
		}
	}
	if a.out.json {
		return a.out.value(d)
	}
	return a.printTopic(d)
}

// noTopic says that a topic does not exist, and what can be done.
func (a *app) noTopic(name string) error {
	return badInput("there is no topic %s: make it with klab topic create, or see klab topic list", name)
}

func detail(t cluster.Topic) topicDetail {
	d := topicDetail{Name: t.Name, ID: t.ID, Internal: t.Internal, Bytes: t.Bytes, Config: map[string]string{}, Partitions: []partitionDetail{}}
	for _, p := range t.Partitions {
		pd := partitionDetail{
			Partition: p.ID, Leader: p.Leader, LeaderEpoch: p.Epoch, Replicas: p.Replicas, ISR: p.ISR,
			LogStart: p.LogStart, HighWatermark: p.HighWatermark, Logs: []replicaLog{},
		}
		for _, l := range p.Logs {
			pd.Logs = append(pd.Logs, replicaLog{Broker: l.Broker, LEO: l.EndOffset, Lag: l.Lag, Bytes: l.Bytes})
		}
		d.Partitions = append(d.Partitions, pd)
	}
	return d
}

// ends are the leader's log end and the largest lag of a replica; -1: it, or one of them, is not known.
func (p partitionDetail) ends() (leo, lag int64) {
	leo, known := int64(-1), true
	for _, l := range p.Logs {
		if l.Broker == p.Leader {
			leo = l.LEO
		}
		lag, known = max(lag, l.Lag), known && l.Lag >= 0
	}
	if !known || len(p.Logs) == 0 {
		return leo, -1
	}
	return leo, lag
}

func (a *app) printTopic(d topicDetail) error {
	var config []string
	for _, key := range sortedKeys(d.Config) {
		config = append(config, key+"="+d.Config[key])
	}
	if err := a.out.line("%s  id %s  %d partitions  %s  %s", a.out.text(d.Name), d.ID, len(d.Partitions), byteSize(d.Bytes),
		a.out.text(strings.Join(config, " "))); err != nil {
		return err
	}
	rows := make([][]string, len(d.Partitions))
	for i, p := range d.Partitions {
		leo, lag := p.ends()
		leader := "none"
		if p.Leader >= 0 {
			leader = strconv.Itoa(int(p.Leader))
		}
		rows[i] = []string{number(p.Partition), leader, number(p.LeaderEpoch), ids(p.Replicas), ids(p.ISR), number(p.LogStart), number(p.HighWatermark), number(leo), number(lag)}
	}
	return a.out.table([]string{">PARTITION", ">LEADER", ">EPOCH", "REPLICAS", "ISR", ">START", ">HIGH WATERMARK", ">LOG END", ">LAG"}, rows)
}
