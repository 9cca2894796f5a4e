package supervisor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// A supervisor is found through three files in HOME/run, which nobody but the user can enter:
//
//	lock             held as long as the supervisor lives, whatever ends it
//	supervisor.json  where it listens, and which cluster it runs; stays for the next start
//	klab.sock        the socket, unless the path is too long for one: then it is below the directory for temporary files
const (
	runDirName   = "run"
	lockName     = "lock"
	recordName   = "supervisor.json"
	socketName   = "klab.sock"
	maxSunPath   = 100 // sun_path holds 108 bytes on Linux, 104 on the BSDs, with a final zero
	dialTimeout  = 2 * time.Second
	lockInterval = time.Millisecond
)

// record is what supervisor.json holds.
type record struct {
	Socket  string `json:"socket"`
	PID     int    `json:"pid"`
	Cluster string `json:"cluster"` // the cluster's own directory
}

// RunDir is where a home's supervisor is found.
func RunDir(home string) string { return filepath.Join(home, runDirName) }

// errBusy says that another supervisor holds the home.
var errBusy = errors.New("cannot start a second cluster: one already runs in this home; use its `klab down` first, or --home for another")

// seat is a supervisor's hold on a home: the lock and the socket.
type seat struct {
	home     string
	lock     *flock.Flock
	listener net.Listener
	socket   string
}

// takeSeat locks the home and listens. It replaces the socket that a killed supervisor left.
func takeSeat(home, cluster string) (*seat, error) {
	dir := RunDir(home)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, explainDisk("create", dir, anotherHome, err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, explainDisk("protect", dir, anotherHome, err)
	}
	lock := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	switch held, err := lock.TryLock(); {
	case err != nil:
		return nil, explainDisk("lock", dir, anotherHome, err)
	case !held:
		return nil, errBusy
	}
	s := &seat{home: home, lock: lock}
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if err := s.publish(cluster); err != nil {
		return nil, errors.Join(err, s.leave())
	}
	return s, nil
}

func (s *seat) listen() error {
	path, err := socketPath(s.home)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove the old socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("cannot listen on a Unix socket: %w", err)
	}
	s.listener, s.socket = listener, path
	return os.Chmod(path, 0o600)
}

// socketPath is HOME/run/klab.sock, or a short path of this user's that follows from the home.
func socketPath(home string) (string, error) {
	path := filepath.Join(RunDir(home), socketName)
	if len(path) <= maxSunPath {
		return path, nil
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("klab-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("cannot create a directory for the socket: %w", err)
	}
	// Somebody else's directory of that name, or one that others can enter, is not to be trusted with a socket.
	if err := os.Chmod(dir, 0o700); err != nil {
		return "", fmt.Errorf("cannot protect the directory of the socket: %w", err)
	}
	sum := sha256.Sum256([]byte(home))
	return filepath.Join(dir, hex.EncodeToString(sum[:8])+".sock"), nil
}

// publish writes where the supervisor is; whole, since a reader can come at any time.
func (s *seat) publish(cluster string) error {
	text, err := json.Marshal(record{Socket: s.socket, PID: os.Getpid(), Cluster: cluster})
	if err != nil {
		return err
	}
	path := filepath.Join(RunDir(s.home), recordName)
	if err := os.WriteFile(path+".tmp", append(text, '\n'), 0o600); err != nil {
		return explainDisk("write to", RunDir(s.home), anotherHome, err)
	}
	return os.Rename(path+".tmp", path)
}

// leave gives the home free: no socket remains.
func (s *seat) leave() error {
	return errors.Join(s.listener.Close(), s.lock.Close()) // a Unix listener removes its socket
}

func readRecord(home string) (record, error) {
	var r record
	text, err := os.ReadFile(filepath.Join(RunDir(home), recordName))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	return r, err
}

// awaitEnd waits until the supervisor that was found as pid has ended: nobody holds the home, or another one already does.
func awaitEnd(ctx context.Context, home string, pid int) error {
	lock := flock.New(filepath.Join(RunDir(home), lockName))
	look := time.NewTicker(lockInterval)
	defer look.Stop()
	for {
		switch free, err := lock.TryLock(); {
		case err != nil:
			return fmt.Errorf("cannot see the supervisor end: %w", err)
		case free:
			return lock.Close()
		}
		if now, err := readRecord(home); err == nil && now.PID != pid {
			return lock.Close()
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
