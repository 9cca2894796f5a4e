//go:build !windows

package server

import (
	"errors"
	"syscall"
)

// isReset reports that the other side went away without closing.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ETIMEDOUT)
}
