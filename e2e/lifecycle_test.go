//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestUpToTheFirstWrite measures from the start of `klab up` on an empty home to the first acks=all write at RF 3.
func TestUpToTheFirstWrite(t *testing.T) {
	withinBar(t, "from `klab up` to the first acks=all write", 300*time.Millisecond, 9, func() time.Duration { return firstWrite(t) })
}

// TestReadyIsReady asks every broker, once and without another try, as soon as `klab up` has returned, of a topic as soon as
// `klab topic create` has, and of it again as soon as the cluster is back from `klab down`.
func TestReadyIsReady(t *testing.T) {
	for range 5 {
		l := up(t)
		l.klab("topic", "create", "everywhere", "--partitions", "60", "--replication-factor", "3")
		l.askEach(func(id int32, admin *kadm.Client) {
			m, err := admin.BrokerMetadata(t.Context())
			if err != nil || m.Controller < 0 || !slices.Contains(m.Brokers.NodeIDs(), id) {
				t.Errorf("broker %d knows of controller %d and brokers %v: %v", id, m.Controller, m.Brokers.NodeIDs(), err)
			}
			if led, err := admin.ListTopics(t.Context(), "everywhere"); err != nil || !allLed(led["everywhere"], 60) {
				t.Errorf("broker %d does not know the leaders of a topic that was made: %v", id, err)
			}
			if _, err := admin.CreateTopic(t.Context(), 6, 3, nil, fmt.Sprintf("orders-%d", id)); err != nil {
				t.Errorf("broker %d: %v", id, err)
			}
		})
		l.klab("down")
		l.klab("up")
		l.askEach(func(id int32, admin *kadm.Client) {
			if known, err := admin.ListTopics(t.Context()); err != nil || len(known["everywhere"].Partitions) != 60 {
				t.Errorf("broker %d does not know its topics after a restart: %v, %v", id, known.Names(), err)
			}
		})
		l.klab("down", "--purge")
	}
}

// askEach has ask use an admin client of each broker, which tries nothing twice.
func (l *lab) askEach(ask func(id int32, admin *kadm.Client)) {
	l.t.Helper()
	for i, addr := range bootstrap {
		c, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RequestRetries(0))
		if err != nil {
			l.t.Fatal(err)
		}
		ask(int32(i+1), kadm.NewClient(c))
		c.Close()
	}
}

func allLed(topic kadm.TopicDetail, partitions int) bool {
	led := 0
	for _, p := range topic.Partitions {
		if p.Leader > 0 {
			led++
		}
	}
	return led == partitions
}

func firstWrite(t *testing.T) time.Duration {
	l := newLab(t)
	client := l.client(kgo.DefaultProduceTopic("first"), kgo.AllowAutoTopicCreation(), kgo.ProducerLinger(0))
	began := time.Now()
	l.klab("up")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := client.ProduceSync(ctx, kgo.StringRecord("first")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	if state, _ := l.partitionState(l.admin(), "first", 0); len(state.Replicas) != 3 {
		t.Fatalf("the topic has replicas %v, want three", state.Replicas)
	}
	l.klab("down", "--purge")
	return took
}

// TestTheIdleClusterIsSmallAndQuiet bounds the memory and the processor time of all five processes together. What else the
// machine does makes every wake-up dearer, so this bar, too, has to hold once in three windows of thirty seconds.
func TestTheIdleClusterIsSmallAndQuiet(t *testing.T) {
	l := up(t)
	l.createTopic("idle", 6, 3)
	pids := l.status().pids()
	const window = 30 * time.Second
	share := 100.0
	for round := 0; round < 3 && share >= 1; round++ {
		before := cpuTicks(t, pids)
		<-time.After(window)                                         // the bar is over a time, so a time has to pass
		share = float64(cpuTicks(t, pids)-before) / window.Seconds() // a tick is a hundredth of a second: this is percent
		t.Logf("idle cluster: %.2f %% of a core", share)
	}
	rss := int64(0)
	for _, pid := range pids {
		rss += residentBytes(t, pid)
	}
	t.Logf("idle cluster: %.1f MB resident together", float64(rss)/1e6)
	if rss >= 100e6 {
		t.Errorf("%.1f MB resident, want under 100", float64(rss)/1e6)
	}
	if share >= 1 {
		t.Errorf("%.2f %% of a core, want under 1", share)
	}
}

// cpuTicks sums user and system time of processes, in the kernel's hundredths of a second (proc(5)).
func cpuTicks(t *testing.T, pids []int) int {
	t.Helper()
	sum := 0
	for _, pid := range pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+2:]))
		for _, field := range fields[11:13] {
			n, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
	}
	return sum
}

func TestDownLeavesNothing(t *testing.T) {
	l := up(t)
	l.createTopic("kept", 1, 3)
	if out := l.klab("up"); !strings.Contains(out, "run") {
		t.Errorf("a second up says %q, want that it runs", out)
	}
	pids := l.status().pids()
	l.klab("down")
	l.mustBeGone(pids)
	l.klab("up")
	if out := l.klab("topic", "list"); !strings.Contains(out, "kept") {
		t.Errorf("topics after down and up: %q, want kept among them", out)
	}
	l.klab("down", "--purge")
	if _, _, code := l.try("status"); code != 3 {
		t.Errorf("status with nothing running: exit code %d, want 3", code)
	}
	if dirs, _ := l.partitionDirs("kept", 0); len(dirs) > 0 {
		t.Errorf("down --purge left %v", dirs)
	}
}

func (l *lab) mustBeGone(pids []int) {
	l.t.Helper()
	for _, pid := range pids {
		if pid > 0 { // its lock is free as soon as the kernel has closed its files, which is a moment before it is gone
			eventually(l.t, time.Second, fmt.Sprintf("process %d is gone", pid), func() bool { return !alive(pid) })
		}
	}
	for _, addr := range append([]string{"127.0.0.1:2181"}, bootstrap...) {
		if !portFree(addr) {
			l.t.Errorf("%s is still bound", addr)
		}
	}
	sockets, _ := filepath.Glob(filepath.Join(l.home, "*.sock"))
	if len(sockets) > 0 {
		l.t.Errorf("sockets left: %v", sockets)
	}
}

func TestEveryProcessDiesWithItsSupervisor(t *testing.T) {
	l := up(t)
	l.klab("broker", "pause", "2")
	pids := l.status().pids()
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, pid := range pids {
		eventually(t, 5*time.Second, fmt.Sprintf("process %d is gone", pid), func() bool { return !alive(pid) })
	}
	l.klab("up")
	l.klab("down")
}

// TestTheClusterOutlivesItsTerminal closes the session that started the cluster, as a terminal that is shut does.
func TestTheClusterOutlivesItsTerminal(t *testing.T) {
	l := newLab(t)
	shell := exec.Command("/bin/sh", "-c", klabBinary(t)+" up && touch $KLAB_HOME/up && exec sleep 60")
	shell.Env = append(os.Environ(), "KLAB_HOME="+l.home)
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "klab up has returned", func() bool {
		_, err := os.Stat(filepath.Join(l.home, "up"))
		return err == nil
	})
	syscall.Kill(-shell.Process.Pid, syscall.SIGHUP)
	syscall.Kill(-shell.Process.Pid, syscall.SIGKILL)
	shell.Wait()
	s := l.status()
	for _, pid := range s.pids() {
		if !alive(pid) {
			t.Errorf("process %d died with the terminal", pid)
		}
	}
	l.klab("down")
	l.mustBeGone(s.pids())
}
