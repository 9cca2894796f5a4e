package server

import (
	"net"
	"sync"
	"time"
)

const (
	// outboxSoft is how much may wait for a client before no more of its requests are read.
	outboxSoft = 1 << 20
	// outboxHard is how much more than that watch events may add before the connection is dropped.
	outboxHard = 64 << 20
	// lastWrites is how long a connection that ends may take to send what it still has.
	lastWrites = 500 * time.Millisecond
)

// An outbox holds bytes on their way to one client, so that the processor never waits for a socket.
type outbox struct {
	mu     sync.Mutex
	moved  sync.Cond // something was put in or taken out, or it was closed
	buf    []byte
	closed bool
}

func newOutbox() *outbox {
	o := &outbox{}
	o.moved.L = &o.mu
	return o
}

// put adds bytes and reports whether there is room; if not, the client is beyond help.
func (o *outbox) put(b []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || len(o.buf) > outboxHard {
		return false
	}
	o.buf = append(o.buf, b...)
	o.moved.Broadcast()
	return true
}

// close lets drain send what is there and end.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.moved.Broadcast()
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

// drain writes to nc what is put in, until the outbox is closed and empty or a write fails; then it closes both.
func (o *outbox) drain(nc net.Conn) {
	defer nc.Close()
	defer o.close()
	var spare []byte
	for {
		b, last := o.take(spare[:0])
		if last {
			nc.SetWriteDeadline(time.Now().Add(lastWrites))
		}
		if len(b) > 0 {
			if _, err := nc.Write(b); err != nil {
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
