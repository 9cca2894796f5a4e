//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// badFile is one mistake in a person's copy of configs/: in file, from becomes to. Of the message, each of want must be there.
type badFile struct {
	name, file, from, to string
	want                 []string
}

var badFiles = []badFile{
	{"unknown key in the cluster file", "pseudo.toml", "brokers = ", "brokrs = ", []string{"pseudo.toml:13:1", "unknown key brokrs", "did you mean brokers?"}},
	{"unknown key of a broker", "server-2.toml", "num.partitions = ", "num.partitons = ", []string{"server-2.toml:13:", "num.partitons", "did you mean num.partitions?"}},
	{"unknown key of ZooKeeper", "pseudo.toml", "tickTime = ", "tickTme = ", []string{"pseudo.toml:23:1", "tickTme", "did you mean tickTime?"}},
	{"wrong type in the cluster file", "pseudo.toml", `brokers = ["server-1.toml", "server-2.toml", "server-3.toml"]`, "brokers = 3", []string{"pseudo.toml:13:", "brokers must be a list of file names"}},
	{"wrong type in a broker's file", "server-2.toml", "num.partitions = 3", `num.partitions = "three"`, []string{"server-2.toml:13:", "num.partitions = three", "Not a number"}},
	{"out of range in a broker's file", "server-2.toml", "num.partitions = 3", "num.partitions = 0", []string{"server-2.toml:13:", "num.partitions = 0", "at least 1"}},
	{"out of range for ZooKeeper", "pseudo.toml", "clientPort = 2181", "clientPort = 99999", []string{"pseudo.toml:21:1", "clientPort must be a number from 1 to 65535"}},
	{"TOML syntax in the cluster file", "pseudo.toml", `home = "pseudo"`, `home = = "pseudo"`, []string{"pseudo.toml:10:8", "expected value"}},
	{"TOML syntax in a broker's file", "server-2.toml", "num.partitions = 3", "num.partitions = = 3", []string{"server-2.toml:13:18", "expected value"}},
	{"one id twice", "server-2.toml", "broker.id = 2", "broker.id = 1", []string{"server-2.toml", "broker.id 1", "server-1.toml", "give each broker its own"}},
	{"one port twice", "server-2.toml", ":9094", ":9093", []string{"server-2.toml", "port 9093", "broker 1", "give each process its own port"}},
	{"one directory twice", "server-2.toml", "kafka-logs-2", "kafka-logs-1", []string{"server-2.toml", "kafka-logs-1", "broker 1", "give each process its own directories"}},
	{"a broker's file that is not there", "pseudo.toml", "server-3.toml", "server-4.toml", []string{"server-4.toml", "no such file"}},
}

// TestBadConfigFiles: exit code 2, one sentence that says where and what to do, and nothing was started.
func TestBadConfigFiles(t *testing.T) {
	for _, c := range badFiles {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			files := copyConfigs(t, t.TempDir())
			edit(t, filepath.Join(files, c.file), c.from, c.to)
			l.refuses(2, []string{"up", "--file", filepath.Join(files, "pseudo.toml")}, c.want...)
			l.nothingRuns()
		})
	}
}

func TestBadConfigOverride(t *testing.T) {
	l := newLab(t)
	l.refuses(2, []string{"up", "--override", "num.partitons=1"}, "--override num.partitons=1", "did you mean num.partitions?")
	l.refuses(2, []string{"up", "--override", "broker.7:num.partitions=1"}, "there is no broker 7", "1, 2, 3")
	l.nothingRuns()
}

// TestBadConfigPortInUse has this test itself in the way, so the message must name it.
func TestBadConfigPortInUse(t *testing.T) {
	for addr, setting := range map[string]string{"127.0.0.1:9094": "listeners in server-2.toml", "127.0.0.1:2181": "clientPort in pseudo.toml"} {
		t.Run(addr, func(t *testing.T) {
			l := newLab(t)
			listener, err := net.Listen("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			_, port, _ := net.SplitHostPort(addr)
			l.refuses(1, []string{"up"}, "port "+port+" is in use by", "(pid "+strconv.Itoa(os.Getpid())+")", "stop that, or change "+setting)
			listener.Close()
			l.nothingRuns()
			l.klab("up") // the way is free again
		})
	}
}

// TestBadConfigForeignDirectory points a broker of a second home at a broker's directory of a first: while that runs the
// lock keeps it out, and afterwards the cluster id in meta.properties.
func TestBadConfigForeignDirectory(t *testing.T) {
	l := up(t)
	owner := l.status()
	dir := filepath.Join(l.home, "pseudo", "kafka-logs-1")
	second := newLab(t)
	files := copyConfigs(t, t.TempDir())
	edit(t, filepath.Join(files, "server-1.toml"), "kafka-logs-1", dir)
	elsewhere := map[string]string{"2181": "22181", ":9093": ":29093", ":9094": ":29094", ":9095": ":29095"}
	for _, name := range []string{"pseudo.toml", "server-1.toml", "server-2.toml", "server-3.toml"} {
		for from, to := range elsewhere {
			replaceAll(t, filepath.Join(files, name), from, to)
		}
	}
	start := []string{"up", "--file", filepath.Join(files, "pseudo.toml")}
	second.refuses(1, start, dir, "locked by another process (pid "+strconv.Itoa(owner.broker(1).PID)+")", "point log.dirs at a directory of this broker's own")
	second.noProcess()
	second.noneListens(elsewhere)
	if now := l.status(); now.broker(1).PID != owner.broker(1).PID || now.broker(1).State != "running" {
		t.Errorf("broker 1 of the first cluster is disturbed: %+v", now.broker(1))
	}
	l.klab("down")
	second.refuses(1, start, dir, "belongs to cluster", "point log.dirs at this cluster's directory")
	second.noProcess()
	second.noneListens(elsewhere)
	l.klab("up") // its owner still can
}

// TestBadConfigForegroundBroker is the same care of `klab broker run`, which has no supervisor to check for it.
func TestBadConfigForegroundBroker(t *testing.T) {
	l := up(t)
	file := filepath.Join(t.TempDir(), "server.properties")
	write := func(id, port, key string) {
		text := fmt.Sprintf("broker.id=%s\nlisteners=PLAINTEXT://127.0.0.1:%s\nlog.dirs=%s\n%szookeeper.connect=127.0.0.1:2181\n",
			id, port, filepath.Join(l.home, "pseudo", "kafka-logs-1"), key)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := []string{"broker", "run", file}
	write("1", "29093", "")
	l.refusesAfterItsLog(1, run, "kafka-logs-1", "locked by another process", "point log.dirs at")
	write("7", "29093", "")
	l.refusesAfterItsLog(1, run, "kafka-logs-1", "belongs to broker 1", "correct broker.id")
	write("1", "9094", "")
	l.refusesAfterItsLog(1, run, "127.0.0.1:9094", "is in use by", "(pid "+strconv.Itoa(l.status().broker(2).PID)+")", "stop that, or change listeners")
	write("1", "29093", "num.partitions=0\n")
	l.refusesAfterItsLog(2, run, file, "num.partitions", "at least 1")
	if !portFree("127.0.0.1:29093") {
		t.Error("port 29093 is still bound")
	}
}

// TestBadConfigDisk puts a broker's or ZooKeeper's directory where nothing can be written.
func TestBadConfigDisk(t *testing.T) {
	full := func(t *testing.T) string {
		dir := mountTmpfs(t, 0, "size=64k")
		fill(t, dir)
		return dir
	}
	for _, c := range []struct {
		name, file, from string
		dir              func(t *testing.T) string
		want             []string
	}{
		{"below a file", "server-2.toml", "kafka-logs-2", belowAFile, []string{"cannot create", "not a directory", "log.dirs in", "server-2.toml"}},
		{"read-only", "server-2.toml", "kafka-logs-2", readOnly, []string{"cannot write to", "read-only file system", "choose another directory for log.dirs in", "server-2.toml"}},
		{"full", "server-2.toml", "kafka-logs-2", full, []string{"cannot write to", "no space left on device", "free some space there", "log.dirs in", "server-2.toml"}},
		{"ZooKeeper's, read-only", "pseudo.toml", `"zookeeper"`, readOnly, []string{"cannot write to", "read-only file system", "choose another directory for dataDir in", "pseudo.toml"}},
		{"ZooKeeper's, full", "pseudo.toml", `"zookeeper"`, full, []string{"cannot write to", "no space left on device", "free some space there", "dataDir in"}},
		{"ZooKeeper's, full once it serves", "pseudo.toml", `"zookeeper"`, func(t *testing.T) string { return mountTmpfs(t, 0, "size=64k") },
			[]string{"zookeeper:", "no space left on device", "free some space there, or change dataDir"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			files, dir := copyConfigs(t, t.TempDir()), c.dir(t)
			to := dir
			if strings.HasPrefix(c.from, `"`) {
				to = strconv.Quote(dir)
			}
			edit(t, filepath.Join(files, c.file), c.from, to)
			l.refuses(1, []string{"up", "--file", filepath.Join(files, "pseudo.toml")}, append(c.want, dir)...)
			l.nothingRuns()
		})
	}
}

// TestBadConfigHome has klab's own home on such a disk.
func TestBadConfigHome(t *testing.T) {
	l := newLab(t)
	for _, home := range []string{belowAFile(t), readOnly(t)} {
		l.refuses(1, []string{"up", "--home", home}, "cannot create klab's home", filepath.Dir(home), "choose another with --home")
	}
	l.nothingRuns()
}

// refuses runs klab, which must fail with code and one line on standard error that has all of want.
func (l *lab) refuses(code int, args []string, want ...string) {
	l.t.Helper()
	_, stderr, got := l.try(args...)
	if got != code {
		l.t.Errorf("klab %s: exit code %d, want %d", strings.Join(args, " "), got, code)
	}
	l.says(stderr, want)
	if strings.Count(stderr, "\n") != 1 {
		l.t.Errorf("klab says it in more than one line:\n%s", stderr)
	}
}

// refusesAfterItsLog is refuses for a foreground process, which logs to standard error before its last line.
func (l *lab) refusesAfterItsLog(code int, args []string, want ...string) {
	l.t.Helper()
	_, stderr, got := l.try(args...)
	if got != code {
		l.t.Errorf("klab %s: exit code %d, want %d", strings.Join(args, " "), got, code)
	}
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	l.says(lines[len(lines)-1], want)
}

func (l *lab) says(message string, want []string) {
	l.t.Helper()
	if !strings.HasPrefix(message, "klab: ") {
		l.t.Errorf("klab says %q, want a line of its own", message)
	}
	for _, w := range want {
		if !strings.Contains(message, w) {
			l.t.Errorf("klab says\n%swithout %q", message, w)
		}
	}
}

// nothingRuns holds that no process, port or socket is left of a start that failed.
func (l *lab) nothingRuns() {
	l.t.Helper()
	if _, _, code := l.try("status"); code != 3 {
		l.t.Errorf("status: exit code %d, want 3: nothing runs", code)
	}
	l.noProcess()
	l.mustBeGone(nil)
}

// noProcess waits until no process has this lab's home in its arguments, as a supervisor and its children do: a supervisor
// that has reported why it gave up is still on its way out.
func (l *lab) noProcess() {
	l.t.Helper()
	eventually(l.t, 5*time.Second, "nothing is left running", func() bool { return len(l.processes()) == 0 })
}

// processes are those that have this lab's home in their arguments.
func (l *lab) processes() (running []string) {
	l.t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		l.t.Fatal(err)
	}
	for _, path := range paths {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		line, err := os.ReadFile(path)
		if err == nil && bytes.Contains(line, []byte(l.home)) && alive(pid) {
			running = append(running, fmt.Sprintf("%d %s", pid, bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return running
}

func (l *lab) noneListens(ports map[string]string) {
	l.t.Helper()
	for _, port := range ports {
		if addr := "127.0.0.1:" + strings.TrimPrefix(port, ":"); !portFree(addr) {
			l.t.Errorf("%s is still bound", addr)
		}
	}
}

// copyConfigs puts a person's own copy of configs/ into dir.
func copyConfigs(t *testing.T, dir string) string {
	t.Helper()
	for _, name := range []string{"pseudo.toml", "server-1.toml", "server-2.toml", "server-3.toml"} {
		text, err := os.ReadFile(filepath.Join("..", "configs", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// edit replaces from, which must be there, at its first place that is no comment.
func edit(t *testing.T, path, from, to string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "#") && strings.Contains(line, from) {
			lines[i] = strings.Replace(line, from, to, 1)
			if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("%s has no %q", path, from)
}

func replaceAll(t *testing.T, path, from, to string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, bytes.ReplaceAll(text, []byte(from), []byte(to)), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// belowAFile is a path that no directory can have, for root neither.
func belowAFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(file, "logs")
}

func readOnly(t *testing.T) string { return mountTmpfs(t, syscall.MS_RDONLY, "") }

// mountTmpfs needs the right to mount: root, or a user namespace (unshare -rm).
func mountTmpfs(t *testing.T, flags uintptr, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("klab-e2e", dir, "tmpfs", flags, options); err != nil {
		t.Fatalf("cannot mount a tmpfs, which stands for a full or a read-only disk: %v; run this as root or under unshare -rm", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("cannot unmount %s: %v", dir, err)
		}
	})
	return dir
}

// fill takes all the space that there is.
func fill(t *testing.T, dir string) {
	t.Helper()
	file, err := os.Create(filepath.Join(dir, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for err == nil {
		_, err = file.Write(make([]byte, 4096))
	}
}
