package session

import (
	"context"
	"fmt"

	"github.com/go-zookeeper/zk"
)

// Result is what one operation of a successful Multi gave.
type Result struct {
	Path string // of a create
	Stat *Stat  // of a set
}

// Multi applies all operations or none. They are *zk.CreateRequest,
// *zk.SetDataRequest, *zk.DeleteRequest and *zk.CheckVersionRequest with
// relative paths; a create without ACL is open to all. When ZooKeeper refuses,
// the error is a *MultiError that says which operation failed.
//
// After a lost answer Multi cannot know its own earlier success: the caller
// must look at what is there when MultiError.Retried is set.
func (c *Client) Multi(ctx context.Context, ops ...any) ([]Result, error) {
	full := make([]any, len(ops))
	for i, op := range ops {
		var err error
		if full[i], err = c.absoluteOp(op); err != nil {
			return nil, err
		}
	}
	answers, retried, err := call(ctx, c, multiSize(full), func(conn *zk.Conn) ([]zk.MultiResponse, error) { return conn.Multi(full...) })
	if err != nil {
		return nil, multiError(answers, retried, err)
	}
	results := make([]Result, len(answers))
	for i, a := range answers {
		results[i] = Result{Path: relative(c.chroot, a.String), Stat: a.Stat}
	}
	return results, nil
}

// absoluteOp copies an operation with its path made absolute.
func (c *Client) absoluteOp(op any) (any, error) {
	switch op := op.(type) {
	case *zk.CreateRequest:
		full := *op
		full.Path = absolute(c.chroot, op.Path)
		if full.Acl == nil {
			full.Acl = openACL()
		}
		return &full, nil
	case *zk.SetDataRequest:
		full := *op
		full.Path = absolute(c.chroot, op.Path)
		return &full, nil
	case *zk.DeleteRequest:
		return &zk.DeleteRequest{Path: absolute(c.chroot, op.Path), Version: op.Version}, nil
	case *zk.CheckVersionRequest:
		return &zk.CheckVersionRequest{Path: absolute(c.chroot, op.Path), Version: op.Version}, nil
	}
	return nil, fmt.Errorf("cannot put a %T into a ZooKeeper multi", op)
}

// multiError finds the operation that made a multi fail: those before it bear
// no error, those after it a runtime inconsistency.
func multiError(answers []zk.MultiResponse, retried bool, err error) error {
	for i, a := range answers {
		if a.Error != nil {
			return &MultiError{Index: i, Err: a.Error, Retried: retried}
		}
	}
	return fmt.Errorf("cannot apply ZooKeeper multi: %w", err)
}
