package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"klab/cluster"
)

func newEvents(a *app) *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use: "events", Short: "show the timeline: what happened in the cluster, with milliseconds since its cause", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.events(cmd.Context(), follow)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what happens later")
	a.outputFlag(cmd)
	return cmd
}

func (a *app) events(ctx context.Context, follow bool) error {
	target, open := a.target(), cluster.Connect
	if len(target.Bootstrap) > 0 {
		if !follow {
			return badInput("a cluster that klab did not start keeps no timeline: give --follow to see what happens from now on")
		}
		open = cluster.Open
	}
	c, err := open(ctx, target)
	if err != nil {
		return err
	}
	defer c.Close()
	if len(target.Bootstrap) > 0 {
		if err := a.await(ctx, c); err != nil {
			return err
		}
	}
	for f, err := range c.Facts(ctx, follow) {
		if err == nil {
			err = a.printFact(f)
		}
		if err != nil {
			return interrupted(ctx, err)
		}
	}
	return interrupted(ctx, nil)
}

// await waits until a broker has answered, or all have failed to.
func (a *app) await(ctx context.Context, c *cluster.Cluster) error {
	for {
		changed := c.Changed()
		if s := c.Snapshot(); s.At.IsZero() && s.Err == nil {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return errInterrupted
			}
		}
		ctx, cancel := context.WithCancel(ctx)
		cancel() // what there is now decides
		return c.Ready(ctx)
	}
}

func (a *app) printFact(f cluster.Fact) error {
	if a.out.json {
		return a.out.value(f)
	}
	lang, _ := a.lang()
	subject, text := f.Words(lang)
	since := ""
	switch {
	case f.SinceCause == 0:
		since = "0"
	case f.SinceCause > 0:
		since = fmt.Sprintf("+%s ms", grouped(f.SinceCause.Milliseconds()))
	}
	return a.out.line("%s  %12s  %-16s %s", f.Time.Local().Format("15:04:05.000"), since, a.out.text(subject), a.out.text(text))
}

// grouped writes a number with commas between thousands.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
