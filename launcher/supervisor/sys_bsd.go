//go:build unix && !linux

package supervisor

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// childAttr puts a child into a process group of its own, so that a terminal's Ctrl-C reaches the supervisor alone. There is no
// parent-death signal here: a child ends by its life line (package link). One that is suspended is continued first: its group
// becomes an orphaned process group, to which POSIX has the kernel send SIGHUP and SIGCONT.
func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// residentBytes is a process's resident memory as ps reports it, -1 if it cannot be read.
func residentBytes(pid int) int64 {
	out, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return -1
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return -1
	}
	return kib << 10
}
