package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"klab/coordinator/server/txnlog"
)

const serverEnv = "KLAB_TEST_ZOOKEEPER_DIR"

// runAsServer makes this test binary a server if the environment asks for it: a process that can be killed.
func runAsServer() bool {
	dir := os.Getenv(serverEnv)
	if dir == "" {
		return false
	}
	cfg := Config{DataDir: dir, ClientPortAddress: "127.0.0.1", SnapCount: 40, FourLetterWords: []string{"*"}}
	s, err := Open(cfg, Options{})
	if err == nil {
		addr, listenErr := s.Listen()
		fmt.Println(addr)
		err = errors.Join(listenErr, s.Serve(context.Background()))
	}
	fmt.Fprintln(os.Stderr, err)
	return true
}

// TestKilledServerLosesNothing kills a server at random moments, again and again, while clients write; every write that
// was acknowledged must be there afterwards, and every session.
func TestKilledServerLosesNothing(t *testing.T) {
	dir := t.TempDir()
	var ledger []string
	for range 4 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), serverEnv+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		r := &running{TB: t, addr: strings.TrimSpace(line)}
		checkLedger(t, r, ledger)
		ledger = append(ledger, writeUntilKilled(t, r, cmd)...)
	}
	r := start(t, Config{DataDir: dir, ClientPortAddress: "127.0.0.1"}, Options{})
	checkLedger(t, r, ledger)
	if len(ledger) < 50 {
		t.Fatalf("only %d writes were acknowledged", len(ledger))
	}
}

func checkLedger(t *testing.T, r *running, ledger []string) {
	t.Helper()
	w := r.wire(10 * time.Second)
	names := w.ok(opGetChildren, append(pathBody("/"), 0)...).UStrings()
	slices.Sort(names)
	for _, path := range ledger {
		if _, found := slices.BinarySearch(names, path[1:]); !found {
			t.Fatalf("%s was acknowledged and is gone", path)
		}
	}
	w.ask(opCloseSession)
	w.Close()
}

// writeUntilKilled creates nodes from several connections and kills the server among them. It returns what was
// acknowledged.
func writeUntilKilled(t *testing.T, r *running, cmd *exec.Cmd) []string {
	const writers = 4
	acked := make([][]string, writers)
	done := make(chan int)
	var total atomic.Int32
	kill := int32(30 + rand.IntN(120))
	for i := range writers {
		w := r.wire(10 * time.Second)
		go func() {
			defer func() { done <- i }()
			for {
				path, err := w.tryCreate()
				if err != nil {
					return
				}
				acked[i] = append(acked[i], path)
				if total.Add(1) == kill {
					cmd.Process.Kill()
				}
			}
		}()
	}
	for range writers {
		<-done
	}
	cmd.Wait()
	return slices.Concat(acked...)
}

// tryCreate creates a sequential node and returns its path, or an error when the server is gone.
func (w *wire) tryCreate() (string, error) {
	w.xid++
	body := createBody("/n", []byte("data"), 2)
	if _, err := w.Write(requestFrame(w.xid, opCreate, body)); err != nil {
		return "", err
	}
	b, err := w.tryNext()
	if err != nil {
		return "", err
	}
	return string(b[20:]), nil
}

// failingFS is a disk whose syncs fail when told to.
type failingFS struct {
	txnlog.OS
	full atomic.Bool
}

func (f *failingFS) Create(path string) (txnlog.File, error) {
	file, err := f.OS.Create(path)
	return failingFile{file, f}, err
}

type failingFile struct {
	txnlog.File
	fs *failingFS
}

func (f failingFile) Sync() error {
	if f.fs.full.Load() {
		return errors.New("no space left on device")
	}
	return f.File.Sync()
}

// TestFailedLogEndsTheServer: a write that is not on disk is answered by nothing but the end of the connection.
func TestFailedLogEndsTheServer(t *testing.T) {
	disk := &failingFS{}
	cfg := testConfig(t)
	cfg.ForceSync = nil
	r := start(t, cfg, Options{FS: disk})
	w := r.wire(5 * time.Second)
	w.ok(opCreate, createBody("/kept", nil, 0)...)
	disk.full.Store(true)
	w.send(opCreate, createBody("/lost", nil, 0)...)
	w.closed()
	if err := r.stop(); err == nil || !strings.Contains(err.Error(), "cannot write transaction log: no space left on device") {
		t.Fatalf("Serve returned %v", err)
	}
	again := start(t, r.cfg, Options{})
	if ok, _, err := again.client(5 * time.Second).Exists("/kept"); !ok || err != nil {
		t.Fatalf("kept %v, %v", ok, err)
	}
}

// TestSnapshotsWhileServing takes one every few writes and recovers from them.
func TestSnapshotsWhileServing(t *testing.T) {
	cfg := testConfig(t)
	cfg.SnapCount = 5
	r := start(t, cfg, Options{})
	c := r.client(10 * time.Second)
	for i := range 100 {
		must[string](t)(c.Create(fmt.Sprintf("/n%d", i), nil, 0, zk.WorldACL(zk.PermAll)))
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	snaps, err := os.ReadDir(cfg.DataDir + "/version-2")
	if err != nil || len(snaps) > 12 {
		t.Fatalf("%d files are left, %v", len(snaps), err)
	}
	again := start(t, r.cfg, Options{})
	w := again.wire(5 * time.Second)
	if n := w.ok(opGetChildrenNumber, pathBody("/")...).Int(); n != 103 {
		t.Fatalf("%d nodes", n)
	}
}

func TestSecondServerOnADirectoryIsRefused(t *testing.T) {
	r := startDefault(t)
	if _, err := Open(r.cfg, Options{}); err == nil || !strings.Contains(err.Error(), "another server is using") {
		t.Fatalf("got %v", err)
	}
}
