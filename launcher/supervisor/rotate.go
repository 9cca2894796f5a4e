package supervisor

import (
	"errors"
	"io/fs"
	"os"
)

// rotate makes the file at path the older one, in place of the one before it, and opens an empty one. Where there is no file at
// path, an earlier rotation got half-way, and this one goes on from there.
func rotate(path string) (*os.File, error) {
	if err := os.Rename(path, path+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return openAppend(path)
}

func openAppend(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
}
