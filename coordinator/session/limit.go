package session

import (
	"fmt"

	"github.com/go-zookeeper/zk"
)

// maxRequest is the longest request that a ZooKeeper takes which was not told
// otherwise (jute.maxbuffer), in bytes without the length before them. It drops the
// connection of whoever sends more, so that what is too long would be sent again
// for ever, and break off the requests beside it each time.
const maxRequest = 0xfffff

const (
	requestHeader = 4 + 4     // xid, opcode
	multiHeader   = 4 + 1 + 4 // before each operation of a multi and at its end
)

// fits refuses a request that is too long, by the size of what follows its header.
func fits(size int) error {
	if size += requestHeader; size > maxRequest {
		return fmt.Errorf("%w: it has %d bytes, and ZooKeeper takes %d", ErrTooLong, size, maxRequest)
	}
	return nil
}

func multiSize(ops []any) int {
	size := multiHeader
	for _, op := range ops {
		size += multiHeader + opSize(op)
	}
	return size
}

// opSize is the size of what follows the header of an operation.
func opSize(op any) int {
	switch op := op.(type) {
	case *zk.CreateRequest:
		return createSize(op.Path, op.Data, op.Acl)
	case *zk.SetDataRequest:
		return setSize(op.Path, op.Data)
	case *zk.DeleteRequest:
		return pathSize(op.Path) + 4
	case *zk.CheckVersionRequest:
		return pathSize(op.Path) + 4
	}
	return 0
}

func createSize(path string, data []byte, acl []zk.ACL) int {
	size := pathSize(path) + 4 + len(data) + 4 + 4 // data, count of the list, flags
	for _, a := range acl {
		size += 4 + 4 + len(a.Scheme) + 4 + len(a.ID)
	}
	return size
}

func setSize(path string, data []byte) int { return pathSize(path) + 4 + len(data) + 4 }

func pathSize(path string) int { return 4 + len(path) }
