package txnlog

import (
	"os"
	"syscall"
)

// syncData waits for a file's bytes and for as much of its metadata as reading them back needs.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
