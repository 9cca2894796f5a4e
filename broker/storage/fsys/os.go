package fsys

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// OS is the machine's file system.
type OS struct{}

var _ FS = OS{}

func (OS) OpenFile(name string, flag int) (File, error) {
	f, err := os.OpenFile(name, flag, 0o644)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (OS) MkdirAll(name string) error  { return os.MkdirAll(name, 0o755) }
func (OS) Remove(name string) error    { return os.Remove(name) }
func (OS) RemoveAll(name string) error { return os.RemoveAll(name) }
func (OS) Rename(from, to string) error {
	return os.Rename(from, to)
}

func (OS) ReadDir(name string) ([]Info, error) {
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	infos := make([]Info, 0, len(entries))
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since the directory was read
		}
		if err != nil {
			return nil, err
		}
		infos = append(infos, infoOf(info))
	}
	return infos, nil
}

func (OS) Stat(name string) (Info, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	return infoOf(info), nil
}

func (OS) SetModTime(name string, t time.Time) error        { return os.Chtimes(name, t, t) }
func (OS) SyncDir(name string) error                        { return syncDir(name) }
func (OS) Lock(name string) (io.Closer, error)              { return lockFile(name) }
func (OS) Usage(name string) (total, free int64, err error) { return usage(name) }

func infoOf(i fs.FileInfo) Info {
	return Info{Name: i.Name(), Size: i.Size(), Dir: i.IsDir(), ModTime: i.ModTime()}
}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
