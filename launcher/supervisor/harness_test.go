package supervisor

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"klab/launcher/event"
	"klab/launcher/lifecycle"
	"klab/launcher/link"
	"klab/launcher/spec"
)

// The test binary is also the processes of the tests: a child whose behaviour its properties choose, and a supervisor to be killed.
const (
	asChild      = "@test-child"
	asSupervisor = "@test-supervisor"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case asChild:
			os.Exit(testChild())
		case asSupervisor:
			os.Exit(testSupervisor(os.Args[2]))
		}
	}
	os.Exit(m.Run())
}

// testChild behaves as props["do"] says; without it, it is ready at once and ends at SIGTERM.
func testChild() int {
	signal.Ignore(syscall.SIGHUP)
	orders := link.NewOrders(os.Stdin)
	order, err := orders.Next()
	if err != nil {
		return 9
	}
	do, terms := order.Start.Props["do"], make(chan os.Signal, 1)
	signal.Notify(terms, syscall.SIGTERM)
	awaited := make(chan struct{})
	go func() {
		for {
			o, err := orders.Next()
			if err != nil {
				os.Exit(8) // the life line is cut
			}
			if o.ZooKeeperUp {
				close(awaited)
			}
		}
	}()
	say := func(r link.Report) { _ = link.Write(os.Stdout, r) }
	fmt.Fprintln(os.Stderr, "child begins:", do)
	switch do {
	case "fail":
		say(link.Report{Failed: &link.Failure{Message: "the disk is on fire; buy another", Code: 1}})
		return 1
	case "never ready":
		<-terms
		return 0
	case "await":
		<-awaited
	case "crash":
		say(link.Report{Ready: true})
		fmt.Fprintln(os.Stderr, "panic: out of cheese")
		return 7
	case "babble":
		fmt.Println(strings.Repeat("x", 2*link.MaxLine))
	case "long words":
		say(link.Report{Ready: true})
		for range 2 * lastLines {
			fmt.Fprintln(os.Stderr, strings.Repeat("x", logLineBytes-1))
		}
		return 7
	case "chatter":
		fmt.Println("this is no report")
	}
	say(link.Report{Ready: true})
	say(link.Report{Event: &event.Event{Time: time.Now(), Kind: "controller.elected", Broker: 1, Partition: -1, Fields: map[string]any{"broker": 1}}})
	<-terms
	if do == "deaf" {
		select {}
	}
	say(link.Report{Event: &event.Event{Kind: "last.word", Broker: -1, Partition: -1}})
	return 0
}

// testSupervisor serves the configuration in file until it ends, and prints the status when it is ready.
func testSupervisor(file string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		return 1
	}
	var cfg Config
	if err := json.Unmarshal(text, &struct {
		Plan *spec.Plan
		Home *string
	}{&cfg.Plan, &cfg.Home}); err != nil {
		return 1
	}
	cfg.Command = childCommand
	err = Serve(context.Background(), cfg, nil, func(s Status, err error) {
		_ = json.NewEncoder(os.Stdout).Encode(answer{Status: &s})
	})
	if err != nil {
		return 1
	}
	return 0
}

func childCommand(Target) *exec.Cmd {
	cmd := exec.Command(os.Args[0], asChild)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // the race detector's processes sleep at their end
	return cmd
}

// nilSignal asks only whether a process is there.
const nilSignal = syscall.Signal(0)

// testPlan is a ZooKeeper and three brokers on free ports.
func testPlan(t *testing.T, home string) spec.Plan {
	t.Helper()
	ports := freePorts(t, 4)
	plan := spec.Plan{Name: "lab", Home: filepath.Join(home, "lab"), File: "lab.toml"}
	plan.ZooKeeper = spec.ZooKeeper{
		Embedded: true, Connect: "127.0.0.1:2181", Host: "127.0.0.1", Port: ports[0],
		Dirs: []string{filepath.Join(plan.Home, "zookeeper")}, Props: map[string]string{},
	}
	for id := range int32(3) {
		port := ports[id+1]
		plan.Brokers = append(plan.Brokers, spec.Broker{
			ID: id + 1, Host: "127.0.0.1", Port: port, Listen: []spec.Address{{Host: "127.0.0.1", Port: port}},
			Dirs: []string{filepath.Join(plan.Home, fmt.Sprint("kafka-logs-", id+1))}, Props: map[string]string{"do": "await"},
			Label: fmt.Sprintf("server-%d.toml", id+1),
		})
	}
	return plan
}

// freePorts are n different ports: each is held until all are chosen.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports
}

// lab is a cluster of test children under a supervisor in this process.
type lab struct {
	*Client
	t      *testing.T
	home   string
	plan   spec.Plan
	status Status
	served chan error
}

// start runs a cluster whose plan was changed by change; the test ends with nothing left of it.
func start(t *testing.T, change func(*Config)) *lab {
	t.Helper()
	home := t.TempDir()
	cfg := Config{Plan: testPlan(t, home), Home: home, Command: childCommand}
	if change != nil {
		change(&cfg)
	}
	l := &lab{t: t, home: cfg.Home, plan: cfg.Plan, served: make(chan error, 1)}
	started := make(chan error, 1)
	go func() {
		l.served <- Serve(t.Context(), cfg, nil, func(s Status, err error) {
			l.status = s
			started <- err
		})
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := <-l.served; err != nil {
			t.Error(err)
		}
	})
	client, err := Dial(t.Context(), cfg.Home)
	if err != nil {
		t.Fatal(err)
	}
	l.Client = client
	return l
}

// request sends a request and returns the lines of its answer, which may take as long as it likes.
func (l *lab) request(req request) *bufio.Scanner {
	l.t.Helper()
	conn, err := net.Dial("unix", filepath.Join(RunDir(l.home), socketName))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { conn.Close() })
	req.Version = protocolVersion
	if err := link.Write(conn, req); err != nil {
		l.t.Fatal(err)
	}
	return bufio.NewScanner(conn)
}

func (l *lab) do(verb lifecycle.Verb, id int32) {
	l.t.Helper()
	if err := l.Do(l.t.Context(), Action{Verb: verb, Target: "broker", ID: id, By: "you"}); err != nil {
		l.t.Fatal(err)
	}
}

// broker is the present status of one broker.
func (l *lab) broker(id int32) BrokerStatus {
	l.t.Helper()
	status, err := l.Status(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	i := slices.IndexFunc(status.Brokers, func(b BrokerStatus) bool { return b.ID == id })
	if i < 0 {
		l.t.Fatalf("no broker %d in %+v", id, status.Brokers)
	}
	return status.Brokers[i]
}

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// await returns the first event after a Seq that is of a kind and about a broker.
func (l *lab) await(after int64, kind string, broker int32) event.Event {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	var seen []event.Event
	for e, err := range l.Events(ctx, after, true) {
		if err != nil {
			l.t.Fatalf("waiting for %s of broker %d: %v", kind, broker, err)
		}
		if e.Kind == kind && e.Broker == broker {
			return e
		}
		seen = append(seen, e)
	}
	l.t.Fatalf("no %s of broker %d after %d; there was %+v", kind, broker, after, seen)
	return event.Event{}
}

// awaitFirstWords waits until every child has told its fact: from then on nothing happens by itself.
func (l *lab) awaitFirstWords() {
	l.t.Helper()
	last := int64(0)
	for range len(l.plan.Brokers) + 1 {
		last = l.await(last, "controller.elected", 1).Seq
	}
}
