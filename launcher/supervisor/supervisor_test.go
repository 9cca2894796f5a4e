package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"klab/launcher/event"
	"klab/launcher/lifecycle"
)

func TestStartStatusDown(t *testing.T) {
	l := start(t, nil)
	s, err := l.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "lab" || s.State != PhaseRunning || s.Controller != 1 || s.ReadyMs <= 0 || s.Supervisor.PID != os.Getpid() {
		t.Errorf("status %+v", s)
	}
	if s.ZooKeeper.State != "running" || s.ZooKeeper.PID == 0 || len(s.Brokers) != 3 {
		t.Errorf("status of processes %+v, %+v", s.ZooKeeper, s.Brokers)
	}
	for _, b := range s.Brokers {
		if b.State != lifecycle.Running || b.PID == 0 || b.RSSBytes == 0 || b.ReadyMs <= 0 {
			t.Errorf("broker %+v", b)
		}
	}
	if err := l.Down(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), l.home); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after down: %v, want ErrNotRunning", err)
	}
	if left, _ := filepath.Glob(filepath.Join(RunDir(l.home), "*.sock")); len(left) > 0 {
		t.Errorf("sockets left: %v", left)
	}
	for _, pid := range []int{s.ZooKeeper.PID, s.Brokers[0].PID, s.Brokers[1].PID, s.Brokers[2].PID} {
		if p, err := os.FindProcess(pid); err == nil && p.Signal(nilSignal) == nil {
			t.Errorf("process %d is left", pid)
		}
	}
}

func TestKillIsAnEventWithItsConsequence(t *testing.T) {
	l := start(t, nil)
	defer l.Down(context.Background(), false)
	before := time.Now()
	l.do(lifecycle.Kill, 2)
	after := time.Now()
	if got := l.broker(2); got.State != lifecycle.Killed || got.PID != 0 {
		t.Errorf("after kill: %+v", got)
	}
	killed := l.await(0, event.ProcessKilled, 2)
	if killed.By != "you" || killed.Source != "supervisor" || killed.Time.Before(before) || killed.Time.After(after) {
		t.Errorf("kill %+v", killed)
	}
	exited := l.await(killed.Seq, event.ProcessExited, 2)
	if exited.Cause != killed.Seq || exited.Fields["signal"] != "SIGKILL" || exited.Time.Before(killed.Time) {
		t.Errorf("exit %+v after kill %+v", exited, killed)
	}
	refused := l.Do(t.Context(), Action{Verb: lifecycle.Kill, Target: "broker", ID: 2})
	if refused == nil || refused.Error() != "cannot kill broker 2: it is killed; start it first" {
		t.Errorf("second kill: %v", refused)
	}
	l.do(lifecycle.Start, 2)
	ready := l.await(exited.Seq, event.ProcessReady, 2)
	starting := l.await(exited.Seq, event.ProcessStarting, 2)
	if ready.Cause != starting.Seq || ready.Fields["ms"].(float64) <= 0 || l.broker(2).State != lifecycle.Running {
		t.Errorf("ready %+v after starting %+v", ready, starting)
	}
}

func TestStopEndsAfterTheLastWord(t *testing.T) {
	l := start(t, nil)
	defer l.Down(context.Background(), false)
	l.do(lifecycle.Stop, 1)
	stopping := l.await(0, event.ProcessStopping, 1)
	word := l.await(stopping.Seq, "last.word", -1)
	stopped := l.await(stopping.Seq, event.ProcessStopped, 1)
	if word.Source != "broker 1" || word.Time.IsZero() || word.Seq > stopped.Seq {
		t.Errorf("last word %+v, stopped %+v", word, stopped)
	}
	if stopped.Cause != stopping.Seq || stopped.Fields["code"] != float64(0) || l.broker(1).State != lifecycle.Stopped {
		t.Errorf("stopped %+v", stopped)
	}
	if s, _ := l.Status(t.Context()); s.Controller != -1 {
		t.Errorf("controller %d after its broker's end, want unknown", s.Controller)
	}
}

func TestPauseAndResume(t *testing.T) {
	l := start(t, nil)
	defer l.Down(context.Background(), false)
	l.do(lifecycle.Pause, 3)
	paused := l.broker(3)
	if paused.State != lifecycle.Paused {
		t.Errorf("after pause: %+v", paused)
	}
	l.do(lifecycle.Resume, 3)
	l.await(l.await(0, event.ProcessPaused, 3).Seq, event.ProcessResumed, 3)
	if got := l.broker(3); got.State != lifecycle.Running || got.PID != paused.PID {
		t.Errorf("after resume: %+v", got)
	}
	l.do(lifecycle.Pause, 3)
	l.do(lifecycle.Stop, 3) // has to wake it first
	if got := l.broker(3); got.State != lifecycle.Stopped {
		t.Errorf("after the stop of a paused one: %+v", got)
	}
}

func TestRestartGivesAnotherProcess(t *testing.T) {
	l := start(t, nil)
	defer l.Down(context.Background(), false)
	was := l.broker(1).PID
	l.do(lifecycle.Restart, 1)
	if now := l.broker(1); now.State != lifecycle.Running || now.PID == was {
		t.Errorf("after restart: %+v, before: pid %d", now, was)
	}
	l.do(lifecycle.Kill, 1)
	l.do(lifecycle.Restart, 1)
	if now := l.broker(1); now.State != lifecycle.Running {
		t.Errorf("after restart of a killed one: %+v", now)
	}
}

func TestWhoWasReadyHasStarted(t *testing.T) {
	r := &run{ready: make(chan struct{}), gone: make(chan struct{})}
	close(r.ready)
	close(r.gone)
	for range 100 {
		if err := new(process).awaitReady(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnUnaskedEndIsToldWithLastWords(t *testing.T) {
	l := start(t, func(c *Config) { c.Plan.Brokers[1].Props["do"] = "crash" })
	defer l.Down(context.Background(), false)
	failed := l.await(0, event.ProcessFailed, 2)
	if failed.Fields["code"] != float64(7) || failed.Cause != 0 {
		t.Errorf("crash %+v", failed)
	}
	if text, _ := failed.Fields["error"].(string); !strings.HasSuffix(text, "panic: out of cheese") {
		t.Errorf("error %q", text)
	}
	if log, _ := failed.Fields["log"].([]any); len(log) != 2 {
		t.Errorf("log %v", failed.Fields["log"])
	}
	if got := l.broker(2).State; got != lifecycle.Failed {
		t.Errorf("state %s", got)
	}
}

func TestLongLastWordsAreCut(t *testing.T) {
	l := start(t, func(c *Config) { c.Plan.Brokers[1].Props["do"] = "long words" })
	defer l.Down(context.Background(), false)
	failed := l.await(0, event.ProcessFailed, 2)
	text, err := json.Marshal(failed)
	if log, _ := failed.Fields["log"].([]any); err != nil || len(log) != lastLines || len(text) > 64<<10 {
		t.Errorf("%d lines in %d bytes, %v", len(log), len(text), err)
	}
	last := failed.Seq
	l.do(lifecycle.Kill, 1)
	if exited := l.await(last, event.ProcessExited, 1); exited.Seq <= last {
		t.Errorf("after %d: %+v", last, exited)
	}
}

// A child says something longer than any report, before it is ready: that one line is lost, and nothing after it.
func TestALineThatIsTooLongSilencesNobody(t *testing.T) {
	l := start(t, func(c *Config) { c.Plan.Brokers[1].Props["do"] = "babble" })
	defer l.Down(context.Background(), false)
	l.awaitFirstWords()
	l.do(lifecycle.Stop, 2)
	if word := l.await(l.await(0, event.ProcessStopping, 2).Seq, "last.word", -1); word.Source != "broker 2" {
		t.Errorf("last word %+v", word)
	}
	passed := 0
	for line, err := range l.Logs(t.Context(), "2", false) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "passed over a line of 524289 bytes") && len(line) < logLineBytes {
			passed++
		}
	}
	if passed != 1 {
		t.Errorf("the log tells %d times of the line that was passed over", passed)
	}
}

func TestAForeignKillIsNobodysAction(t *testing.T) {
	l := start(t, nil)
	defer l.Down(context.Background(), false)
	p, err := os.FindProcess(l.broker(2).PID)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := l.await(0, event.ProcessKilled, 2)
	exited := l.await(killed.Seq, event.ProcessExited, 2)
	if killed.By != "" || exited.Cause != killed.Seq || l.broker(2).State != lifecycle.Killed {
		t.Errorf("killed %+v, exited %+v", killed, exited)
	}
}

func TestADeafProcessIsKilled(t *testing.T) {
	l := start(t, func(c *Config) {
		c.Plan.Brokers[0].Props["do"], c.StopTimeout = "deaf", 20*time.Millisecond
	})
	defer l.Down(context.Background(), false)
	err := l.Do(t.Context(), Action{Verb: lifecycle.Stop, Target: "broker", ID: 1})
	if err == nil || l.broker(1).State != lifecycle.Killed {
		t.Errorf("stop of a deaf process: %v, %+v", err, l.broker(1))
	}
}

func TestAFailedStartLeavesNothing(t *testing.T) {
	home := t.TempDir()
	cfg := Config{Plan: testPlan(t, home), Home: home, Command: childCommand}
	cfg.Plan.Brokers[2].Props["do"] = "fail"
	cfg.Plan.Brokers[1].Props["do"] = "never ready"
	var told error
	err := Serve(t.Context(), cfg, nil, func(_ Status, err error) { told = err })
	want := "broker 3: the disk is on fire; buy another"
	if err == nil || err.Error() != want || told == nil || told.Error() != want {
		t.Errorf("got %v, told %v, want %s", err, told, want)
	}
	if _, err := Dial(t.Context(), home); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after a failed start: %v", err)
	}
	ended := map[int32]bool{}
	for e := range readEvents(filepath.Join(cfg.Plan.Home, journalName)) {
		ended[e.Broker] = ended[e.Broker] || e.Kind == event.ProcessStopped || e.Kind == event.ProcessFailed
	}
	if !ended[1] || !ended[2] || !ended[3] || !ended[-1] {
		t.Errorf("processes that ended: %v", ended)
	}
}

func TestAnAbandonedStartLeavesNothing(t *testing.T) {
	home := t.TempDir()
	cfg := Config{Plan: testPlan(t, home), Home: home, Command: childCommand}
	cfg.Plan.Brokers[1].Props["do"] = "never ready"
	abandoned := make(chan struct{})
	close(abandoned)
	if err := Serve(t.Context(), cfg, abandoned, func(Status, error) {}); !errors.Is(err, errStarterGone) {
		t.Errorf("got %v, want %v", err, errStarterGone)
	}
}

// The socket is there before the processes are: who starts one by hand then would be in the way of the start of all.
func TestAProcessIsNotStartedByHandWhileTheClusterStarts(t *testing.T) {
	home := t.TempDir()
	s, err := open(Config{Plan: testPlan(t, home), Home: home, Command: childCommand})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for _, verb := range []lifecycle.Verb{lifecycle.Start, lifecycle.Restart} {
		err := s.do(t.Context(), Action{Verb: verb, Target: "broker", ID: 1})
		if err == nil || !strings.HasPrefix(err.Error(), "cannot "+string(verb)+" broker 1: the cluster is starting") {
			t.Errorf("got %v", err)
		}
	}
	if err := s.startAll(t.Context()); err != nil {
		t.Error(err)
	}
	s.stopAll("test")
}

func TestDownDuringTheStart(t *testing.T) {
	home := t.TempDir()
	cfg := Config{Plan: testPlan(t, home), Home: home, Command: childCommand}
	cfg.Plan.Brokers[1].Props["do"] = "never ready"
	served := make(chan error, 1)
	go func() { served <- Serve(t.Context(), cfg, nil, func(Status, error) {}) }()
	client, err := Dial(t.Context(), home)
	for errors.Is(err, ErrNotRunning) {
		client, err = Dial(t.Context(), home)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Down(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := <-served; !errors.Is(err, errToldToStop) {
		t.Errorf("got %v, want %v", err, errToldToStop)
	}
}

func TestASecondSupervisorIsRefused(t *testing.T) {
	l := start(t, nil)
	defer l.Down(context.Background(), false)
	err := Serve(t.Context(), Config{Plan: l.plan, Home: l.home, Command: childCommand}, nil, func(Status, error) {})
	if !errors.Is(err, errBusy) {
		t.Errorf("got %v, want %v", err, errBusy)
	}
}

func TestAPortInUseIsToldWithItsOwner(t *testing.T) {
	home := t.TempDir()
	cfg := Config{Plan: testPlan(t, home), Home: home, Command: childCommand}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.Plan.Brokers[1].Port)))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	err = Serve(t.Context(), cfg, nil, func(Status, error) {})
	if err == nil || !strings.HasPrefix(err.Error(), "cannot start broker 2: port "+strconv.Itoa(cfg.Plan.Brokers[1].Port)+" is in use by ") ||
		!strings.Contains(err.Error(), "pid "+strconv.Itoa(os.Getpid())) {
		t.Errorf("got %v", err)
	}
}

func TestAnotherClustersDirectoryIsRefused(t *testing.T) {
	l := start(t, nil)
	if err := l.Down(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	plan := l.plan
	plan.Name = "other"
	err := Serve(t.Context(), Config{Plan: plan, Home: l.home, Command: childCommand}, nil, func(Status, error) {})
	if err == nil || !strings.Contains(err.Error(), "it holds the data of cluster lab") || !AsRemote(err).IsInput() {
		t.Errorf("got %v", err)
	}
}

func TestPurgeRemovesDataAndNothingElse(t *testing.T) {
	elsewhere := t.TempDir()
	l := start(t, func(c *Config) {
		c.Plan.Brokers[0].Dirs = []string{elsewhere}
	})
	for _, name := range []string{"meta.properties", "orders-0/00000000000000000000.log", "letter.txt"} {
		path := filepath.Join(elsewhere, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Down(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(l.plan.Home); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the cluster's directory is still there: %v", err)
	}
	left, _ := os.ReadDir(elsewhere)
	if len(left) != 1 || left[0].Name() != "letter.txt" {
		t.Errorf("left elsewhere: %v", left)
	}
	if err := Purge(elsewhere); err == nil {
		t.Error("purged a directory that is no cluster's")
	}
}

// ZooKeeper's transaction log may lie in a directory of its own, and that below the one for snapshots.
func TestPurgeRemovesZooKeepersLogElsewhere(t *testing.T) {
	elsewhere := t.TempDir()
	data := filepath.Join(elsewhere, "zk")
	log := filepath.Join(data, "log")
	l := start(t, func(c *Config) { c.Plan.ZooKeeper.Dirs = []string{data, log} })
	for _, dir := range []string{data, log} {
		if err := os.Mkdir(filepath.Join(dir, "version-2"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Down(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(elsewhere); err != nil || len(left) > 0 {
		t.Errorf("left elsewhere: %v, %v", left, err)
	}
}

func TestADirectoryThatCannotBeUsedIsToldWithItsSetting(t *testing.T) {
	home := t.TempDir()
	plan := testPlan(t, home)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(file, "log")
	plan.ZooKeeper.Dirs = append(plan.ZooKeeper.Dirs, log)
	plan.ZooKeeper.Props["dataLogDir"] = log
	err := Serve(t.Context(), Config{Plan: plan, Home: home, Command: childCommand}, nil, func(Status, error) {})
	if err == nil || !strings.Contains(err.Error(), "cannot create "+log) || !strings.HasSuffix(err.Error(), "choose another directory for dataLogDir in lab.toml") {
		t.Errorf("got %v", err)
	}
}

// A cluster that ends already, because of somebody else's down, still loses its data when a down asks for that.
func TestAPurgeDuringAnotherStop(t *testing.T) {
	l := start(t, func(c *Config) { c.Plan.Brokers[0].Props["do"] = "deaf" })
	deaf, err := os.FindProcess(l.broker(1).PID)
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan error, 1)
	go func() { first <- l.Down(t.Context(), false) }()
	l.await(0, event.ClusterStopping, -1)
	lines := l.request(request{Op: opDown, Purge: true})
	l.broker(2) // who came later is answered: the purge has been taken
	if err := deaf.Kill(); err != nil {
		t.Fatal(err)
	}
	if last, err := nextAnswer(lines); err != nil || !last.Done {
		t.Errorf("the purge: %+v, %v", last, err)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(l.plan.Home); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the cluster's directory is still there: %v", err)
	}
}

func TestAPurgeThatFailsIsTold(t *testing.T) {
	l := start(t, nil)
	mark := filepath.Join(l.plan.Home, markName)
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	if err := l.Down(t.Context(), true); err == nil || !strings.Contains(err.Error(), "it is not a cluster's directory") {
		t.Errorf("got %v", err)
	}
	if err := l.AwaitEnd(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestALongHomeHasAShortSocket(t *testing.T) {
	home := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	s, err := takeSeat(home, home)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.socket) > maxSunPath {
		t.Errorf("socket path of %d bytes", len(s.socket))
	}
	if info, err := os.Stat(s.socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket %v, %v", info, err)
	}
	if _, err := Dial(t.Context(), home); err != nil {
		t.Error(err)
	}
	if err := s.leave(); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), home); !errors.Is(err, ErrNotRunning) {
		t.Errorf("got %v, want ErrNotRunning", err)
	}
}
