package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"klab/cluster"
	"klab/demos"
	"klab/launcher"
	"klab/tui"
)

// screenOptions are the flags of the screen.
type screenOptions struct {
	ascii bool
	theme string
	file  string // of the cluster that u starts; empty: the one that is built in
}

// flags are those of how it looks.
func (o *screenOptions) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.ascii, "ascii", false, "draw with ASCII only (else where the terminal or the locale asks for it)")
	cmd.Flags().StringVar(&o.theme, "theme", "", "colours: auto, dark, light, high-contrast or mono")
}

// screen opens the screen; with a lesson, at that lesson.
func (a *app) screen(ctx context.Context, o screenOptions, lesson *demos.File) error {
	if !a.out.terminal {
		return badInput("cannot open the screen: standard output is no terminal; klab status, klab topic list and the others work without one (klab --help)")
	}
	home, err := launcher.Home(a.home)
	if err != nil {
		return err
	}
	lang, err := a.lang()
	if err != nil {
		return err
	}
	lessons, err := a.lessonsFor(ctx, home, lesson)
	if err != nil {
		return err
	}
	options := tui.Options{
		Open: a.openSource, Lessons: lessons, Home: home, File: o.file, Lang: lang, Theme: o.theme,
		ASCII: o.ascii || tui.NeedsASCII(a.getenv),
	}
	if lesson != nil {
		options.Lesson = lesson.ID
	}
	if len(a.bootstrap) == 0 {
		options.Launch = func(ctx context.Context, report func(tui.LaunchStep)) error { return a.launch(ctx, o.file, report) }
		options.Stop = func(ctx context.Context) error { return launcher.Down(ctx, a.home, false) }
		options.Connect = func(ctx context.Context, bootstrap []string) (tui.Source, error) {
			return openCluster(ctx, cluster.Target{Bootstrap: bootstrap})
		}
	}
	return tui.Run(ctx, options)
}

// openSource opens what the flags name.
func (a *app) openSource(ctx context.Context) (tui.Source, error) {
	source, err := openCluster(ctx, a.target())
	if errors.Is(err, cluster.ErrNothing) && len(a.bootstrap) == 0 {
		return nil, fmt.Errorf("%w: %w", tui.ErrNothingRuns, err)
	}
	return source, err
}

func openCluster(ctx context.Context, target cluster.Target) (tui.Source, error) {
	c, err := cluster.Open(ctx, target)
	if err != nil {
		return nil, err
	}
	return tui.FromCluster(c), nil
}

// launch starts the cluster and reports what became ready when.
func (a *app) launch(ctx context.Context, file string, report func(tui.LaunchStep)) error {
	result, err := launcher.Up(ctx, launcher.Options{Home: a.home, File: file})
	if err != nil {
		return err
	}
	for _, b := range result.Status.Brokers {
		took := time.Duration(b.ReadyMs * float64(time.Millisecond))
		report(tui.LaunchStep{What: fmt.Sprintf("broker %d", b.ID), Ready: b.ReadyMs > 0, Took: took})
	}
	return nil
}

// demoOnScreen opens the screen at a lesson; the cluster is started first where none runs, and stays.
func (a *app) demoOnScreen(ctx context.Context, files []*demos.File, look screenOptions) error {
	if len(files) != 1 {
		return badInput("the screen plays one lesson at a time: name it, or give --headless")
	}
	if !a.out.terminal {
		return badInput("cannot play a lesson here: standard output is no terminal; give --headless")
	}
	if _, _, err := a.lessonCluster(ctx, files); err != nil {
		return err
	}
	return a.screen(ctx, look, files[0])
}
