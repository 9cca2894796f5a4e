package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"klab/cluster"
	"klab/launcher"
)

// Main runs the command line and returns the process's exit code. args are those after the program's name.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, args, os.Stdin, os.Stdout, os.Stderr)
}

// Run is Main with everything given.
func Run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	a := &app{in: in, errOut: errOut, out: output{w: out, terminal: isTerminal(out)}, getenv: os.Getenv}
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	code := exitCode(err)
	if code != exitDone {
		fmt.Fprintln(errOut, "klab: "+output{terminal: isTerminal(errOut)}.text(err.Error()))
	}
	return code
}

// app is what the commands of one run share.
type app struct {
	in     io.Reader
	errOut io.Writer
	out    output
	getenv func(string) string

	home      string   // --home
	homeDir   string   // what that, the environment and the platform make of it
	bootstrap []string // --bootstrap
	format    string   // -o
	language  string   // --lang
}

func newRoot(a *app) *cobra.Command {
	var screenFlags screenOptions
	root := &cobra.Command{
		Use:   "klab",
		Short: "a Kafka lab: a real three-broker cluster, and a screen that shows and manages it",
		Long: "klab is a Kafka lab in one program. `klab` opens the screen; `klab up` starts a real three-broker cluster on\n" +
			"127.0.0.1:9093-9095; the other commands do on the command line what the screen does.",
		Args:          cobra.NoArgs,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.prepare() },
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.screen(cmd.Context(), screenFlags, nil) },
	}
	screenFlags.flags(root)
	root.Flags().StringVar(&screenFlags.file, "file", "", "cluster file that u starts (else the one that is built in)")
	flags := root.PersistentFlags()
	flags.StringVar(&a.home, "home", "", "where the launched cluster's data and socket are (else $KLAB_HOME, else the platform's data directory)")
	flags.StringSliceVarP(&a.bootstrap, "bootstrap", "b", nil, "host:port of any Kafka cluster's brokers, in place of a launched one")
	flags.StringVar(&a.language, "lang", "", "language of the screen and of the timeline: en or zh (else $KLAB_LANG, else that of the locale)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return inputError{err} })
	root.AddCommand(
		newUp(a), newDown(a), newStatusCommand(a), newBroker(a), newZooKeeper(), newTopic(a), newProduce(a), newConsume(a), newEvents(a),
		newZK(a), newLogs(a), newDemo(a), newGroup(a), newConfig(a), newTxn(a), newReassign(a),
	)
	guardArguments(root)
	return root
}

// guardArguments marks every command's complaint about its arguments as bad input.
func guardArguments(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return badInput("%w; see %s --help", err, cmd.CommandPath())
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		guardArguments(sub)
	}
}

// prepare checks what all commands share.
func (a *app) prepare() error {
	switch a.format {
	case "", "text":
	case "json":
		a.out.json = true
	default:
		return badInput("cannot write output as %q: give text or json", a.format)
	}
	if _, err := a.lang(); err != nil {
		return inputError{err}
	}
	home, err := launcher.Home(a.home)
	if err != nil {
		return err
	}
	a.homeDir = home
	for _, address := range a.bootstrap {
		if !strings.Contains(address, ":") {
			return badInput("cannot use bootstrap address %q: give host:port, as in 127.0.0.1:9093", address)
		}
	}
	return nil
}

func (a *app) lang() (cluster.Lang, error) {
	if a.language != "" {
		return cluster.ParseLang(a.language)
	}
	for _, name := range []string{"KLAB_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := a.getenv(name); v != "" {
			lang, err := cluster.ParseLang(v)
			if err != nil {
				return cluster.English, nil // a locale that klab does not speak
			}
			return lang, nil
		}
	}
	return cluster.English, nil
}

// outputFlag gives a command -o.
func (a *app) outputFlag(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&a.format, "output", "o", "text", "text or json")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
}

// target is the cluster that the flags name.
func (a *app) target() cluster.Target {
	if len(a.bootstrap) > 0 {
		return cluster.Target{Bootstrap: a.bootstrap, Args: []string{"-b", strings.Join(a.bootstrap, ",")}}
	}
	t := cluster.Target{Home: a.homeDir}
	if a.home != "" {
		t.Args = []string{"--home", a.home}
	}
	return t
}

// connect finds the cluster for one operation.
func (a *app) connect(ctx context.Context) (*cluster.Cluster, error) {
	return cluster.Connect(ctx, a.target())
}

// with connects, does something and closes.
func (a *app) with(ctx context.Context, do func(*cluster.Cluster) error) error {
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(c)
}
