package txnlog

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
)

var (
	errKilled = errors.New("killed")
	errFull   = errors.New("no space left")
)

// memFS is a disk in memory that can lose its power. What was written and not synced may then be there or not, block by
// block; names made, changed or removed since the last sync of their directory may be old or new.
type memFS struct {
	mu      sync.Mutex
	names   map[string]*inode // as programs see them
	durable map[string]*inode // as after the last sync of each directory
	ops     int               // changes so far
	killAt  int               // from this change on everything fails; 0 is never
	failAt  int               // this change alone fails
}

// inode is a file: its bytes, and those that are surely on disk.
type inode struct{ data, synced []byte }

const block = 64 // small, so that batches cover many

func newMemFS() *memFS { return &memFS{names: map[string]*inode{}, durable: map[string]*inode{}} }

// step counts a change, and fails it if the power is gone.
func (m *memFS) step() error {
	m.ops++
	if m.killAt > 0 && m.ops >= m.killAt {
		return errKilled
	}
	if m.ops == m.failAt {
		return errFull
	}
	return nil
}

// powerLoss returns the disk as the next start finds it.
func (m *memFS) powerLoss(rng *rand.Rand) *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := newMemFS()
	for _, path := range slices.Sorted(maps.Keys(union(m.names, m.durable))) {
		file := m.durable[path]
		if rng.IntN(2) == 0 {
			file = m.names[path]
		}
		if file != nil {
			data := tear(file, rng)
			after.names[path] = &inode{data, bytes.Clone(data)}
			after.durable[path] = after.names[path]
		}
	}
	return after
}

func union(a, b map[string]*inode) map[string]*inode {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// tear mixes a file's old and new blocks; its length is the old or the new one.
func tear(f *inode, rng *rand.Rand) []byte {
	size := len(f.synced)
	if rng.IntN(2) == 0 {
		size = len(f.data)
	}
	out := make([]byte, size)
	for at := 0; at < size; at += block {
		from := f.data
		if rng.IntN(2) == 0 {
			from = f.synced
		}
		if at < len(from) {
			copy(out[at:min(at+block, size)], from[at:])
		}
	}
	return out
}

func (m *memFS) MkdirAll(string) error { return nil }

func (m *memFS) ReadDir(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for path := range m.names {
		if filepath.Dir(path) == dir {
			names = append(names, filepath.Base(path))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (m *memFS) ReadFile(path string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.names[path]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(f.data), nil
}

func (m *memFS) Size(path string) (int64, error) {
	b, err := m.ReadFile(path)
	return int64(len(b)), err
}

func (m *memFS) Create(path string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return nil, err
	}
	f := &inode{}
	m.names[path] = f
	return &memFile{m, f}, nil
}

func (m *memFS) Truncate(path string, size int64) error {
	m.mu.Lock()
	f := m.names[path]
	m.mu.Unlock()
	file := &memFile{m, f}
	if err := file.Truncate(size); err != nil {
		return err
	}
	return file.Sync()
}

func (m *memFS) Sync(path string) error {
	m.mu.Lock()
	f := m.names[path]
	m.mu.Unlock()
	return (&memFile{m, f}).Sync()
}

func (m *memFS) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	m.names[to] = m.names[from]
	delete(m.names, from)
	return nil
}

func (m *memFS) Remove(path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	delete(m.names, path)
	return nil
}

func (m *memFS) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	for path := range union(m.names, m.durable) {
		if filepath.Dir(path) != dir {
			continue
		}
		if f := m.names[path]; f != nil {
			m.durable[path] = f
		} else {
			delete(m.durable, path)
		}
	}
	return nil
}

func (m *memFS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

type memFile struct {
	fs   *memFS
	file *inode
}

func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step(); err != nil {
		return 0, err
	}
	if grow := int(off) + len(b) - len(f.file.data); grow > 0 {
		f.file.data = append(f.file.data, make([]byte, grow)...)
	}
	return copy(f.file.data[off:], b), nil
}

func (f *memFile) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step(); err != nil {
		return err
	}
	f.file.data = f.file.data[:size:size]
	return nil
}

func (f *memFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step(); err != nil {
		return err
	}
	f.file.synced = bytes.Clone(f.file.data)
	return nil
}

func (f *memFile) Close() error { return nil }
