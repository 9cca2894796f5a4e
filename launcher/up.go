package launcher

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"klab/configs"
	"klab/launcher/child"
	"klab/launcher/spec"
	"klab/launcher/supervisor"
)

// Options say which cluster to start, and how.
type Options struct {
	Home       string   // klab's home; empty: as [Home] finds it
	File       string   // the cluster file; empty: the pseudo-cluster that is part of klab
	Overrides  []string // as package spec describes them
	Foreground bool     // Up is the supervisor itself, and returns when the cluster has ended
	Ready      func(Result)
}

// Result is a cluster that runs.
type Result struct {
	AlreadyRunning bool
	ReadyMs        float64 // from the call of Up, or from that of the Up that started it
	Status         supervisor.Status
}

// Up starts a cluster and returns when every broker is registered and serves. Where one runs already in this home, it waits until
// that one is ready and says so. On an error nothing is left running; when ctx ends before the cluster is ready, likewise.
//
// With Foreground, Options.Ready is called instead, and Up returns when the cluster has ended: by ctx, by SIGINT or
// SIGTERM, with the terminal, or by a down from elsewhere.
func Up(ctx context.Context, o Options) (Result, error) {
	began := time.Now()
	home, err := Home(o.Home)
	if err != nil {
		return Result{}, err
	}
	if running, found, err := join(ctx, home); found || err != nil {
		return running, err
	}
	source := spec.Embedded(configs.Files, configs.Pseudo)
	if o.File != "" {
		source = spec.Disk(o.File)
	}
	source.CheckZooKeeper = child.CheckZooKeeper
	plan, err := spec.Load(source, o.Overrides, home)
	if err != nil {
		return Result{}, err
	}
	if o.Foreground {
		return Result{}, upHere(ctx, supervisor.Config{Plan: plan, Home: home, Began: began}, o.Ready)
	}
	return upOrJoin(ctx, startup{Plan: plan, Home: home, Began: began})
}

// upOrJoin starts a cluster, or finds that somebody else was quicker to.
func upOrJoin(ctx context.Context, s startup) (Result, error) {
	for {
		result, err := upDetached(ctx, s)
		if remote, ok := errors.AsType[*supervisor.RemoteError](err); !ok || !remote.IsBusy() {
			return result, err
		}
		// Whoever holds the home begins, runs or ends; a new attempt takes long enough to let it get on.
		if running, found, err := join(ctx, s.Home); found || err != nil {
			return running, err
		}
	}
}

// join waits for a cluster that runs, or is being started, in a home. When there is none, or it ends, found is false.
func join(ctx context.Context, home string) (running Result, found bool, err error) {
	client, err := supervisor.Dial(ctx, home)
	if errors.Is(err, supervisor.ErrNotRunning) {
		return Result{}, false, nil
	}
	if err != nil {
		return Result{}, false, err
	}
	status, err := client.AwaitReady(ctx)
	if errors.Is(err, supervisor.ErrNotRunning) {
		return Result{}, false, client.AwaitEnd(ctx)
	}
	return Result{AlreadyRunning: true, ReadyMs: status.ReadyMs, Status: status}, err == nil, err
}

// upHere supervises in this process.
func upHere(ctx context.Context, cfg supervisor.Config, ready func(Result)) error {
	ctx, forget := child.UntilHangup(ctx)
	defer forget()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg.Command = reexec(cfg.Plan.Home)
	return supervisor.Serve(ctx, cfg, nil, func(status supervisor.Status, err error) {
		if err == nil && ready != nil {
			ready(Result{ReadyMs: status.ReadyMs, Status: status})
		}
	})
}

// reexec makes the commands of children: this binary, told what to be. The cluster's directory is there for whoever reads ps.
func reexec(clusterHome string) func(supervisor.Target) *exec.Cmd {
	return func(t supervisor.Target) *exec.Cmd {
		args := []string{argZooKeeper, clusterHome}
		if t != supervisor.ZooKeeper() {
			args = []string{argBroker, strconv.Itoa(int(t.ID)), clusterHome}
		}
		cmd := exec.Command(executable(), args...)
		cmd.Dir = clusterHome
		return cmd
	}
}

// executable is this program's file, also after that file was replaced or removed by a newer build.
func executable() string {
	path, err := os.Executable()
	if err != nil || strings.HasSuffix(path, " (deleted)") {
		return "/proc/self/exe"
	}
	return path
}

// Down ends the cluster of a home and returns when no process, port or socket of it is left. purge removes its data and its history
// as well, also when nothing runs. supervisor.ErrNotRunning when there was nothing to do.
func Down(ctx context.Context, home string, purge bool) error {
	home, err := Home(home)
	if err != nil {
		return err
	}
	client, err := supervisor.Dial(ctx, home)
	if err == nil {
		err = client.Down(ctx, purge)
	}
	if !purge || !errors.Is(err, supervisor.ErrNotRunning) {
		return err
	}
	if client == nil {
		return purgeWhatIsLeft(home)
	}
	if err := client.AwaitEnd(ctx); err != nil { // it was about to end, and did not hear of the purge
		return err
	}
	return Down(ctx, home, purge) // somebody may have started the next one
}

// purgeWhatIsLeft removes the data of the cluster that was last started in a home; nothing runs there.
func purgeWhatIsLeft(home string) error {
	dir, known := supervisor.ClusterHome(home)
	if _, err := os.Stat(dir); !known || errors.Is(err, os.ErrNotExist) {
		return supervisor.ErrNotRunning
	}
	return supervisor.Purge(dir)
}

// ExitCode is how a command that ended with err exits: 0 done, 1 failed, 2 bad input, 3 nothing to talk to.
func ExitCode(err error) int {
	input, isInput := errors.AsType[*spec.Error](err)
	remote, isRemote := errors.AsType[*supervisor.RemoteError](err)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, supervisor.ErrNotRunning):
		return 3
	case isInput && input != nil, isRemote && remote.IsInput():
		return 2
	}
	return 1
}
