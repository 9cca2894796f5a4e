//go:build e2e || interop

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// alive says whether a process is there. One that has ended and only waits for its parent to take note of it is not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !os.IsNotExist(err)
	}
	state := stat[bytes.LastIndexByte(stat, ')')+2]
	return state != 'Z' && state != 'X'
}
