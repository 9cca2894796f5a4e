package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"klab/broker/storage/fsys"
)

// entryFile is an index file: entries of one width, in order. They are kept in
// memory in their bytes on disk while they are in use, and written behind: an
// index of the segments that recovery rebuilds need not be complete on disk.
//
// Its owner guards it with a mutex.
type entryFile struct {
	width   int
	data    []byte // all entries, if loaded
	loaded  bool
	written int // how many bytes of data the file holds
	synced  bool
}

// writeBehind is how many entries wait before they are written.
const writeBehind = 64

// newEntryFile stands for a file of size bytes that is not loaded yet.
func newEntryFile(width int, size int64) entryFile {
	size -= size % int64(width)
	return entryFile{width: width, loaded: size == 0, written: int(size), synced: true}
}

// load reads the entries, unless they are in memory.
func (e *entryFile) load(f fsys.FS, path string) error {
	if e.loaded {
		return nil
	}
	data, err := fsys.ReadFile(f, path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("cannot read index %s: %w", path, err)
	}
	data = data[:len(data)-len(data)%e.width]
	e.data, e.written, e.loaded = data, len(data), true
	return nil
}

// unload forgets entries that are in the file.
func (e *entryFile) unload() {
	if e.loaded && e.written == len(e.data) && e.written > 0 {
		e.data, e.loaded = nil, false
	}
}

// count is how many entries there are.
func (e *entryFile) count() int {
	if e.loaded {
		return len(e.data) / e.width
	}
	return e.written / e.width
}

func (e *entryFile) entry(i int) []byte { return e.data[i*e.width : (i+1)*e.width] }

// bytes is the size that the file has once everything is written.
func (e *entryFile) bytes() int64 { return int64(e.count() * e.width) }

// pending reports whether enough entries wait to be written.
func (e *entryFile) pending() bool {
	return e.loaded && len(e.data)-e.written >= writeBehind*e.width
}

// write brings the file up to date, without syncing it.
func (e *entryFile) write(f fsys.FS, path string) error {
	if !e.loaded || e.written == len(e.data) {
		return nil
	}
	file, err := f.OpenFile(path, os.O_RDWR|os.O_CREATE)
	if err == nil {
		_, err = file.WriteAt(e.data[e.written:], int64(e.written))
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return fmt.Errorf("cannot write index %s: %w", path, err)
	}
	e.written, e.synced = len(e.data), false
	return nil
}

// sync makes the file durable.
func (e *entryFile) sync(f fsys.FS, path string) error {
	if err := e.write(f, path); err != nil || e.synced {
		return err
	}
	if err := fsys.SyncFile(f, path); err != nil {
		return fmt.Errorf("cannot sync index %s: %w", path, err)
	}
	e.synced = true
	return nil
}

// truncate keeps the first n entries, in memory and in the file. It must be loaded.
func (e *entryFile) truncate(f fsys.FS, path string, n int) error {
	e.data = e.data[:n*e.width]
	if e.written <= len(e.data) {
		return nil
	}
	file, err := f.OpenFile(path, os.O_RDWR)
	if err == nil {
		err = errors.Join(file.Truncate(int64(len(e.data))), file.Close())
	}
	if err != nil {
		return fmt.Errorf("cannot truncate index %s: %w", path, err)
	}
	e.written, e.synced = len(e.data), false
	return nil
}

// reset makes the file empty, creating it if it does not exist.
func (e *entryFile) reset(f fsys.FS, path string) error {
	if err := fsys.WriteFile(f, path, nil); err != nil {
		return fmt.Errorf("cannot reset index %s: %w", path, err)
	}
	*e = entryFile{width: e.width, loaded: true}
	return nil
}
