package fsys

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// FS is a file system as the log needs it.
type FS interface {
	// OpenFile opens a file with the flags of package os: O_RDONLY or O_RDWR,
	// with O_CREATE, O_EXCL and O_TRUNC.
	OpenFile(name string, flag int) (File, error)
	// MkdirAll makes a directory and its parents; one that exists is no error.
	MkdirAll(name string) error
	// Remove removes a file or an empty directory.
	Remove(name string) error
	// RemoveAll removes a tree; an absent one is no error.
	RemoveAll(name string) error
	// Rename moves a file or a directory, atomically replacing a file that
	// has the new name.
	Rename(from, to string) error
	// ReadDir lists a directory, sorted by name.
	ReadDir(name string) ([]Info, error)
	// Stat describes one file or directory.
	Stat(name string) (Info, error)
	// SetModTime sets the time that Stat gives as a file's ModTime.
	SetModTime(name string, t time.Time) error
	// SyncDir makes the names in a directory durable.
	SyncDir(name string) error
	// Lock takes an exclusive lock on a file, made if absent, until the
	// returned Closer is closed or the process ends. It never waits: a lock
	// that somebody else holds is an error that wraps ErrLocked.
	Lock(name string) (io.Closer, error)
	// Usage says how large the volume that holds name is and how much of it
	// may still be used, in bytes; -1 where the system does not tell.
	Usage(name string) (total, usable int64, err error)
}

// File is an open file. ReadAt and WriteAt are pread and pwrite: they neither
// use nor move a position, and readers need no lock against writers.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes everything written so far durable.
	Sync() error
	// Truncate cuts the file, or extends it with zero bytes.
	Truncate(size int64) error
	// Size is the file's length in bytes.
	Size() (int64, error)
}

// Info describes a file or a directory.
type Info struct {
	Name    string // the last element of its path
	Size    int64
	Dir     bool
	ModTime time.Time
}

// ErrLocked is wrapped by the error of an FS.Lock that somebody else holds.
var ErrLocked = errors.New("locked by another process")

// ReadFile reads a whole file.
func ReadFile(f FS, name string) ([]byte, error) {
	file, err := f.OpenFile(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	data := make([]byte, size)
	n, err := file.ReadAt(data, 0)
	if errors.Is(err, io.EOF) {
		err = nil // the file shrank since Size, or holds nothing
	}
	return data[:n], err
}

// WriteFile makes or replaces a file without making it durable.
func WriteFile(f FS, name string, data []byte) error {
	return writeFile(f, name, data, false)
}

// WriteFileSync makes or replaces a file and syncs its content. Its name is
// durable only after SyncDir.
func WriteFileSync(f FS, name string, data []byte) error {
	return writeFile(f, name, data, true)
}

func writeFile(f FS, name string, data []byte, sync bool) error {
	file, err := f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	if len(data) > 0 {
		_, err = file.WriteAt(data, 0)
	}
	if err == nil && sync {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// ReplaceFile puts data under name so that a crash leaves the old content or
// the new, never a mixture: it writes name.tmp, syncs it, renames it and syncs
// the directory.
func ReplaceFile(f FS, name string, data []byte) error {
	tmp := name + ".tmp"
	if err := WriteFileSync(f, tmp, data); err != nil {
		return err
	}
	if err := f.Rename(tmp, name); err != nil {
		return err
	}
	return f.SyncDir(filepath.Dir(name))
}

// SyncFile makes the content of a file durable that is not open; one that does
// not exist is no error.
func SyncFile(f FS, name string) error {
	file, err := f.OpenFile(name, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
