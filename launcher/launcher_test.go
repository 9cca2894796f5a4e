package launcher

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"klab/launcher/event"
	"klab/launcher/lifecycle"
	"klab/launcher/spec"
	"klab/launcher/supervisor"
)

// The test binary is also the supervisor, the brokers and the ZooKeeper of the tests.
func TestMain(m *testing.M) {
	Main()
	os.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector's processes sleep at their end
	os.Exit(m.Run())
}

// options are a cluster of three on free ports in a home of its own.
func options(t *testing.T) Options {
	t.Helper()
	o := Options{Home: t.TempDir(), Overrides: []string{fmt.Sprintf("zookeeper:clientPort=%d", freePort(t))}}
	for id := range 3 {
		o.Overrides = append(o.Overrides, fmt.Sprintf("broker.%d:listeners=PLAINTEXT://127.0.0.1:%d", id+1, freePort(t)))
	}
	return o
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestUpAndDown(t *testing.T) {
	o := options(t)
	up, err := Up(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer Down(context.Background(), o.Home, true)
	if up.AlreadyRunning || up.ReadyMs <= 0 || len(up.Status.Brokers) != 3 || up.Status.Supervisor.PID == os.Getpid() {
		t.Errorf("up %+v", up)
	}
	again, err := Up(t.Context(), o)
	if err != nil || !again.AlreadyRunning || again.Status.Supervisor.PID != up.Status.Supervisor.PID {
		t.Errorf("second up %+v, %v", again, err)
	}
	for _, b := range up.Status.Brokers {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.Port))
		if err != nil {
			t.Errorf("broker %d does not answer: %v", b.ID, err)
			continue
		}
		conn.Close()
	}
	if err := Down(t.Context(), o.Home, false); err != nil {
		t.Fatal(err)
	}
	for _, b := range up.Status.Brokers {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.Port)); err == nil {
			conn.Close()
			t.Errorf("broker %d still answers", b.ID)
		}
	}
	if err := Down(t.Context(), o.Home, false); !errors.Is(err, supervisor.ErrNotRunning) || ExitCode(err) != 3 {
		t.Errorf("second down: %v", err)
	}
	if err := Down(t.Context(), o.Home, true); err != nil {
		t.Errorf("purge of what does not run: %v", err)
	}
	if _, err := os.Stat(filepath.Join(o.Home, "pseudo")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("data is left: %v", err)
	}
}

// A supervisor that ends just now takes no more requests; the data goes all the same.
func TestAPurgeThatComesTooLateForTheSupervisor(t *testing.T) {
	home := t.TempDir()
	cluster := filepath.Join(home, "lab")
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for range 2 { // a look whether somebody is there, and the request
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
		listener.Close()
	}()
	for path, text := range map[string]string{
		filepath.Join(supervisor.RunDir(home), "supervisor.json"): fmt.Sprintf(`{"socket":%q,"pid":1,"cluster":%q}`, listener.Addr(), cluster),
		filepath.Join(cluster, "cluster.json"):                    `{"name":"lab"}`,
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Down(t.Context(), home, true); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(cluster); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("data is left: %v", err)
	}
}

// Whoever asks while another starts or ends the cluster gets a cluster, and there is never more than one.
func TestManyUpsAtOnceAndOneDuringADown(t *testing.T) {
	o := options(t)
	defer Down(context.Background(), o.Home, true)
	const asking = 4
	results := make(chan Result, asking)
	for range asking {
		go func() {
			r, err := Up(t.Context(), o)
			if err != nil {
				t.Error(err)
			}
			results <- r
		}()
	}
	started, pids := 0, map[int]bool{}
	for range asking {
		r := <-results
		pids[r.Status.Supervisor.PID] = true
		if !r.AlreadyRunning {
			started++
		}
	}
	if started != 1 || len(pids) != 1 {
		t.Errorf("%d started it, supervisors %v", started, pids)
	}
	down := make(chan error, 1)
	go func() { down <- Down(t.Context(), o.Home, false) }()
	if _, err := Up(t.Context(), o); err != nil {
		t.Error(err)
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
}

// Brokers that were killed come back, whatever state ZooKeeper still has of them.
func TestKilledBrokersComeBack(t *testing.T) {
	o := options(t)
	if _, err := Up(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	defer Down(context.Background(), o.Home, true)
	client, err := supervisor.Dial(t.Context(), o.Home)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []lifecycle.Verb{lifecycle.Kill, lifecycle.Start, lifecycle.Stop, lifecycle.Start, lifecycle.Restart} {
		for id := range int32(3) {
			if err := client.Do(t.Context(), supervisor.Action{Verb: verb, Target: "broker", ID: id + 1, By: "test"}); err != nil {
				t.Fatalf("%s broker %d: %v", verb, id+1, err)
			}
		}
	}
	killed, closed := 0, 0
	for e, err := range client.Events(t.Context(), 0, false) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == event.ProcessKilled && e.By == "test" {
			killed++
		}
		if e.Kind == "session.closed" && e.Source == "zookeeper" && e.Broker > 0 { // by a stop or a restart
			closed++
		}
	}
	if killed != 3 || closed < 6 {
		t.Errorf("%d kills, %d closed sessions", killed, closed)
	}
}

func TestForeground(t *testing.T) {
	o := options(t)
	o.Foreground = true
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o.Ready = func(r Result) {
		if r.Status.Supervisor.PID != os.Getpid() {
			t.Errorf("supervised by %d", r.Status.Supervisor.PID)
		}
		cancel()
	}
	if _, err := Up(ctx, o); err != nil {
		t.Error(err)
	}
	if _, err := supervisor.Dial(t.Context(), o.Home); !errors.Is(err, supervisor.ErrNotRunning) {
		t.Errorf("after the end: %v", err)
	}
}

// Closing the terminal ends a cluster in the foreground as Ctrl-C does.
func TestForegroundEndsInGoodOrderWithItsTerminal(t *testing.T) {
	if runtime.GOOS == "windows" || signal.Ignored(syscall.SIGHUP) {
		t.Skip("nothing sends SIGHUP here")
	}
	o := options(t)
	o.Foreground = true
	o.Ready = func(Result) {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Signal(syscall.SIGHUP)
		}
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := Up(t.Context(), o); err != nil {
		t.Error(err)
	}
	if _, err := supervisor.Dial(t.Context(), o.Home); !errors.Is(err, supervisor.ErrNotRunning) {
		t.Errorf("after the end: %v", err)
	}
}

func TestMistakesLeaveNothingRunning(t *testing.T) {
	good := options(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*Options)
		want   string
		code   int
	}{
		{"no such file", func(o *Options) { o.File = filepath.Join(o.Home, "none.toml") }, "cannot read the cluster file", 2},
		{"bad override", func(o *Options) { o.Overrides = append(o.Overrides, "num.partitions=x") }, "Not a number", 2},
		{"bad key of ZooKeeper", func(o *Options) { o.Overrides = append(o.Overrides, "zookeeper:tikTime=5") }, "did you mean tickTime?", 2},
		{"port in use", func(o *Options) {
			o.Overrides = append(o.Overrides, "broker.2:listeners=PLAINTEXT://"+taken.Addr().String())
		}, "is in use by", 1},
		{"home below a file", func(o *Options) { o.Home = filepath.Join(file, "home") }, "choose another with --home", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := good
			o.Overrides = append([]string(nil), good.Overrides...)
			c.change(&o)
			_, err := Up(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), c.want) || ExitCode(err) != c.code {
				t.Errorf("got %v, code %d; want %s, code %d", err, ExitCode(err), c.want, c.code)
			}
			if _, err := supervisor.Dial(t.Context(), o.Home); !errors.Is(err, supervisor.ErrNotRunning) {
				t.Errorf("something runs: %v", err)
			}
		})
	}
}

// The broker waits for a ZooKeeper that never answers; the person does not wait for ever.
func TestAnUpThatIsGivenUpLeavesNothingRunning(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	port, dir := freePort(t), t.TempDir()
	o := Options{Home: t.TempDir(), File: filepath.Join(dir, "one.toml")}
	for name, text := range map[string]string{
		"one.toml":    fmt.Sprintf("name = \"one\"\nzookeeper.connect = %q\nbrokers = [\"server.toml\"]\n", silent.Addr()),
		"server.toml": fmt.Sprintf("broker.id = 1\nlisteners = \"PLAINTEXT://127.0.0.1:%d\"\nlog.dirs = \"logs-1\"\n", port),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	go func() {
		if conn, err := silent.Accept(); err == nil { // the broker is there and asks
			defer conn.Close()
			giveUp()
			<-t.Context().Done()
		}
	}()
	if _, err := Up(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := supervisor.Dial(t.Context(), o.Home); !errors.Is(err, supervisor.ErrNotRunning) {
		t.Errorf("the supervisor is left: %v", err)
	}
	if listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
		t.Errorf("the broker is left: %v", err)
	} else {
		listener.Close()
	}
}

func TestAnotherClustersLogDirectoryIsRefused(t *testing.T) {
	first, second := options(t), options(t)
	shared := "broker.1:log.dirs=" + t.TempDir()
	first.Overrides, second.Overrides = append(first.Overrides, shared), append(second.Overrides, shared)
	if _, err := Up(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	defer Down(context.Background(), first.Home, true)
	_, err := Up(t.Context(), second)
	if err == nil || !strings.Contains(err.Error(), "locked by another process") || ExitCode(err) != 1 {
		t.Errorf("directory in use: %v", err)
	}
	if err := Down(t.Context(), first.Home, false); err != nil {
		t.Fatal(err)
	}
	_, err = Up(t.Context(), second)
	if err == nil || !strings.Contains(err.Error(), "belongs to cluster") || ExitCode(err) != 1 {
		t.Errorf("another cluster's directory: %v", err)
	}
}

func TestHome(t *testing.T) {
	t.Setenv("KLAB_HOME", "/from/env")
	if got, err := Home(""); err != nil || got != "/from/env" {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := Home("relative"); err != nil || !filepath.IsAbs(got) || filepath.Base(got) != "relative" {
		t.Errorf("got %s, %v", got, err)
	}
	t.Setenv("KLAB_HOME", "")
	if got, err := Home(""); err != nil || filepath.Base(got) != "klab" {
		t.Errorf("got %s, %v", got, err)
	}
	var isMistake error = &spec.Error{Err: errors.New("x")}
	if ExitCode(isMistake) != 2 || ExitCode(nil) != 0 || ExitCode(errors.New("x")) != 1 {
		t.Error("exit codes")
	}
}
