package server

import (
	"errors"
	"syscall"
)

// isReset reports that the other side went away without closing.
func isReset(err error) bool {
	const wsaeConnReset, wsaeConnAborted = syscall.Errno(10054), syscall.Errno(10053)
	return errors.Is(err, wsaeConnReset) || errors.Is(err, wsaeConnAborted)
}
