package fsys

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mem is a file system in memory that remembers, beside what was written, what
// was synced. The zero value is not usable; see NewMem.
type Mem struct {
	mu     sync.Mutex
	root   *node
	locked map[string]bool
	now    func() time.Time
}

var _ FS = (*Mem)(nil)

// node is a file or a directory, in two versions: as the running system sees
// it, and as the last sync left it on the disk.
type node struct {
	dir     bool
	modTime time.Time

	names, syncedNames map[string]*node // of a directory
	renames            [][2]string      // since its last sync, within the directory
	data, syncedData   []byte           // of a file
}

// NewMem returns an empty file system.
func NewMem() *Mem {
	return &Mem{root: newDir(time.Time{}), locked: map[string]bool{}, now: time.Now}
}

func newDir(now time.Time) *node {
	return &node{dir: true, modTime: now, names: map[string]*node{}, syncedNames: map[string]*node{}}
}

func split(name string) []string {
	name = strings.TrimPrefix(filepath.ToSlash(filepath.Clean(name)), "/")
	if name == "" || name == "." {
		return nil
	}
	return strings.Split(name, "/")
}

// find returns the node of a path, or nil. The caller holds mu.
func (m *Mem) find(name string) *node {
	n := m.root
	for _, part := range split(name) {
		if !n.dir {
			return nil
		}
		if n = n.names[part]; n == nil {
			return nil
		}
	}
	return n
}

// parent returns the directory that holds (or would hold) a path and the last
// element of that path. The caller holds mu.
func (m *Mem) parent(op, name string) (*node, string, error) {
	dir := m.find(filepath.Dir(filepath.Clean(name)))
	if dir == nil || !dir.dir {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return dir, filepath.Base(name), nil
}

func (m *Mem) OpenFile(name string, flag int) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent("open", name)
	if err != nil {
		return nil, err
	}
	n := dir.names[base]
	switch {
	case n == nil && flag&os.O_CREATE == 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case n == nil:
		n = &node{modTime: m.now()}
		dir.names[base] = n
	case n.dir:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	case flag&os.O_EXCL != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	case flag&os.O_TRUNC != 0:
		n.data, n.modTime = nil, m.now()
	}
	return &memFile{fs: m, node: n, name: name, writable: flag&(os.O_RDWR|os.O_WRONLY) != 0}, nil
}

func (m *Mem) MkdirAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.root
	for _, part := range split(name) {
		next := n.names[part]
		if next == nil {
			next = newDir(m.now())
			n.names[part] = next
		}
		if !next.dir {
			return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
		}
		n = next
	}
	return nil
}

func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent("remove", name)
	if err != nil {
		return err
	}
	n := dir.names[base]
	if n == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	if len(n.names) > 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: fmt.Errorf("directory not empty")}
	}
	delete(dir.names, base)
	return nil
}

func (m *Mem) RemoveAll(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if dir, base, err := m.parent("remove", name); err == nil {
		delete(dir.names, base)
	}
	return nil
}

func (m *Mem) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	oldDir, oldBase, err := m.parent("rename", from)
	if err != nil {
		return err
	}
	newDir, newBase, err := m.parent("rename", to)
	if err != nil {
		return err
	}
	n := oldDir.names[oldBase]
	if n == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	if old := newDir.names[newBase]; old != nil && (old.dir || n.dir) && old != n {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	delete(oldDir.names, oldBase)
	newDir.names[newBase] = n
	if oldDir == newDir {
		oldDir.renames = append(oldDir.renames, [2]string{oldBase, newBase})
	}
	return nil
}

func (m *Mem) SetModTime(name string, t time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.find(name)
	if n == nil {
		return &fs.PathError{Op: "chtimes", Path: name, Err: fs.ErrNotExist}
	}
	n.modTime = t
	return nil
}

func (m *Mem) ReadDir(name string) ([]Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.find(name)
	if n == nil || !n.dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	infos := make([]Info, 0, len(n.names))
	for _, base := range slices.Sorted(maps.Keys(n.names)) {
		infos = append(infos, n.names[base].info(base))
	}
	return infos, nil
}

func (m *Mem) Stat(name string) (Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.find(name)
	if n == nil {
		return Info{}, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return n.info(filepath.Base(name)), nil
}

func (n *node) info(base string) Info {
	return Info{Name: base, Size: int64(len(n.data)), Dir: n.dir, ModTime: n.modTime}
}

func (m *Mem) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.find(name)
	if n == nil || !n.dir {
		return &fs.PathError{Op: "sync", Path: name, Err: fs.ErrNotExist}
	}
	n.syncedNames, n.renames = maps.Clone(n.names), nil
	return nil
}

func (m *Mem) Lock(name string) (io.Closer, error) {
	f, err := m.OpenFile(name, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := filepath.Clean(name)
	if m.locked[key] {
		return nil, &fs.PathError{Op: "lock", Path: name, Err: ErrLocked}
	}
	m.locked[key] = true
	return &memLock{m, key, f}, nil
}

type memLock struct {
	fs   *Mem
	name string
	file File
}

func (l *memLock) Close() error {
	l.fs.mu.Lock()
	delete(l.fs.locked, l.name)
	l.fs.mu.Unlock()
	return l.file.Close()
}

// Usage knows no bound.
func (m *Mem) Usage(string) (total, usable int64, err error) { return -1, -1, nil }
