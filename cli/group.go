package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"klab/cluster"
)

func newGroup(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "group", Short: "list, describe, reset and delete consumer groups", Args: cobra.NoArgs}
	cmd.AddCommand(newGroupList(a), newGroupDescribe(a), newGroupReset(a), newGroupDelete(a), newGroupDeleteOffsets(a), newGroupRemoveMember(a))
	return requireSubcommand(cmd)
}

// groupLine is a group in a list; -1 is not known.
type groupLine struct {
	Group        string `json:"group"`
	State        string `json:"state"`
	Type         string `json:"type"`
	ProtocolType string `json:"protocol_type"`
	Protocol     string `json:"protocol"`
	Coordinator  int32  `json:"coordinator"`
	Members      int    `json:"members"`
	Lag          int64  `json:"lag"`
}

func lineOf(g cluster.Group) groupLine {
	return groupLine{g.Name, g.State, g.Type, g.ProtocolType, g.Protocol, g.Coordinator, g.MemberCount(), g.Lag}
}

func newGroupList(a *app) *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use: "list", Short: "list the groups", Args: cobra.NoArgs,
		Long: "Lists the groups of every coordinator, with members and lag. Into a pipe it writes the names alone, and asks each\n" +
			"broker only once.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(cmd.Context(), func(c *cluster.Cluster) error { return a.listGroups(cmd.Context(), c, state) })
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only those in this state: Stable, Empty, PreparingRebalance, CompletingRebalance, Dead")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"Stable", "Empty", "PreparingRebalance", "CompletingRebalance", "Dead"}, cobra.ShellCompDirectiveNoFileComp))
	a.outputFlag(cmd)
	return cmd
}

func (a *app) listGroups(ctx context.Context, c *cluster.Cluster, state string) error {
	namesOnly := !a.out.json && !a.out.terminal
	read := func() ([]cluster.Group, error) { return c.ReadGroups(ctx) }
	if namesOnly {
		read = func() ([]cluster.Group, error) { return c.ListGroups(ctx) }
	}
	groups, failed := read()
	lines, rows := []groupLine{}, [][]string{}
	for _, g := range groups {
		if state != "" && !strings.EqualFold(g.State, state) {
			continue
		}
		lines = append(lines, lineOf(g))
		rows = append(rows, []string{g.Name, g.State, or(g.Type, "-"), or(g.ProtocolType, "-"), or(g.Protocol, "-"), number(g.Coordinator), number(g.MemberCount()), number(g.Lag)})
	}
	if failed != nil && len(groups) == 0 {
		return failed
	}
	err := a.printGroups(lines, rows, namesOnly)
	return errors.Join(err, failed, unread(groups))
}

// unread is the error of groups whose members or offsets could not be read.
func unread(groups []cluster.Group) error {
	var failed []error
	for _, g := range groups {
		if g.Err != nil {
			failed = append(failed, fmt.Errorf("group %s: %w", g.Name, g.Err))
		}
	}
	switch len(failed) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("cannot read %w", failed[0])
	}
	return fmt.Errorf("cannot read %d of the groups, first %w", len(failed), failed[0])
}

func (a *app) printGroups(lines []groupLine, rows [][]string, namesOnly bool) error {
	switch {
	case a.out.json:
		return a.out.value(lines)
	case namesOnly: // one a line, as kafka-consumer-groups.sh --list does
		for _, l := range lines {
			if err := a.out.line("%s", l.Group); err != nil {
				return err
			}
		}
		return nil
	}
	return a.out.table([]string{"GROUP", "STATE", "TYPE", "PROTOCOL TYPE", "ASSIGNOR", ">COORDINATOR", ">MEMBERS", ">LAG"}, rows)
}

// or is s, or instead where s is empty.
func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}

func newGroupDescribe(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "describe GROUP", Short: "show a group's members, assignment, offsets and lag", Args: cobra.ExactArgs(1), ValidArgsFunction: a.groupNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				g, err := a.oneGroup(cmd.Context(), c, args[0])
				if err != nil {
					return err
				}
				if a.out.json {
					return a.out.value(groupDetailOf(g))
				}
				return a.printGroup(g)
			})
		},
	}
	a.outputFlag(cmd)
	return cmd
}

// oneGroup reads a group, or says that there is none.
func (a *app) oneGroup(ctx context.Context, c *cluster.Cluster, name string) (cluster.Group, error) {
	groups, err := c.ReadGroups(ctx, name)
	switch {
	case len(groups) == 1 && groups[0].Err != nil:
		return groups[0], fmt.Errorf("cannot describe group %s: %w", name, groups[0].Err)
	case len(groups) == 1:
		return groups[0], nil
	case err != nil:
		return cluster.Group{}, err
	}
	return cluster.Group{}, badInput("there is no group %s: see klab group list", name)
}

type groupDetail struct {
	groupLine
	MembersOf  []memberLine     `json:"member_list"`
	Partitions []groupPartition `json:"partitions"`
}

type memberLine struct {
	ID       string             `json:"member_id"`
	Instance string             `json:"group_instance_id,omitempty"`
	Client   string             `json:"client_id"`
	Host     string             `json:"host"`
	Assigned map[string][]int32 `json:"assignment"`
}

type groupPartition struct {
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Committed int64     `json:"committed_offset"`         // -1: none
	End       int64     `json:"log_end_offset"`           // -1: not known
	Lag       int64     `json:"lag"`                      // -1: not known, or beyond the end
	Beyond    int64     `json:"beyond_log_end,omitempty"` // by how much the offset is beyond the end of the log
	Metadata  string    `json:"metadata,omitempty"`
	Member    string    `json:"member_id,omitempty"`
	At        time.Time `json:"read_at"`
}

func groupDetailOf(g cluster.Group) groupDetail {
	d := groupDetail{groupLine: lineOf(g), MembersOf: []memberLine{}, Partitions: []groupPartition{}}
	for _, m := range g.Members {
		l := memberLine{ID: m.ID, Instance: m.InstanceID, Client: m.ClientID, Host: m.Host, Assigned: map[string][]int32{}}
		for _, t := range m.Assigned {
			l.Assigned[t.Topic] = t.Partitions
		}
		d.MembersOf = append(d.MembersOf, l)
	}
	for _, p := range g.Partitions {
		l := groupPartition{Topic: p.Topic, Partition: p.Partition, Committed: p.Committed, End: p.End, Lag: p.Lag, Beyond: p.Beyond, Metadata: p.Metadata, At: g.OffsetsAt}
		if p.Member >= 0 {
			l.Member = g.Members[p.Member].ID
		}
		d.Partitions = append(d.Partitions, l)
	}
	return d
}

func (a *app) printGroup(g cluster.Group) error {
	err := a.out.line("%s  %s  %s  %s  coordinator %d  %s members  lag %s", a.out.text(g.Name), g.State, or(g.Type, "-"), a.out.text(or(g.Protocol, "-")),
		g.Coordinator, number(g.MemberCount()), number(g.Lag))
	if err != nil {
		return err
	}
	rows := [][]string{}
	for _, m := range g.Members {
		var topics []string
		for _, t := range m.Assigned {
			topics = append(topics, t.Topic+":"+ids(t.Partitions))
		}
		rows = append(rows, []string{m.ID, or(m.InstanceID, "-"), m.ClientID, m.Host, number(m.Count()), strings.Join(topics, " ")})
	}
	if len(rows) > 0 {
		if err := a.out.table([]string{"MEMBER", "INSTANCE", "CLIENT", "HOST", ">PARTITIONS", "ASSIGNMENT"}, rows); err != nil {
			return err
		}
	}
	rows = [][]string{}
	for _, p := range g.Partitions {
		client := "-"
		if p.Member >= 0 {
			client = or(g.Members[p.Member].InstanceID, g.Members[p.Member].ClientID)
		}
		rows = append(rows, []string{p.Topic, number(p.Partition), number(p.Committed), number(p.End), lagOf(p), client, p.Metadata})
	}
	return a.out.table([]string{"TOPIC", ">PARTITION", ">COMMITTED", ">LOG END", ">LAG", "MEMBER", "METADATA"}, rows)
}

// lagOf writes a lag; that of an offset beyond the end of the log is negative, as Kafka's tool writes it.
func lagOf(p cluster.GroupPartition) string {
	if p.Beyond > 0 {
		return strconv.FormatInt(-p.Beyond, 10)
	}
	return number(p.Lag)
}

func newGroupDelete(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "delete GROUP…", Short: "delete groups with their offsets; a group with members is refused", Args: cobra.MinimumNArgs(1), ValidArgsFunction: a.groupNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				for _, name := range args {
					if err := c.DeleteGroup(cmd.Context(), name); err != nil {
						return groupError(err)
					}
					if err := a.out.line("deleted group %s", a.out.text(name)); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// groupError makes the error of a group that does not exist bad input.
func groupError(err error) error {
	if errors.Is(err, cluster.ErrNoGroup) {
		return inputError{err}
	}
	return err
}

func newGroupDeleteOffsets(a *app) *cobra.Command {
	var topics []string
	cmd := &cobra.Command{
		Use: "delete-offsets GROUP --topic TOPIC[:PARTITION,…]", Short: "forget a group's offsets of a topic", Args: cobra.ExactArgs(1), ValidArgsFunction: a.groupNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			of, err := parseTopics(topics)
			if err != nil || len(of) == 0 {
				return errors.Join(err, badInput("cannot delete offsets of group %s: name a topic with --topic", args[0]))
			}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				for _, t := range of {
					if err := c.DeleteOffsets(cmd.Context(), cluster.DeleteOffsets{Group: args[0], Topic: t.Topic, Partitions: t.Partitions}); err != nil {
						return groupError(err)
					}
				}
				return a.out.line("deleted offsets of group %s", a.out.text(args[0]))
			})
		},
	}
	a.topicsFlag(cmd, &topics, "the topic, with partitions after a colon: orders, orders:0,1; may be repeated")
	return cmd
}

// topicsFlag gives a command a repeatable --topic NAME[:PARTITION,…].
func (a *app) topicsFlag(cmd *cobra.Command, topics *[]string, help string) {
	cmd.Flags().StringArrayVar(topics, "topic", nil, help)
	_ = cmd.RegisterFlagCompletionFunc("topic", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.topicNames(cmd, nil, typed)
	})
}

// parseTopics reads orders and orders:0,1.
func parseTopics(list []string) ([]cluster.TopicPartitions, error) {
	var read []cluster.TopicPartitions
	for _, s := range list {
		name, numbers, some := strings.Cut(s, ":")
		t := cluster.TopicPartitions{Topic: name}
		for word := range strings.SplitSeq(numbers, ",") {
			if !some {
				break
			}
			n, err := strconv.ParseInt(word, 10, 32)
			if err != nil || n < 0 {
				return nil, badInput("cannot use topic %q: give TOPIC or TOPIC:PARTITION,PARTITION", s)
			}
			t.Partitions = append(t.Partitions, int32(n))
		}
		read = append(read, t)
	}
	return read, nil
}

func newGroupRemoveMember(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "remove-member GROUP MEMBER", Short: "make a member leave, by its member id or its group.instance.id", Args: cobra.RangeArgs(1, 2), ValidArgsFunction: a.groupNames,
		Long: "Makes a member leave its group at once, as if it had said so itself. A client that still runs joins again; a static\n" +
			"member that is gone for good need not be waited for.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 2) {
				return badInput("cannot remove a member of group %s: name the member, or give --all", args[0])
			}
			r := cluster.RemoveMember{Group: args[0], Member: strings.Join(args[1:], "")}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				n, err := c.RemoveMember(cmd.Context(), r)
				if err != nil {
					return groupError(err)
				}
				return a.out.line("removed %s of group %s", count(int64(n), "member", "members"), a.out.text(args[0]))
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every member")
	return cmd
}

// groupNames completes the first argument with the cluster's groups.
func (a *app) groupNames(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	a.brief(cmd.Context(), func(ctx context.Context, c *cluster.Cluster) {
		groups, _ := c.ListGroups(ctx)
		for _, g := range groups {
			names = append(names, g.Name)
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}
