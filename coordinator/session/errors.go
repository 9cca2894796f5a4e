package session

import (
	"errors"
	"fmt"

	"github.com/go-zookeeper/zk"
)

// Errors that callers tell apart with errors.Is.
var (
	ErrNoNode     = zk.ErrNoNode
	ErrNodeExists = zk.ErrNodeExists
	ErrBadVersion = zk.ErrBadVersion
	ErrNotEmpty   = zk.ErrNotEmpty
	// ErrExpired fails the requests that were under way when the session expired.
	ErrExpired = zk.ErrSessionExpired
	// ErrTooLong fails a request that ZooKeeper would not take.
	ErrTooLong = errors.New("the request to ZooKeeper is too long")
	// ErrClosed fails the requests of a client that was closed.
	ErrClosed = errors.New("the ZooKeeper client was closed")
)

// MultiError says which operation made a multi fail. None of its operations
// took effect by the attempt that failed.
type MultiError struct {
	Index   int   // of the operation that failed
	Err     error // ErrNoNode, ErrNodeExists, ErrBadVersion, ErrNotEmpty, …
	Retried bool  // an earlier attempt lost its answer and may have succeeded
}

func (e *MultiError) Error() string {
	return fmt.Sprintf("operation %d of the multi failed: %v", e.Index, e.Err)
}

func (e *MultiError) Unwrap() error { return e.Err }
