package session

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"time"
)

// Opcodes of requests that arm watches, their last byte being 1, and of the one
// that arms them again.
const (
	opExists       = 3
	opGetData      = 4
	opGetChildren2 = 12
	opSetWatches   = 101
)

// lastSetWatches is a size in bytes. The library puts all watches into requests that
// it fills up to 128 KiB, as far as the next path fits in: one that is shorter than
// this is the last, for Kafka has no path of 8 KiB.
const lastSetWatches = 120 << 10

// heard is how much a session has heard of, over all its connections.
type heard struct {
	last    atomic.Int64 // the zxid of the newest answer
	safe    atomic.Int64 // the zxid up to which every armed watch has had its events
	watches atomic.Bool  // a watch was asked for, ever
}

// zxidConn keeps, in the library's place, the zxids that a session has heard of,
// on which it depends that no change goes unheard over a reconnect.
//
// The library has one zxid, the newest answer's, and says it in setWatches. Answers
// on the new connection may raise it before that: setWatches with such a zxid makes
// the server pass over changes that this client never heard of. It does so also
// later, if the connection breaks before setWatches is served. (Besides, the library
// reads its zxid without a lock.) So zxids in answers are noted here and handed on as
// zero, which the library ignores. setWatches gets a zxid that is raised only while
// the server holds all watches: from the answer to a connection's last setWatches
// on, or all the time if there never was a watch. A zxid too low costs no more than
// an event for a change that is known. The handshake gets the newest, so that no
// server takes the session that knows less than its client.
type zxidConn struct {
	net.Conn
	session   *heard
	last      int64     // session's when this connection was made
	safe      int64     // session's when this connection was made
	welcomeBy time.Time // when the handshake must be answered

	greeted bool         // the handshake was written; owned by the writer
	setting atomic.Int64 // the xid of the last setWatches; 0 until it is written

	// Where the reader is: at byte pos of a frame of size bytes after its length.
	// Owned by the reader.
	pos, size int
	welcomed  bool // the handshake's answer was read
	watched   bool // the server holds all watches
	header    [16]byte
}

func newZxidConn(conn net.Conn, session *heard, welcomeBy time.Time) *zxidConn {
	return &zxidConn{Conn: conn, session: session, last: session.last.Load(), safe: session.safe.Load(),
		welcomeBy: welcomeBy, pos: -4, watched: !session.watches.Load()}
}

// SetReadDeadline keeps the library from waiting for a server that says nothing
// until the session has expired: in the handshake it waits for seven timeouts.
func (c *zxidConn) SetReadDeadline(at time.Time) error {
	if !c.welcomed && (at.IsZero() || at.After(c.welcomeBy)) {
		at = c.welcomeBy
	}
	return c.Conn.SetReadDeadline(at)
}

// Write takes one packet at a time, as the library writes them.
func (c *zxidConn) Write(packet []byte) (int, error) {
	if !c.greeted {
		c.greeted = true
		return c.Conn.Write(withZxid(packet, 8, c.last)) // after length and protocol version
	}
	if len(packet) < 12 {
		return c.Conn.Write(packet)
	}
	switch binary.BigEndian.Uint32(packet[8:]) { // after length and xid
	case opSetWatches:
		if len(packet) <= lastSetWatches {
			c.setting.Store(int64(binary.BigEndian.Uint32(packet[4:])))
		}
		packet = withZxid(packet, 12, c.safe)
	case opExists, opGetData, opGetChildren2:
		if packet[len(packet)-1] == 1 {
			c.session.watches.Store(true)
		}
	}
	return c.Conn.Write(packet)
}

// withZxid returns a copy of a packet with a zxid at a place.
func withZxid(packet []byte, at int, zxid int64) []byte {
	if len(packet) < at+8 {
		return packet
	}
	packet = slices.Clone(packet)
	binary.BigEndian.PutUint64(packet[at:], uint64(zxid))
	return packet
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
	if isAnswer := c.header[0]&0x80 == 0; isAnswer && c.pos >= 4 {
		if c.pos < 12 {
			*b = 0
		}
		if c.pos == len(c.header)-1 {
			c.answered(int64(binary.BigEndian.Uint32(c.header[:])), int64(binary.BigEndian.Uint64(c.header[4:])), binary.BigEndian.Uint32(c.header[12:]))
		}
	}
	c.pos++
}

// answered notes an answer, by its header. The library has taken all that was read
// before it, events too.
func (c *zxidConn) answered(xid, zxid int64, failure uint32) {
	if zxid > 0 {
		c.session.last.Store(zxid)
	}
	if failure == 0 && xid != 0 && xid == c.setting.Load() {
		c.watched = true
	}
	if c.watched {
		c.session.safe.Store(c.session.last.Load())
	}
}
