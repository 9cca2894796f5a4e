package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"klab/cluster"
	"klab/launcher/child"
)

func newBroker(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "broker", Short: "stop, start, kill or pause a broker of the launched cluster, or run one here"}
	for _, v := range []struct {
		verb        cluster.BrokerVerb
		short, done string
	}{
		{cluster.Kill, "end a broker's process at once (SIGKILL)", "killed"},
		{cluster.Stop, "let a broker hand over its leaderships and end (SIGTERM)", "stopped"},
		{cluster.Start, "start a broker, and return when it serves", "ready"},
		{cluster.Restart, "stop a broker and start it again", "ready"},
		{cluster.Pause, "suspend a broker's process (SIGSTOP)", "paused"},
		{cluster.Resume, "let a suspended broker go on (SIGCONT)", "resumed"},
	} {
		cmd.AddCommand(newBrokerVerb(a, v.verb, v.short, v.done))
	}
	cmd.AddCommand(newBrokerRun())
	return requireSubcommand(cmd)
}

func newBrokerVerb(a *app, verb cluster.BrokerVerb, short, done string) *cobra.Command {
	return &cobra.Command{
		Use: string(verb) + " ID", Short: short, Args: cobra.ExactArgs(1), ValidArgsFunction: a.brokerIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 32)
			if err != nil || id < 0 {
				return badInput("cannot %s broker %q: give its number, as klab status shows it", verb, args[0])
			}
			if _, err := a.supervisor(cmd.Context()); err != nil {
				return err
			}
			return a.with(cmd.Context(), func(c *cluster.Cluster) error {
				start := time.Now()
				if err := c.BrokerAction(cmd.Context(), verb, int32(id)); err != nil {
					return err
				}
				return a.out.line("broker %d %s after %s", id, done, millis(time.Since(start)))
			})
		},
	}
}

func newBrokerRun() *cobra.Command {
	var overrides []string
	cmd := &cobra.Command{
		Use: "run FILE", Short: "run one broker in the foreground, as kafka-server-start.sh does", Args: cobra.ExactArgs(1),
		Long: "FILE is a server.properties of Kafka, or TOML with the same names. ^C stops the broker in good order.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ran(cmd.Context(), child.RunBroker(cmd.Context(), args[0], overrides))
		},
	}
	cmd.Flags().StringArrayVar(&overrides, "override", nil, "key=value, in place of what FILE says; may be repeated")
	return cmd
}

func newZooKeeper() *cobra.Command {
	cmd := &cobra.Command{Use: "zookeeper", Short: "run a ZooKeeper"}
	cmd.AddCommand(&cobra.Command{
		Use: "run FILE", Short: "run one ZooKeeper in the foreground, as zkServer.sh start-foreground does", Args: cobra.ExactArgs(1),
		Long: "FILE is a zoo.cfg of ZooKeeper, or TOML with the same names. ^C stops it in good order.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ran(cmd.Context(), child.RunZooKeeper(cmd.Context(), args[0]))
		},
	})
	return requireSubcommand(cmd)
}

// ran is how a process in the foreground ended: being asked to stop is no failure.
func ran(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}

func newLogs(a *app) *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use: "logs ID", Short: "show a process's log: a broker's number, zookeeper or supervisor", Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			found, directive := a.brokerIDs(cmd, args, word)
			if len(args) == 0 {
				found = append(found, "zookeeper", "supervisor")
			}
			return found, directive
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := a.supervisor(cmd.Context())
			if err != nil {
				return err
			}
			for line, err := range client.Logs(cmd.Context(), args[0], follow) {
				if err == nil {
					err = a.out.line("%s", a.out.text(line))
				}
				if err != nil {
					return interrupted(cmd.Context(), fmt.Errorf("cannot read the log of %s: %w", args[0], err))
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is written later")
	return cmd
}
