package server

import (
	"net"
	"sync"
	"time"
)

const (
	// outboxSoft is how much may wait for a client before no more of its requests are read.
	outboxSoft = 1 << 20
	// outboxHard is how much more than that watch events, and the answers to requests that were read before, may add before
	// the connection is dropped.
	outboxHard = 64 << 20
	// lastWrites is how long a connection that ends may take to send what it still has.
	lastWrites = 500 * time.Millisecond
)

// An outbox holds bytes on their way to one client, so that the processor never waits for a socket.
type outbox struct {
	nc     net.Conn
	mu     sync.Mutex
	moved  sync.Cond // something was put in or taken out, or it was closed
	buf    []byte
	closed bool
}

func newOutbox(nc net.Conn) *outbox {
	o := &outbox{nc: nc}
	o.moved.L = &o.mu
	return o
}

// put adds bytes and reports whether there is room; if not, the client is beyond help. There is always room for something:
// one answer may be of any size.
func (o *outbox) put(b []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || len(o.buf) > 0 && len(o.buf)+len(b) > outboxSoft+outboxHard {
		return false
	}
	o.buf = append(o.buf, b...)
	o.moved.Broadcast()
	return true
}

// close lets drain send what is there, if the client takes it in time, and end.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.closed = true
		o.nc.SetWriteDeadline(time.Now().Add(lastWrites))
		o.moved.Broadcast()
	}
}

// waitRoom returns when the client has taken enough of what waits for it, or the outbox is closed.
func (o *outbox) waitRoom() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.buf) > outboxSoft && !o.closed {
		o.moved.Wait()
	}
}

// take waits for bytes and swaps them for an empty buffer. It returns nothing when the outbox is closed and empty.
func (o *outbox) take(empty []byte) (b []byte, last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.buf) == 0 && !o.closed {
		o.moved.Wait()
	}
	b, o.buf = o.buf, empty
	o.moved.Broadcast()
	return b, o.closed
}

// drain writes to the client what is put in, until the outbox is closed and empty or a write fails; then it closes the
// connection.
func (o *outbox) drain() {
	defer o.nc.Close()
	defer o.close()
	var spare []byte
	for {
		b, last := o.take(spare[:0])
		if len(b) > 0 {
			if _, err := o.nc.Write(b); err != nil {
				return
			}
		} else if last {
			return
		}
		if spare = b; cap(spare) > 64<<10 {
			spare = nil
		}
	}
}
