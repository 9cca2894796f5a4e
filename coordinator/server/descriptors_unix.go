//go:build unix

package server

import (
	"os"
	"syscall"
)

// fileDescriptors returns how many this process has open and how many it may, -1 for what cannot be told.
func fileDescriptors() (open, limit int64) {
	open, limit = -1, -1
	if names, err := os.ReadDir("/dev/fd"); err == nil {
		open = int64(len(names))
	}
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) == nil {
		limit = int64(r.Cur)
	}
	return open, limit
}
