package session

import (
	"encoding/binary"
	"net"
	"sync"
)

// guardPath is a node that never exists. Every session watches it, so that the
// library has a watch to set again after each reconnect.
const guardPath = "/zookeeper/klab-guard"

// setWatches is the opcode of the request that sets watches again.
const setWatches = 101

// orderedConn makes the library's setWatches the first request on a
// reconnected connection; what is written before it is held back until then.
//
// The library notes the last zxid it has seen when it prepares setWatches, while
// its reader may already be raising it with answers to other requests. A
// setWatches with such a zxid would make the server pass over changes that this
// client never heard of. Held back, other requests have no answers yet.
type orderedConn struct {
	net.Conn
	ordered func() // called once setWatches was written

	mu      sync.Mutex
	writes  int
	holding bool
	held    []byte
}

// Write takes one packet at a time, as the library writes them. The first is the
// handshake.
func (c *orderedConn) Write(packet []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	if !c.holding || c.writes == 1 {
		return c.Conn.Write(packet)
	}
	if len(packet) < 12 || binary.BigEndian.Uint32(packet[8:]) != setWatches {
		c.held = append(c.held, packet...)
		return len(packet), nil
	}
	if _, err := c.Conn.Write(append(packet[:len(packet):len(packet)], c.held...)); err != nil {
		return 0, err
	}
	c.holding, c.held = false, nil
	c.ordered()
	return len(packet), nil
}
