//go:build e2e || interop || bench

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// bootstrap is where configs/pseudo.toml puts the three brokers.
var bootstrap = []string{"127.0.0.1:9093", "127.0.0.1:9094", "127.0.0.1:9095"}

// lab is one cluster that the klab binary started in a home of its own.
type lab struct {
	t    testing.TB
	home string
}

// status is what `klab status -o json` prints.
type status struct {
	Name       string  `json:"name"`
	State      string  `json:"state"`
	ReadyMs    float64 `json:"ready_ms"`
	Supervisor struct {
		PID int `json:"pid"`
	} `json:"supervisor"`
	ZooKeeper struct {
		Connect string `json:"connect"`
		PID     int    `json:"pid"`
		State   string `json:"state"`
	} `json:"zookeeper"`
	Controller int32          `json:"controller"`
	Brokers    []brokerStatus `json:"brokers"`
}

type brokerStatus struct {
	ID       int32  `json:"id"`
	Host     string `json:"host"`
	Port     int    `json:"port"`
	PID      int    `json:"pid"`
	State    string `json:"state"`
	RSSBytes int64  `json:"rss_bytes"`
}

// up starts a cluster in an empty home and takes it down when the test ends. Args go to `klab up`.
func up(t testing.TB, args ...string) *lab {
	t.Helper()
	l := newLab(t)
	l.klab(append([]string{"up"}, args...)...)
	return l
}

// newLab is a home in which nothing runs yet.
func newLab(t testing.TB) *lab {
	t.Helper()
	home, err := os.MkdirTemp("", "klab-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, home: home}
	t.Cleanup(func() {
		if t.Failed() {
			l.showLogs()
		}
		l.try("down")
		os.RemoveAll(home)
	})
	return l
}

// showLogs prints the ends of the processes' logs beside a failure.
func (l *lab) showLogs() {
	for _, target := range []string{"1", "2", "3"} {
		out, _, _ := l.try("logs", target)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		l.t.Logf("log of %s, last lines:\n%s", target, strings.Join(lines[max(0, len(lines)-25):], "\n"))
	}
}

func klabBinary(t testing.TB) string {
	t.Helper()
	path := os.Getenv("KLAB")
	if path == "" {
		t.Fatal("KLAB must name the binary under test: run this by `make e2e` or `make interop`")
	}
	return path
}

// command is `klab ARGS` on this lab's home.
func (l *lab) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, klabBinary(l.t), args...)
	cmd.Env = append(os.Environ(), "KLAB_HOME="+l.home)
	return cmd
}

// try runs klab and returns its standard output, its standard error and its exit code.
func (l *lab) try(args ...string) (stdout, stderr string, code int) {
	l.t.Helper()
	return l.pipe("", args...)
}

// pipe is try with a standard input.
func (l *lab) pipe(stdin string, args ...string) (stdout, stderr string, code int) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := l.command(ctx, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return out.String(), errs.String(), exit.ExitCode()
	}
	if err != nil {
		l.t.Fatalf("cannot run klab %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), errs.String(), 0
}

// klab runs klab, which must succeed, and returns its standard output.
func (l *lab) klab(args ...string) string {
	l.t.Helper()
	out, errs, code := l.try(args...)
	if code != 0 {
		l.t.Fatalf("klab %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

func (l *lab) status() status {
	l.t.Helper()
	var s status
	if err := json.Unmarshal([]byte(l.klab("status", "-o", "json")), &s); err != nil {
		l.t.Fatalf("klab status -o json: %v", err)
	}
	return s
}

func (s status) broker(id int32) brokerStatus {
	for _, b := range s.Brokers {
		if b.ID == id {
			return b
		}
	}
	return brokerStatus{}
}

// pids are all processes of the cluster.
func (s status) pids() []int {
	pids := []int{s.Supervisor.PID, s.ZooKeeper.PID}
	for _, b := range s.Brokers {
		pids = append(pids, b.PID)
	}
	return pids
}

// event is one line of `klab events -o json`.
type event struct {
	Seq          int64          `json:"seq"`
	Time         time.Time      `json:"time"`
	Kind         string         `json:"kind"`
	Source       string         `json:"source"`
	Broker       int32          `json:"broker"`
	Topic        string         `json:"topic"`
	Partition    int32          `json:"partition"`
	SinceCauseMs *float64       `json:"since_cause_ms"`
	Fields       map[string]any `json:"fields"`
}

func (l *lab) events() []event {
	l.t.Helper()
	var events []event
	decoder := json.NewDecoder(strings.NewReader(l.klab("events", "-o", "json")))
	for decoder.More() {
		var e event
		if err := decoder.Decode(&e); err != nil {
			l.t.Fatalf("klab events -o json: %v", err)
		}
		events = append(events, e)
	}
	return events
}

// client is a franz-go client whose own timers are short, so that brokers are measured. It gives up by time, not by tries.
func (l *lab) client(opts ...kgo.Opt) *kgo.Client {
	l.t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(bootstrap...),
		kgo.RetryBackoffFn(func(int) time.Duration { return 5 * time.Millisecond }),
		kgo.RequestRetries(1000),
		kgo.MetadataMinAge(10 * time.Millisecond),
	}, opts...)...)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(client.Close)
	return client
}

func (l *lab) admin() *kadm.Client { return kadm.NewClient(l.client()) }

// createTopic makes a topic through the command line.
func (l *lab) createTopic(name string, partitions, replication int, configs ...string) {
	l.t.Helper()
	args := []string{"topic", "create", name, "--partitions", fmt.Sprint(partitions), "--replication-factor", fmt.Sprint(replication)}
	for _, c := range configs {
		args = append(args, "--config", c)
	}
	l.klab(args...)
}

// partitionState is what metadata says of one partition.
func (l *lab) partitionState(admin *kadm.Client, topic string, partition int32) (kadm.PartitionDetail, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	topics, err := admin.ListTopics(ctx, topic)
	if err != nil {
		return kadm.PartitionDetail{}, false
	}
	detail, ok := topics[topic].Partitions[partition]
	return detail, ok && detail.Err == nil
}

// eventually waits until what holds; the bound only decides when to give up.
func eventually(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		<-tick.C
	}
}

// withinBar holds the median of n measurements under a bar. What else the machine does makes everything slower for a while,
// so the bar has to hold once in three rounds.
func withinBar(t testing.TB, what string, bar time.Duration, n int, measure func() time.Duration) {
	t.Helper()
	var median time.Duration
	for range 3 {
		times := make([]time.Duration, n)
		for i := range times {
			times[i] = measure()
		}
		slices.Sort(times)
		median = times[n/2]
		t.Logf("%s: median %v, min %v, max %v", what, median, times[0], times[n-1])
		if median < bar {
			return
		}
	}
	t.Errorf("%s: median %v, want under %v", what, median, bar)
}

// waitISR waits until a partition has a leader and n in-sync replicas.
func (l *lab) waitISR(admin *kadm.Client, topic string, partition int32, n int) {
	l.t.Helper()
	eventually(l.t, 30*time.Second, fmt.Sprintf("%s/%d has %d in-sync replicas", topic, partition, n), func() bool {
		detail, ok := l.partitionState(admin, topic, partition)
		return ok && detail.Leader >= 0 && len(detail.ISR) == n
	})
}

func portFree(addr string) bool {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	listener.Close()
	return true
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
