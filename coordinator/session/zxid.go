package session

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
)

// opSetWatches is the opcode of the request that sets watches again.
const opSetWatches = 101

// zxidConn keeps, in the library's place, the last zxid that a session has
// heard of, on which it depends that no change goes unheard over a reconnect.
//
// The library reads its own when it prepares setWatches, while its reader may
// already be raising it by answers on the new connection: a data race, and a
// setWatches with such a zxid makes the server pass over changes that this
// client never heard of. So zxids in answers are noted here and handed on as
// zero, which the library ignores, and the handshake and setWatches get the one
// that was known before the connection was made.
type zxidConn struct {
	net.Conn
	last   *atomic.Int64 // of the session, over all its connections
	before int64         // last when this connection was made

	greeted bool // the handshake was written; owned by the writer

	// Where the reader is: at byte pos of a frame of size bytes after its length.
	// Owned by the reader.
	pos, size int
	welcomed  bool // the handshake's answer was read
	header    [16]byte
}

func newZxidConn(conn net.Conn, last *atomic.Int64) *zxidConn {
	return &zxidConn{Conn: conn, last: last, before: last.Load(), pos: -4}
}

// Write takes one packet at a time, as the library writes them.
func (c *zxidConn) Write(packet []byte) (int, error) {
	at := -1 // where the zxid stands
	switch {
	case !c.greeted:
		c.greeted, at = true, 8 // after length and protocol version
	case len(packet) >= 12 && binary.BigEndian.Uint32(packet[8:]) == opSetWatches:
		at = 12 // after length, xid and opcode
	}
	if at >= 0 && len(packet) >= at+8 {
		packet = slices.Clone(packet)
		binary.BigEndian.PutUint64(packet[at:], uint64(c.before))
	}
	return c.Conn.Write(packet)
}

// Read hands on what the server sends, with the zxids of answers blanked.
func (c *zxidConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for rest := p[:n]; len(rest) > 0; {
		if c.pos >= 0 && (!c.welcomed || c.pos >= len(c.header)) { // a part without zxid
			skip := min(len(rest), c.size-c.pos)
			rest = rest[skip:]
			c.pos += skip
		} else {
			c.follow(&rest[0])
			rest = rest[1:]
		}
		if c.size < 0 || c.size > maxPacket {
			return 0, fmt.Errorf("cannot read from ZooKeeper: a packet of %d bytes is longer than the %d allowed", c.size, maxPacket)
		}
		if c.pos >= 0 && c.pos == c.size {
			c.pos, c.size, c.welcomed = -4, 0, true
		}
	}
	return n, err
}

// follow takes one byte of a frame's length or of an answer's header, which is
// xid (4), zxid (8) and error (4). Notifications and pings have negative xids.
func (c *zxidConn) follow(b *byte) {
	if c.pos < 0 {
		c.size = c.size<<8 | int(*b)
		c.pos++
		return
	}
	c.header[c.pos] = *b
	if isAnswer := c.header[0]&0x80 == 0; isAnswer && c.pos >= 4 && c.pos < 12 {
		*b = 0
		if zxid := int64(binary.BigEndian.Uint64(c.header[4:])); c.pos == 11 && zxid > 0 {
			c.last.Store(zxid)
		}
	}
	c.pos++
}
