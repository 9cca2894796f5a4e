package supervisor

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// childAttr puts a child into a process group of its own, so that a terminal's Ctrl-C reaches the supervisor alone, and lets the
// kernel kill it, even while it is suspended, when the thread that started it ends. See [spawner] for that thread.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// residentBytes is a process's resident memory, -1 if it cannot be read.
func residentBytes(pid int) int64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return -1
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return -1
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return -1
	}
	return pages * int64(os.Getpagesize())
}
