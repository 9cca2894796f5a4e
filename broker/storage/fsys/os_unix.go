//go:build unix

package fsys

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockFile takes a POSIX record lock on the whole file, the kind that Java's
// FileChannel.tryLock takes: flock(2) would not conflict with it. The system
// drops such a lock when the process closes any descriptor of the file, so
// nothing else may open it.
func lockFile(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	want := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart}
	err = syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &want)
	if err == nil {
		return f, nil
	}
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		err = fmt.Errorf("%w%s", ErrLocked, holder(f))
	}
	return nil, errors.Join(err, f.Close())
}

// holder names the process that holds the lock on f, if the system tells.
func holder(f *os.File) string {
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock); err != nil || lock.Pid <= 0 {
		return ""
	}
	return fmt.Sprintf(" (pid %d)", lock.Pid)
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func usage(name string) (total, usable int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(name, &s); err != nil {
		return -1, -1, &os.PathError{Op: "statfs", Path: name, Err: err}
	}
	block := int64(s.Bsize)
	return int64(s.Blocks) * block, int64(s.Bavail) * block, nil
}
