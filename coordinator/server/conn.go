package server

import (
	"bufio"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

// handshakeTime is how long a connection may take to say who it is.
const handshakeTime = 10 * time.Second

// A conn is one client connection. Its goroutines are read and the outbox's drain.
type conn struct {
	nc     net.Conn
	addr   string // remote address, as shown
	host   string // its part that is the same for all of a machine's connections
	opened time.Time
	out    *outbox

	// session is the one attached, nil before the handshake and after the end. The processor stores it; the reader
	// loads it to note that the client was heard.
	session atomic.Pointer[session]
	queued  atomic.Int32 // requests read and not yet served

	// The rest is the processor's.
	identities []tree.Identity
	pending    []byte // frames to put into the outbox at the next commit
	touched    bool   // listed for the next commit
	ending     bool   // to be closed at the next commit
	stats      connStats
}

// read feeds the processor with what the client sends until either ends the connection.
func (c *conn) read(p *processor) {
	defer func() {
		if !p.submit(task{c, disconnected{}}) {
			c.out.close()
		}
	}()
	r := bufio.NewReaderSize(c.nc, 4096)
	c.nc.SetReadDeadline(time.Now().Add(handshakeTime))
	first, err := r.Peek(4)
	if err != nil {
		return
	}
	if word, ok := knownWord(string(first)); ok {
		p.submit(task{c, word})
		return
	}
	frame, err := c.next(r, p)
	if err != nil {
		return
	}
	hello, err := readConnectRequest(frame)
	if err != nil {
		p.refuse(c.host, "dropping a connection: its first request is no ConnectRequest", "client", c.addr, "err", err)
		return
	}
	c.nc.SetReadDeadline(time.Time{})
	for ok := p.submit(task{c, hello}); ok; {
		frame, err := c.next(r, p)
		if err != nil || len(frame) < 8 {
			return
		}
		ok = p.submit(task{c, c.request(frame, p)})
		c.out.waitRoom()
	}
}

// next reads a frame. A client that learns nothing but the end of its connection sends what is too long again and again:
// the log says why.
func (c *conn) next(r *bufio.Reader, p *processor) ([]byte, error) {
	frame, err := readFrame(r, p.cfg.JuteMaxBuffer)
	if tooLong, ok := errors.AsType[frameLengthError](err); ok {
		p.refuse(c.host, "dropping a connection: "+tooLong.Error()+" (jute.maxbuffer)", "client", c.addr)
	}
	return frame, err
}

// request decodes one frame and notes that the client was heard.
func (c *conn) request(frame []byte, p *processor) *clientRequest {
	now := p.clock()
	if s := c.session.Load(); s != nil {
		s.heard.Store(int64(p.since(now)))
	}
	c.queued.Add(1)
	r := jute.NewReader(frame)
	req := &clientRequest{xid: r.Int(), op: r.Int(), received: now}
	req.call = decodeCall(req.op, r)
	return req
}
