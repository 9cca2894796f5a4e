package txnlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gofrs/flock"
)

// FS is what a store needs of a file system. It is the seam where tests and fault injection come in.
type FS interface {
	// MkdirAll makes a directory and those above it that are missing, and returns when their names are durable.
	MkdirAll(dir string) error
	// ReadDir returns the names in a directory, in order.
	ReadDir(dir string) ([]string, error)
	ReadFile(path string) ([]byte, error)
	// Size returns a file's length in bytes.
	Size(path string) (int64, error)
	// Create makes or empties a file for writing. Its name is durable only after SyncDir.
	Create(path string) (File, error)
	// Sync returns when all that a file holds is durable, whoever wrote it. Its name is durable only after SyncDir.
	Sync(path string) error
	// Truncate cuts a file and returns when that is durable.
	Truncate(path string, size int64) error
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
	// Lock takes a lock file for this process until it is closed, or fails at once if another holds it.
	Lock(path string) (io.Closer, error)
}

// A File is a file being written.
type File interface {
	io.WriterAt
	Truncate(size int64) error
	// Sync returns when all that was written can be read after a loss of power.
	Sync() error
	Close() error
}

// OS is the operating system's file system.
type OS struct{}

func (OS) ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }
func (OS) Rename(from, to string) error         { return os.Rename(from, to) }
func (OS) Remove(path string) error             { return os.Remove(path) }

func (OS) ReadDir(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// MkdirAll syncs the directory above dir also if dir was there: who made it may have been killed before that.
func (o OS) MkdirAll(dir string) error {
	parent := filepath.Dir(dir)
	if parent == dir {
		return nil
	}
	if _, err := os.Stat(parent); errors.Is(err, fs.ErrNotExist) {
		if err := o.MkdirAll(parent); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return o.SyncDir(parent)
}

func (OS) Size(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (OS) Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (OS) Sync(path string) error {
	return syncAfter(path, func(*os.File) error { return nil })
}

func (OS) Truncate(path string, size int64) error {
	return syncAfter(path, func(f *os.File) error { return f.Truncate(size) })
}

// syncAfter opens a file, changes it and syncs it.
func syncAfter(path string, change func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := change(f); err != nil {
		return err
	}
	return f.Sync()
}

// SyncDir makes names durable. Windows has no such call: NTFS journals them.
func (OS) SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (OS) Lock(path string) (io.Closer, error) {
	l := flock.New(path)
	held, err := l.TryLock()
	switch {
	case err != nil:
		return nil, err
	case !held:
		return nil, fmt.Errorf("another server is using %s", filepath.Dir(path))
	}
	return l, nil
}

type osFile struct{ *os.File }

func (f osFile) Sync() error { return syncData(f.File) }
