package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"klab/cluster"
	"klab/launcher"
	"klab/launcher/supervisor"
)

func newUp(a *app) *cobra.Command {
	var o launcher.Options
	cmd := &cobra.Command{
		Use: "up", Short: "start the cluster, and return when it is ready", Args: cobra.NoArgs,
		Long: "Starts three brokers on 127.0.0.1:9093-9095 and a ZooKeeper on 2181, or what --file says, in the background, and\n" +
			"returns when every broker serves. The cluster outlives the terminal; klab down ends it.",
		Example: "  klab up --override min.insync.replicas=2",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(a.bootstrap) > 0 {
				return badInput("cannot start a cluster at --bootstrap: that names one that runs already")
			}
			o.Home = a.home
			o.Ready = func(r launcher.Result) { _ = a.reportUp(r) }
			r, err := launcher.Up(cmd.Context(), o)
			if err != nil || o.Foreground {
				return interrupted(cmd.Context(), err)
			}
			return a.reportUp(r)
		},
	}
	cmd.Flags().StringVar(&o.File, "file", "", "cluster file in TOML (else the one that is built in, configs/pseudo.toml)")
	cmd.Flags().StringArrayVar(&o.Overrides, "override", nil, "key=value, a setting of Kafka for every broker; may be repeated")
	cmd.Flags().BoolVar(&o.Foreground, "foreground", false, "stay until the cluster ends; ^C ends it")
	_ = cmd.MarkFlagFilename("file", "toml")
	a.outputFlag(cmd)
	return cmd
}

func (a *app) reportUp(r launcher.Result) error {
	if a.out.json {
		return a.out.value(struct {
			AlreadyRunning bool    `json:"already_running"`
			ReadyMs        float64 `json:"ready_ms"`
			status
		}{r.AlreadyRunning, r.ReadyMs, newStatus(r.Status)})
	}
	if r.AlreadyRunning {
		return a.out.line("%s runs already: %s", r.Status.Name, bootstrapOf(r.Status))
	}
	return a.out.line("%s is ready after %.0f ms: %s", r.Status.Name, r.ReadyMs, bootstrapOf(r.Status))
}

func bootstrapOf(s supervisor.Status) string {
	list := ""
	for i, b := range s.Brokers {
		if i > 0 {
			list += ","
		}
		list += fmt.Sprintf("%s:%d", b.Host, b.Port)
	}
	return list
}

func newDown(a *app) *cobra.Command {
	var purge bool
	cmd := &cobra.Command{
		Use: "down", Short: "stop every process of the cluster, and keep its data", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(a.bootstrap) > 0 {
				return badInput("cannot stop the cluster at --bootstrap: klab did not start it; leave --bootstrap out for the one at --home")
			}
			start := time.Now()
			if err := launcher.Down(cmd.Context(), a.home, purge); err != nil {
				return a.absent(err)
			}
			data := "its data is kept"
			if purge {
				data = "its data is removed"
			}
			return a.out.line("stopped after %s, %s", millis(time.Since(start)), data)
		},
	}
	cmd.Flags().BoolVar(&purge, "purge", false, "remove the data as well")
	return cmd
}

// absent says where no cluster runs, and what to do.
func (a *app) absent(err error) error {
	if !errors.Is(err, supervisor.ErrNotRunning) {
		return err
	}
	return cluster.NotRunning(a.homeDir)
}

// supervisor finds the launched cluster's supervisor.
func (a *app) supervisor(ctx context.Context) (*supervisor.Client, error) {
	if len(a.bootstrap) > 0 {
		return nil, badInput("the cluster at --bootstrap was not started by klab, so its processes are out of reach; leave --bootstrap out for the one at --home")
	}
	client, err := supervisor.Dial(ctx, a.homeDir)
	if err != nil {
		return nil, a.absent(err)
	}
	return client, nil
}
