package server

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"time"

	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

// A connectRequest is the first frame of a connection: a new session, or one to resume.
type connectRequest struct {
	lastZxid  int64 // the newest the client has seen
	timeout   int32 // ms, as wished
	sessionID int64 // 0: a new one
	password  []byte
	readOnly  bool // the client sent the trailing boolean and expects one back
}

func readConnectRequest(frame []byte) (connectRequest, error) {
	r := jute.NewReader(frame)
	r.Int() // protocol version, always 0
	req := connectRequest{lastZxid: r.Long(), timeout: r.Int(), sessionID: r.Long(), password: r.Buffer()}
	req.readOnly = r.Len() > 0
	if r.Err() != nil {
		return req, fmt.Errorf("cannot read ConnectRequest: %w", r.Err())
	}
	if len(req.password) > 1024 {
		return req, errors.New("cannot read ConnectRequest: password is too long")
	}
	return req, nil
}

func (r connectRequest) run(p *processor, c *conn) {
	p.stats.received++
	if r.lastZxid > p.tree.LastZxid() {
		p.refuse(c.host, "refusing a client that has seen a newer zxid than this server has; was the data directory emptied? restart that client",
			"client", c.addr, "seen", fmt.Sprintf("0x%x", r.lastZxid), "last", fmt.Sprintf("0x%x", p.tree.LastZxid()))
		p.end(c)
		return
	}
	p.conns[c] = struct{}{}
	if r.sessionID == 0 {
		p.openSession(c, r)
		return
	}
	s := p.sessions.byID[r.sessionID]
	if s == nil || !hmac.Equal(r.password, p.sessions.password(s.id)) {
		p.answerConnect(c, r, 0, 0, make([]byte, 16))
		p.end(c)
		return
	}
	p.resumeSession(c, s, r)
}

func (p *processor) openSession(c *conn, r connectRequest) {
	timeout := p.clamp(r.timeout)
	s := p.sessions.add(p.sessions.nextID(), timeout, p.now())
	at := p.stamp()
	change := p.tree.OpenSession(at, s.id, int32(timeout.Milliseconds()))
	p.store.Append(tree.Txn{Stamp: at, Session: s.id, Changes: []tree.Change{change}})
	p.facts = append(p.facts, Fact{Time: p.clock(), Kind: "session.opened", Session: s.id, Timeout: timeout})
	p.attach(c, s)
	p.answerConnect(c, r, timeout, s.id, p.sessions.password(s.id))
}

func (p *processor) resumeSession(c *conn, s *session, r connectRequest) {
	if old := s.conn; old != nil {
		p.detach(old)
		p.end(old)
	}
	timeout := p.clamp(r.timeout)
	p.sessions.renew(s, timeout, p.now())
	p.attach(c, s)
	p.answerConnect(c, r, timeout, s.id, p.sessions.password(s.id))
}

func (p *processor) clamp(ms int32) time.Duration {
	return min(max(time.Duration(ms)*time.Millisecond, p.cfg.MinSessionTimeout), p.cfg.MaxSessionTimeout)
}

func (p *processor) attach(c *conn, s *session) {
	s.conn = c
	c.session.Store(s)
}

// detach parts a connection from its session and its watches. The session lives on.
func (p *processor) detach(c *conn) {
	p.watches.Forget(c)
	if s := c.session.Swap(nil); s != nil {
		s.conn = nil
	}
}

// answerConnect sends the ConnectResponse. Timeout and session 0 tell the client that its session has expired.
func (p *processor) answerConnect(c *conn, r connectRequest, timeout time.Duration, id int64, password []byte) {
	start := len(c.pending)
	b := jute.AppendInt(c.pending, 0)
	b = jute.AppendInt(b, 0)
	b = jute.AppendInt(b, int32(timeout.Milliseconds()))
	b = jute.AppendLong(b, id)
	b = jute.AppendBuffer(b, password)
	if r.readOnly {
		b = jute.AppendBool(b, false)
	}
	c.pending = b
	p.finish(c, start)
}

// endSession closes a session: its ephemerals go in one transaction, its connection after it.
func (p *processor) endSession(s *session, kind string) {
	c := s.conn
	if c != nil && kind == "session.expired" {
		p.detach(c)
		p.end(c)
	}
	p.sessions.remove(s)
	removed := p.logSessionEnd(s.id)
	if c != nil {
		p.detach(c)
	}
	p.facts = append(p.facts, Fact{Time: p.clock(), Kind: kind, Session: s.id, Timeout: s.timeout, Ephemerals: removed})
}

// logSessionEnd takes a session and its ephemerals out of the tree and returns their paths.
func (p *processor) logSessionEnd(id int64) []string {
	at := p.stamp()
	change, events := p.tree.CloseSession(at, id)
	p.store.Append(tree.Txn{Stamp: at, Session: id, Changes: []tree.Change{change}})
	p.fire(events)
	return change.Paths
}

// disconnected follows a connection's last request.
type disconnected struct{}

func (disconnected) run(p *processor, c *conn) {
	p.detach(c)
	p.end(c)
	delete(p.conns, c)
}

func sessionName(id int64) string { return fmt.Sprintf("0x%x", id) }
