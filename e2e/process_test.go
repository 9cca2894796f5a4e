//go:build e2e || interop

package e2e

import (
	"os"
	"syscall"
)

// signalZero asks the system whether a process is there.
func signalZero(p *os.Process) error { return p.Signal(syscall.Signal(0)) }
