package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"klab/cluster"
)

type resetFlags struct {
	to     string
	plan   string
	topics []string
	dryRun bool
	export bool
}

func newGroupReset(a *app) *cobra.Command {
	var f resetFlags
	cmd := &cobra.Command{
		Use: "reset-offsets GROUP --to WHERE", Short: "set a group's offsets", Args: cobra.ExactArgs(1), ValidArgsFunction: a.groupNames,
		Long: "Sets where a group goes on reading, in all topics that it has offsets for or in those of --topic. The group must have\n" +
			"no members. --dry-run shows what would change.\n\n" +
			"--to takes earliest, latest, current, an offset, +N or -N (a shift), a time such as 2026-01-31T15:04:05 or 15:04:05,\n" +
			"or a duration such as 30m or PT30M: so long ago. --plan reads lines of topic,partition,offset from a file, or from\n" +
			"standard input as -, with --topic only those of it; --export writes such lines.",
		Example: "  klab group reset-offsets billing --to -100 --topic orders:0,1 --dry-run\n" +
			"  klab group reset-offsets billing --to current --export > before.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := a.parseReset(args[0], f)
			if err != nil {
				return err
			}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error { return a.resetOffsets(cmd.Context(), c, r, f.export) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.to, "to", "", "where to: earliest, latest, current, an offset, +N, -N, a time, a duration")
	flags.StringVar(&f.plan, "plan", "", "file with lines of topic,partition,offset")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would change, and change nothing")
	flags.BoolVar(&f.export, "export", false, "write topic,partition,offset lines, with -o json an array; changes nothing")
	a.topicsFlag(cmd, &f.topics, "only this topic, with partitions after a colon: orders, orders:0,1; may be repeated")
	_ = cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions([]string{"earliest", "latest", "current", "-100", "+100", "30m"}, cobra.ShellCompDirectiveNoFileComp))
	a.outputFlag(cmd)
	return cmd
}

func (a *app) parseReset(group string, f resetFlags) (cluster.ResetOffsets, error) {
	r := cluster.ResetOffsets{Group: group, DryRun: f.dryRun || f.export}
	if (f.to == "") == (f.plan == "") {
		return r, badInput("cannot reset offsets of group %s: say where with --to, or give a --plan", group)
	}
	var err error
	if r.Topics, err = parseTopics(f.topics); err != nil {
		return r, err
	}
	if f.plan == "" {
		r.To, err = cluster.ParseReset(f.to, time.Now())
	} else {
		r.To, err = a.readPlan(f.plan)
	}
	if err != nil {
		return r, inputError{err}
	}
	return r, nil
}

func (a *app) readPlan(file string) (cluster.ResetTo, error) {
	var in io.Reader = a.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return cluster.ResetTo{}, fmt.Errorf("cannot read plan: %w", err)
		}
		defer f.Close()
		in = f
	}
	return cluster.ReadResetPlan(in)
}

// changeLine is one partition of a reset.
type changeLine struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Old       int64  `json:"old_offset"` // -1: none
	New       int64  `json:"new_offset"` // -1: not to be told
	Start     int64  `json:"log_start_offset"`
	End       int64  `json:"log_end_offset"`
	Clamped   bool   `json:"clamped,omitempty"`
	Problem   string `json:"problem,omitempty"`
}

func (a *app) resetOffsets(ctx context.Context, c *cluster.Cluster, r cluster.ResetOffsets, export bool) error {
	plan, failed := c.ResetOffsets(ctx, r)
	if failed != nil && len(plan) == 0 {
		return groupError(failed)
	}
	lines, rows := []changeLine{}, [][]string{}
	for _, o := range plan {
		lines = append(lines, changeLine(o))
		note := o.Problem
		if o.Clamped {
			note = "nearest offset that there is"
		}
		rows = append(rows, []string{o.Topic, number(o.Partition), number(o.Old), number(o.New), number(o.Start), number(o.End), note})
	}
	if export {
		return errors.Join(a.exportOffsets(r.Group, plan, lines), failed)
	}
	err := a.out.tableOr(lines, []string{"TOPIC", ">PARTITION", ">OLD", ">NEW", ">LOG START", ">LOG END", "NOTE"}, rows)
	if err == nil && failed == nil && r.DryRun && !a.out.json {
		err = a.out.line("nothing was changed: leave --dry-run out to do it")
	}
	return errors.Join(err, failed)
}

// exportOffsets writes a plan as a file, or nothing: one that lacks a partition would pass for a whole one.
func (a *app) exportOffsets(group string, plan []cluster.OffsetChange, lines []changeLine) error {
	var untold []string
	for _, o := range plan {
		if o.Problem != "" {
			untold = append(untold, fmt.Sprintf("%s/%d (%s)", o.Topic, o.Partition, o.Problem))
		}
	}
	if len(untold) > 0 {
		return fmt.Errorf("cannot export offsets of group %s: not known for %s; nothing was written, try again, or leave them out with --topic", group, strings.Join(untold, ", "))
	}
	if a.out.json {
		return a.out.value(lines)
	}
	for _, o := range plan {
		if err := a.out.line("%s,%d,%d", o.Topic, o.Partition, o.New); err != nil {
			return err
		}
	}
	return nil
}

// tableOr writes lines as JSON, or rows as a table.
func (o output) tableOr(lines any, header []string, rows [][]string) error {
	if o.json {
		return o.value(lines)
	}
	return o.table(header, rows)
}
