package fsys

import (
	"io"
	"os"
	"time"
)

// Kind says what an Op does.
type Kind uint8

const (
	OpOpen   Kind = iota // of a file that exists
	OpCreate             // an open that may make or empty a file
	OpRead
	OpWrite
	OpSync // of a file or a directory
	OpTruncate
	OpRename
	OpRemove
	OpMkdir
	OpList // ReadDir, Stat, Usage
	OpLock
)

// Changes reports whether the operation may change what the disk holds: on a
// read-only disk exactly these fail.
func (k Kind) Changes() bool {
	switch k {
	case OpCreate, OpWrite, OpTruncate, OpRename, OpRemove, OpMkdir:
		return true
	}
	return false
}

// Op is one operation that is about to happen.
type Op struct {
	Kind  Kind
	Path  string
	Bytes int // of a read or a write
}

// Intercept returns an FS that calls before ahead of every operation. before
// may wait (a slow disk) or return an error, which the caller gets in place of
// the operation (syscall.ENOSPC: a full disk; EROFS: one that became
// read-only). It is called from many goroutines at once. Closing a file cannot
// be intercepted: a fault must not leak descriptors.
func Intercept(fs FS, before func(Op) error) FS { return &interceptFS{fs, before} }

type interceptFS struct {
	fs     FS
	before func(Op) error
}

func (i *interceptFS) OpenFile(name string, flag int) (File, error) {
	kind := OpOpen
	if flag&(os.O_CREATE|os.O_TRUNC) != 0 {
		kind = OpCreate
	}
	if err := i.before(Op{Kind: kind, Path: name}); err != nil {
		return nil, err
	}
	f, err := i.fs.OpenFile(name, flag)
	if err != nil {
		return nil, err
	}
	return &interceptFile{f, name, i.before}, nil
}

func (i *interceptFS) do(kind Kind, name string, op func() error) error {
	if err := i.before(Op{Kind: kind, Path: name}); err != nil {
		return err
	}
	return op()
}

func (i *interceptFS) MkdirAll(name string) error {
	return i.do(OpMkdir, name, func() error { return i.fs.MkdirAll(name) })
}

func (i *interceptFS) Remove(name string) error {
	return i.do(OpRemove, name, func() error { return i.fs.Remove(name) })
}

func (i *interceptFS) RemoveAll(name string) error {
	return i.do(OpRemove, name, func() error { return i.fs.RemoveAll(name) })
}

func (i *interceptFS) Rename(from, to string) error {
	return i.do(OpRename, from, func() error { return i.fs.Rename(from, to) })
}

func (i *interceptFS) SetModTime(name string, t time.Time) error {
	return i.do(OpWrite, name, func() error { return i.fs.SetModTime(name, t) })
}

func (i *interceptFS) SyncDir(name string) error {
	return i.do(OpSync, name, func() error { return i.fs.SyncDir(name) })
}

func (i *interceptFS) ReadDir(name string) (infos []Info, err error) {
	err = i.do(OpList, name, func() error { infos, err = i.fs.ReadDir(name); return err })
	return infos, err
}

func (i *interceptFS) Stat(name string) (info Info, err error) {
	err = i.do(OpList, name, func() error { info, err = i.fs.Stat(name); return err })
	return info, err
}

func (i *interceptFS) Lock(name string) (c io.Closer, err error) {
	err = i.do(OpLock, name, func() error { c, err = i.fs.Lock(name); return err })
	return c, err
}

func (i *interceptFS) Usage(name string) (total, usable int64, err error) {
	err = i.do(OpList, name, func() error { total, usable, err = i.fs.Usage(name); return err })
	return total, usable, err
}

type interceptFile struct {
	File
	name   string
	before func(Op) error
}

func (f *interceptFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.before(Op{OpRead, f.name, len(p)}); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f *interceptFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.before(Op{OpWrite, f.name, len(p)}); err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, off)
}

func (f *interceptFile) Sync() error {
	if err := f.before(Op{Kind: OpSync, Path: f.name}); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *interceptFile) Truncate(size int64) error {
	if err := f.before(Op{Kind: OpTruncate, Path: f.name}); err != nil {
		return err
	}
	return f.File.Truncate(size)
}
