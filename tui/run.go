package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"klab/cluster"
	"klab/tui/cell"
)

// Limits of operations that take longer than others.
const (
	openLimit   = 15 * time.Second
	launchLimit = 2 * time.Minute
)

// Options says what the screen shows and what it may do. A nil function is an action that the screen does not offer.
type Options struct {
	// Open opens the cluster to show; its error wraps ErrNothingRuns when there is none. It is called after the
	// first frame, and again after Launch.
	Open func(ctx context.Context) (Source, error)
	// Launch starts a cluster and returns when it is ready. It reports its steps, from any goroutine.
	Launch func(ctx context.Context, report func(LaunchStep)) error
	// Connect opens another cluster by addresses of its brokers.
	Connect func(ctx context.Context, bootstrap []string) (Source, error)
	// Stop stops every process of the launched cluster and keeps its data.
	Stop    func(ctx context.Context) error
	Lessons Lessons
	Lesson  string // id in Lessons to start once Open found a cluster; empty: none

	File string // of the cluster that Launch starts, for the welcome
	Home string // where its data is, for the welcome

	Lang  cluster.Lang // zero: English
	ASCII bool         // no character beyond ASCII in the program's own text
	Theme string       // one of cell.ThemeNames; empty: auto

	Input       io.Reader // nil: the terminal
	Output      io.Writer // nil: standard output
	Environment []string  // nil: the process's

	theme *cell.Theme
}

// LaunchStep is one part of a cluster that is being started, or is ready.
type LaunchStep struct {
	What  string // "ZooKeeper", "broker 1"
	Ready bool
	Took  time.Duration // until ready
}

// Run shows the screen until the person quits or ctx ends, and restores the terminal. The cluster runs on.
func Run(ctx context.Context, o Options) error {
	o.complete()
	profile := colorprofile.Detect(o.Output, o.Environment)
	if profile == colorprofile.NoTTY {
		return ErrNoScreen
	}
	root, err := prepare(ctx, &o)
	if err != nil {
		return err
	}
	defer root.close()
	root.theme = root.theme.For(profile)
	root.profile = profile
	p := &painter{out: o.Output}
	root.clipboard = p.copy
	if err := p.enter(); err != nil {
		return fmt.Errorf("cannot write to the terminal: %w", err)
	}
	defer p.leave()
	_, err = tea.NewProgram(painted{root, p}, programOptions(ctx, &o)...).Run()
	switch {
	case err == nil, errors.Is(err, tea.ErrInterrupted), ctx.Err() != nil:
		return nil
	}
	return fmt.Errorf("cannot show the screen: %w", err)
}

// ErrNoScreen is returned by Run on something that cannot show a screen.
var ErrNoScreen = errors.New("cannot show the screen: this is no terminal that can move its cursor (TERM=dumb, or no terminal at all); " +
	"klab status, klab events -f and the other commands work without one")

// complete fills in what the process gives.
func (o *Options) complete() {
	if o.Output == nil {
		o.Output = os.Stdout
	}
	if o.Environment == nil {
		o.Environment = os.Environ()
	}
}

// prepare checks the options and makes the model. The model's operations end with ctx.
func prepare(ctx context.Context, o *Options) (*root, error) {
	theme, err := cell.NewTheme(o.Theme)
	if err != nil {
		return nil, err
	}
	o.theme = theme
	o.ASCII = o.ASCII || !cell.GlyphsFit()
	return newRoot(ctx, o), nil
}

func programOptions(ctx context.Context, o *Options) []tea.ProgramOption {
	opts := []tea.ProgramOption{
		tea.WithContext(ctx), tea.WithOutput(muted(o.Output)), tea.WithEnvironment(o.Environment), tea.WithFPS(1),
	}
	if o.Input != nil {
		opts = append(opts, tea.WithInput(o.Input))
	}
	return opts
}

// NeedsASCII reports whether the environment names a terminal that cannot be trusted with more than ASCII: the Linux
// console, a dumb terminal, or a locale that is not UTF-8.
func NeedsASCII(getenv func(string) string) bool {
	switch getenv("TERM") {
	case "linux", "dumb":
		return true
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := getenv(name); v != "" {
			return !isUTF8(v)
		}
	}
	return false
}

func isUTF8(locale string) bool {
	_, charset, _ := strings.Cut(strings.ToLower(locale), ".")
	return strings.HasPrefix(charset, "utf-8") || strings.HasPrefix(charset, "utf8")
}
