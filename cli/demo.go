package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"klab/cluster"
	"klab/demos"
	"klab/launcher"
	"klab/launcher/supervisor"
)

func newDemo(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "demo", Short: "lessons on a real cluster: list, run and check them", Args: cobra.NoArgs}
	cmd.AddCommand(newDemoList(a), newDemoRun(a), newDemoLint(a))
	return requireSubcommand(cmd)
}

func newDemoList(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "list the lessons", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			files, err := demos.Lessons()
			if err != nil {
				return err
			}
			return a.listLessons(files)
		},
	}
	a.outputFlag(cmd)
	return cmd
}

type lessonLine struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Level   string `json:"level"`
	Minutes int    `json:"minutes"`
	Steps   int    `json:"steps"`
}

func (a *app) listLessons(files []*demos.File) error {
	lang, err := a.lang()
	if err != nil {
		return err
	}
	lines, rows := []lessonLine{}, [][]string{}
	for _, f := range files {
		l := lessonLine{ID: f.ID, Title: f.Title.In(string(lang)), Level: f.Level, Minutes: f.Minutes, Steps: len(f.Steps)}
		lines = append(lines, l)
		rows = append(rows, []string{l.ID, l.Title, l.Level, strconv.Itoa(l.Steps), strconv.Itoa(l.Minutes)})
	}
	if a.out.json {
		return a.out.value(lines)
	}
	return a.out.table([]string{"LESSON", "TITLE", "LEVEL", "STEPS", "MINUTES"}, rows)
}

// demoRun is what `klab demo run` was asked for.
type demoRun struct {
	headless bool
	all      bool
	repeat   int
	report   string
	look     screenOptions
}

func newDemoRun(a *app) *cobra.Command {
	var o demoRun
	cmd := &cobra.Command{
		Use: "run LESSON|FILE.toml", Short: "run a lesson, on the screen or headless", Args: cobra.MaximumNArgs(1),
		Long: "Runs a lesson on the cluster at --home; where none runs, one is started and stopped again.\n" +
			"Headless, the exit code is 0 when the lesson held, 1 when an expectation failed, 2 when something was waited for in\n" +
			"vain, 3 when the cluster could not be used, 4 when the lesson's file is wrong.",
		Example: "  klab demo run failover --headless --repeat 20 --report report.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := o.lessons(args)
			if err != nil {
				return err
			}
			if !o.headless {
				return a.demoOnScreen(cmd.Context(), files, o.look)
			}
			return a.runHeadless(cmd.Context(), files, o)
		},
	}
	cmd.Flags().BoolVar(&o.headless, "headless", false, "without a screen: every step at once, tasks do their solution")
	cmd.Flags().BoolVar(&o.all, "all", false, "every lesson")
	cmd.Flags().IntVar(&o.repeat, "repeat", 1, "how often, headless")
	cmd.Flags().StringVar(&o.report, "report", "", "write a JSON report to this file, headless")
	o.look.flags(cmd)
	cmd.ValidArgsFunction = completeLessons
	return cmd
}

func completeLessons(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	files, err := demos.Lessons()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var ids []string
	for _, f := range files {
		ids = append(ids, f.ID)
	}
	return ids, cobra.ShellCompDirectiveDefault
}

// lessons finds and lints what was named.
func (o demoRun) lessons(args []string) ([]*demos.File, error) {
	var files []*demos.File
	switch {
	case o.all && len(args) > 0, !o.all && len(args) == 0:
		return nil, badInput("name one lesson (klab demo list shows them), or give --all")
	case o.repeat < 1:
		return nil, badInput("cannot run a lesson %d times: --repeat is 1 or more", o.repeat)
	case o.all:
		all, err := demos.Lessons()
		if err != nil {
			return nil, badLesson{err}
		}
		files = all
	default:
		file, err := demos.Find(args[0])
		if err != nil {
			return nil, badLesson{err}
		}
		files = append(files, file)
	}
	for _, f := range files {
		if errs := demos.Lint(f); len(errs) > 0 {
			return nil, badLesson{errors.Join(errs...)}
		}
	}
	return files, nil
}

// badLesson is a lesson's file that cannot be run.
type badLesson struct{ err error }

func (e badLesson) Error() string { return e.err.Error() }
func (e badLesson) Unwrap() error { return e.err }
func (e badLesson) ExitCode() int { return demos.ExitBadFile }

// lessonFailed is a headless lesson that did not hold.
type lessonFailed struct{ report demos.Report }

func (e lessonFailed) Error() string {
	return fmt.Sprintf("lesson %s %s: %s", e.report.Lesson, e.report.Outcome, e.report.Failure)
}
func (e lessonFailed) ExitCode() int { return e.report.ExitCode() }

// runHeadless runs every lesson as often as asked, and ends at the first one that does not hold.
func (a *app) runHeadless(ctx context.Context, files []*demos.File, o demoRun) error {
	home, started, err := a.lessonCluster(ctx, files)
	if err != nil {
		return err
	}
	if started {
		defer launcher.Down(context.WithoutCancel(ctx), a.home, false)
	}
	var reports []demos.Report
	for _, f := range files {
		for round := range o.repeat {
			report, err := a.headlessOnce(ctx, home, f)
			if err != nil {
				return err
			}
			reports = append(reports, report)
			if err := a.out.line("%-10s %2d/%d  %s  %.1f s%s", report.Lesson, round+1, o.repeat, report.Outcome, float64(report.Millis)/1000, measured(report)); err != nil {
				return err
			}
			if report.ExitCode() != demos.ExitPassed {
				return errors.Join(lessonFailed{report}, writeReports(o.report, reports))
			}
		}
	}
	return writeReports(o.report, reports)
}

func measured(r demos.Report) string {
	text := ""
	for _, step := range r.Steps {
		for _, name := range sortedKeys(step.Measured) {
			text += fmt.Sprintf("  %s %g", name, step.Measured[name])
		}
	}
	return text
}

func (a *app) headlessOnce(ctx context.Context, home string, f *demos.File) (demos.Report, error) {
	lang, err := a.lang()
	if err != nil {
		return demos.Report{}, err
	}
	c, err := cluster.Open(ctx, cluster.Target{Home: home, By: "lesson " + f.ID})
	if err != nil {
		return demos.Report{}, err
	}
	defer c.Close()
	return demos.RunHeadless(ctx, demos.Options{Cluster: c, Home: home, File: f, Lang: string(lang)}), nil
}

// lessonCluster finds the cluster at --home, or starts one with what the lessons ask of its brokers.
func (a *app) lessonCluster(ctx context.Context, files []*demos.File) (home string, started bool, err error) {
	if len(a.bootstrap) > 0 {
		return "", false, inputError{demos.ErrNotOurs}
	}
	if home, err = launcher.Home(a.home); err != nil {
		return "", false, err
	}
	_, err = supervisor.Dial(ctx, home)
	if err == nil || !errors.Is(err, supervisor.ErrNotRunning) {
		return home, false, err
	}
	var overrides []string
	for _, f := range files {
		for key, value := range f.Cluster.Config {
			overrides = append(overrides, key+"="+value)
		}
	}
	_, err = launcher.Up(ctx, launcher.Options{Home: a.home, Overrides: overrides})
	return home, err == nil, err
}

func writeReports(path string, reports []demos.Report) error {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(reports, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(data, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return nil
}

func newDemoLint(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "lint [FILE.toml|LESSON]…", Short: "check lessons: keys, verbs, observables, variables, both languages, fit",
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := lintTargets(args)
			if err != nil {
				return badLesson{err}
			}
			for _, f := range files {
				if errs := demos.Lint(f); len(errs) > 0 {
					return badLesson{errors.Join(errs...)}
				}
			}
			return a.out.line("%s clean", count(int64(len(files)), "lesson is", "lessons are"))
		},
	}
}

func lintTargets(args []string) ([]*demos.File, error) {
	if len(args) == 0 {
		return demos.Lessons()
	}
	var files []*demos.File
	for _, arg := range args {
		f, err := demos.Find(arg)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}
