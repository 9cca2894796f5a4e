package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
	"time"

	"klab/broker/config"
	"klab/launcher/event"
	"klab/launcher/link"
	"klab/launcher/memory"
	"klab/launcher/spec"
)

// Exit codes of a child and of the foreground commands.
const (
	exitDone   = 0
	exitFailed = 1
	exitInput  = 2
)

// reportTimeout is how long the last reports may take to leave.
const reportTimeout = time.Second

// job is what a process does from its start until ctx ends, which asks for an end in good order.
type job func(ctx context.Context, w work) error

// work is what a job is given.
type work struct {
	props     map[string]string // server.properties or zoo.cfg
	log       *slog.Logger
	observe   func(event.Event) // never blocks
	ready     func()            // to be called once, when it serves
	zookeeper <-chan struct{}   // closed when ZooKeeper can be expected to answer
	down      <-chan struct{}   // closed when the whole cluster ends, before ctx does
}

// Broker and ZooKeeper run a supervised child: orders come on standard input, reports go to standard output, the log to standard
// error (package link). They return the exit code.
func Broker() int    { return supervised(runBroker) }
func ZooKeeper() int { return supervised(runZooKeeper) }

func supervised(run job) int {
	orders, reports := link.NewOrders(os.Stdin), os.Stdout
	os.Stdout = os.Stderr // a stray print belongs to the log
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	order, err := orders.Next()
	if err != nil || order.Start == nil {
		fmt.Fprintln(os.Stderr, "cannot run: klab starts this process by itself; use klab broker run or klab zookeeper run instead")
		return exitInput
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(share(runtime.GOMAXPROCS(0), order.Start.Brokers))
	}
	reporter := link.NewReporter(reports)
	signals := newWait(*order.Start)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go obey(orders, signals, cancel)
	go memory.Trim()
	err = run(ctx, work{
		props: order.Start.Props, log: newLog(os.Stderr), observe: reporter.Event, ready: reporter.Ready,
		zookeeper: signals.zookeeper, down: signals.down,
	})
	code := exitCode(err)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		reporter.Failed(err.Error(), code)
	}
	reporter.Close(reportTimeout)
	return code
}

// share is how many processors each of several brokers on one machine runs on. More would not make them faster, as the others and
// the clients run too, and Go's scheduler would spend them on waking threads: a tenth of all time at 20,000 requests a second.
func share(processors, brokers int) int {
	brokers = max(brokers, 1)
	return (processors + brokers - 1) / brokers
}

// wait is what a child waits for, other than its end.
type wait struct {
	zookeeper, down         chan struct{}
	zookeeperOnce, downOnce sync.Once
}

func newWait(start link.Start) *wait {
	w := &wait{zookeeper: make(chan struct{}), down: make(chan struct{})}
	if !start.AwaitZooKeeper {
		w.zookeeperUp()
	}
	return w
}

func (w *wait) zookeeperUp() { w.zookeeperOnce.Do(func() { close(w.zookeeper) }) }
func (w *wait) goDown()      { w.downOnce.Do(func() { close(w.down) }) }

// obey follows orders. When the life line is cut the supervisor is gone, and this process with it, at once: what must
// survive that must survive SIGKILL as well.
func obey(orders *link.Orders, w *wait, stop func()) {
	for {
		order, err := orders.Next()
		if err != nil {
			os.Exit(exitFailed)
		}
		if order.ZooKeeperUp {
			w.zookeeperUp()
		}
		if order.Down {
			w.goDown()
		}
		if order.Stop {
			stop()
		}
	}
}

// RunBroker runs one broker in the foreground until ctx ends or the terminal asks it to, as kafka-server-start.sh does. file is TOML with
// Kafka's key names or a server.properties; relative log.dirs start from the working directory.
func RunBroker(ctx context.Context, file string, overrides []string) error {
	props, err := spec.ReadBrokerFile(file)
	if err != nil {
		return err
	}
	if err := spec.OverrideBroker(props, overrides); err != nil {
		return err
	}
	return foreground(ctx, runBroker, file, props)
}

// RunZooKeeper runs the embedded ZooKeeper in the foreground, as zookeeper-server-start.sh does. file is a zoo.cfg, or TOML with
// zoo.cfg's key names.
func RunZooKeeper(ctx context.Context, file string) error {
	props, err := spec.ReadZooKeeperFile(file)
	if err != nil {
		return err
	}
	return foreground(ctx, runZooKeeper, file, props)
}

func foreground(ctx context.Context, run job, file string, props map[string]string) error {
	ctx, forget := UntilHangup(ctx)
	defer forget()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer context.AfterFunc(ctx, stop)() // a second Ctrl-C ends the process at once
	go memory.Trim()
	now := make(chan struct{})
	close(now)
	log := newLog(os.Stderr)
	err := run(ctx, work{
		props: props, log: log, observe: func(event.Event) {}, ready: func() { log.Info("ready") }, zookeeper: now,
		down: make(chan struct{}),
	})
	if isInput(err) {
		return &spec.Error{Err: fmt.Errorf("%s: %w", file, err)}
	}
	return err
}

// UntilHangup is ctx, and ends as well when the terminal is closed; not where this process was started to outlive that, as nohup
// does. Until stop is called, SIGHUP does no more than that, however often it comes: the shell sends one and the kernel another.
func UntilHangup(ctx context.Context) (until context.Context, stop context.CancelFunc) {
	if signal.Ignored(syscall.SIGHUP) {
		return context.WithCancel(ctx)
	}
	return signal.NotifyContext(ctx, syscall.SIGHUP)
}

func newLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// exitCode is what a person who gave a wrong configuration can tell from a failure.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if isInput(err) {
		return exitInput
	}
	return exitFailed
}

func isInput(err error) bool {
	_, value := errors.AsType[*config.ValueError](err)
	_, key := errors.AsType[*config.UnknownKeyError](err)
	_, file := errors.AsType[*config.FileError](err)
	_, plan := errors.AsType[*spec.Error](err)
	return value || key || file || plan
}
