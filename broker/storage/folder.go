package storage

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"klab/broker/storage/fsys"
)

// folder is a partition's directory. Its path changes once: when the partition is deleted.
type folder struct {
	fs   fsys.FS
	path atomic.Pointer[string]
}

func newFolder(f fsys.FS, path string) *folder {
	out := &folder{fs: f}
	out.path.Store(&path)
	return out
}

func (f *folder) dir() string             { return *f.path.Load() }
func (f *folder) file(name string) string { return filepath.Join(f.dir(), name) }

// numbered is the path of a file that is named by an offset.
func (f *folder) numbered(offset int64, suffix string) string {
	return f.file(numberedName(offset, suffix))
}

// Suffixes of the files of a segment, and those of the states they pass through.
const (
	logSuffix       = ".log"
	indexSuffix     = ".index"
	timeIndexSuffix = ".timeindex"
	txnIndexSuffix  = ".txnindex"
	snapshotSuffix  = ".snapshot"

	deletedSuffix = ".deleted"
	cleanedSuffix = ".cleaned"
	swapSuffix    = ".swap"
)

func numberedName(offset int64, suffix string) string { return fmt.Sprintf("%020d%s", offset, suffix) }

// parseNumbered splits the name of such a file. ok is false for other names.
func parseNumbered(name string) (offset int64, suffix string, ok bool) {
	digits, suffix, found := strings.Cut(name, ".")
	if !found || len(digits) != 20 {
		return 0, "", false
	}
	offset, err := strconv.ParseInt(digits, 10, 64)
	return offset, "." + suffix, err == nil && offset >= 0
}
