package cli

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"klab/cluster"
)

type consumeFlags struct {
	partitions []int32
	from       string
	max        int64
	follow     bool
	raw        bool
	format     string
	group      string
	instance   string
	isolation  string
}

func newConsume(a *app) *cobra.Command {
	var f consumeFlags
	cmd := &cobra.Command{
		Use: "consume TOPIC", Short: "read records", Args: cobra.ExactArgs(1), ValidArgsFunction: a.topicNames,
		Long: "Reads the records of a topic, from the beginning to the end that it has now, or with --follow on and on.\n\n" +
			"--from takes beginning, end, an offset, -N (the last N of each partition), a time such as 2026-01-31T15:04:05\n" +
			"or 15:04:05, or -30m for half an hour ago.\n\n" +
			"With --group it joins a consumer group, goes on where that group was, and commits what it wrote. Without --follow it\n" +
			"leaves when nothing has come for some seconds. --from then says where a partition begins that has no offset yet.\n\n" + formatHelp,
		Example: "  klab consume orders --from -10 --format '%p/%o %k = %v\\n'",
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("from") && f.follow {
				f.from = "end"
			}
			start, err := cluster.ParsePosition(f.from, time.Now())
			if err != nil {
				return inputError{err}
			}
			if f.max < 0 {
				return badInput("cannot read %d records: --max must not be negative", f.max)
			}
			layout, err := parseFormat(f.format)
			if err != nil {
				return inputError{err}
			}
			if a.out.json && cmd.Flags().Changed("format") {
				return badInput("cannot write records in two ways: give --format, or -o json")
			}
			a.out.terminal = a.out.terminal && !f.raw
			if err := f.check(); err != nil {
				return err
			}
			if f.group != "" {
				g := f.asGroup(args[0], start)
				return a.with(cmd.Context(), func(c *cluster.Cluster) error { return a.consumeAsGroup(cmd.Context(), c, g, layout) })
			}
			r := cluster.ReadRequest{Topic: args[0], Partitions: f.partitions, From: start, Max: f.max, Follow: f.follow, Committed: f.committed()}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error { return a.consume(cmd.Context(), c, r, layout) })
		},
	}
	flags := cmd.Flags()
	flags.Int32SliceVar(&f.partitions, "partition", nil, "only these partitions (else all)")
	flags.StringVar(&f.from, "from", "beginning", "where to begin; with --follow the default is end")
	flags.Int64Var(&f.max, "max", 0, "end after so many records")
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on with what is written later")
	flags.BoolVar(&f.raw, "raw", false, "write bytes as they are, also to a terminal")
	flags.StringVarP(&f.group, "group", "g", "", "join this consumer group and commit to it")
	flags.StringVar(&f.instance, "instance-id", "", "with --group: group.instance.id, for a static member")
	flags.StringVar(&f.isolation, "isolation-level", "read_uncommitted", "read_uncommitted, or read_committed: only what transactions committed")
	_ = cmd.RegisterFlagCompletionFunc("group", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.groupNames(cmd, nil, typed)
	})
	_ = cmd.RegisterFlagCompletionFunc("isolation-level", cobra.FixedCompletions([]string{"read_uncommitted", "read_committed"}, cobra.ShellCompDirectiveNoFileComp))
	flags.StringVar(&f.format, "format", `%v\n`, "how to write a record")
	_ = cmd.RegisterFlagCompletionFunc("from", cobra.FixedCompletions([]string{"beginning", "end", "-10"}, cobra.ShellCompDirectiveNoFileComp))
	a.outputFlag(cmd)
	return cmd
}

func (f consumeFlags) committed() bool { return f.isolation == "read_committed" }

// check refuses flags that mean nothing, or nothing together.
func (f consumeFlags) check() error {
	switch {
	case !f.committed() && f.isolation != "read_uncommitted":
		return badInput("cannot use --isolation-level %q: give read_uncommitted or read_committed", f.isolation)
	case f.group != "" && len(f.partitions) > 0:
		return badInput("cannot read partitions %s as group %s: the group assigns the partitions", ids(f.partitions), f.group)
	case f.group == "" && f.instance != "":
		return badInput("cannot be the static member %s of no group: give --group too", f.instance)
	}
	return nil
}

// asGroup is the request to read as a member of a group.
func (f consumeFlags) asGroup(topic string, from cluster.Position) cluster.GroupRead {
	return cluster.GroupRead{Group: f.group, Topic: topic, InstanceID: f.instance, From: from, Max: f.max, Follow: f.follow, Committed: f.committed()}
}

// consumeAsGroup is consume as a member of a group.
func (a *app) consumeAsGroup(ctx context.Context, c *cluster.Cluster, g cluster.GroupRead, layout format) error {
	s, err := c.Glance(ctx)
	if err != nil {
		return err
	}
	if _, ok := s.Topic(g.Topic); !ok {
		return a.noTopic(g.Topic)
	}
	return a.write(ctx, layout, func(flush func() error) iter.Seq2[cluster.Record, error] {
		g.Waiting = flush
		return c.ReadAsGroup(ctx, g)
	})
}

func (a *app) consume(ctx context.Context, c *cluster.Cluster, r cluster.ReadRequest, layout format) error {
	return a.write(ctx, layout, func(flush func() error) iter.Seq2[cluster.Record, error] {
		r.Waiting = flush
		return c.Read(ctx, r)
	})
}

// write writes records as they come; what is buffered goes out before it waits for more.
func (a *app) write(ctx context.Context, layout format, read func(flush func() error) iter.Seq2[cluster.Record, error]) error {
	w := bufio.NewWriterSize(a.out.w, 64<<10)
	out := a.out
	out.w = w
	for rec, err := range read(w.Flush) {
		if err == nil {
			err = out.record(&rec, layout)
		}
		if err != nil {
			w.Flush()
			return interrupted(ctx, err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("cannot write: %w", err)
	}
	return nil
}

func (o output) record(r *cluster.Record, layout format) error {
	if o.json {
		return o.value(toJSON(r))
	}
	return layout.write(o, r)
}

// recordJSON holds bytes as text where they are valid UTF-8, else as base64 under the name with _base64.
type recordJSON struct {
	Topic       string       `json:"topic"`
	Partition   int32        `json:"partition"`
	Offset      int64        `json:"offset"`
	Timestamp   time.Time    `json:"timestamp"`
	Key         *string      `json:"key"`
	KeyBase64   string       `json:"key_base64,omitempty"`
	Value       *string      `json:"value"`
	ValueBase64 string       `json:"value_base64,omitempty"`
	Headers     []headerJSON `json:"headers,omitempty"`
	LeaderEpoch int32        `json:"leader_epoch"`
	Codec       string       `json:"codec"`
}

type headerJSON struct {
	Key         string  `json:"key"`
	Value       *string `json:"value"`
	ValueBase64 string  `json:"value_base64,omitempty"`
}

func toJSON(r *cluster.Record) recordJSON {
	j := recordJSON{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Time, LeaderEpoch: r.LeaderEpoch, Codec: r.Codec}
	j.Key, j.KeyBase64 = jsonBytes(r.Key)
	j.Value, j.ValueBase64 = jsonBytes(r.Value)
	for _, h := range r.Headers {
		hj := headerJSON{Key: h.Key}
		hj.Value, hj.ValueBase64 = jsonBytes(h.Value)
		j.Headers = append(j.Headers, hj)
	}
	return j
}

func jsonBytes(b []byte) (text *string, encoded string) {
	switch {
	case b == nil:
		return nil, ""
	case utf8.Valid(b):
		return new(string(b)), ""
	}
	return nil, base64.StdEncoding.EncodeToString(b)
}
