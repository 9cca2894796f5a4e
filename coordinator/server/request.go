package server

import (
	"time"

	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

// Request types (ZooKeeper's ZooDefs.OpCode) and the xid of notifications.
const (
	opCreate            = 1
	opDelete            = 2
	opExists            = 3
	opGetData           = 4
	opSetData           = 5
	opGetACL            = 6
	opSetACL            = 7
	opGetChildren       = 8
	opSync              = 9
	opPing              = 11
	opGetChildren2      = 12
	opCheck             = 13
	opMulti             = 14
	opCreate2           = 15
	opReconfig          = 16
	opCheckWatches      = 17
	opRemoveWatches     = 18
	opCreateContainer   = 19
	opDeleteContainer   = 20
	opCreateTTL         = 21
	opMultiRead         = 22
	opAuth              = 100
	opSetWatches        = 101
	opSASL              = 102
	opGetEphemerals     = 103
	opGetChildrenNumber = 104
	opSetWatches2       = 105
	opAddWatch          = 106
	opWhoAmI            = 107
	opCloseSession      = -11

	xidNotification = -1
)

// A call is one decoded request.
type call interface {
	// serve does the request and fills in the answer. It runs in the processor's goroutine.
	serve(p *processor, c *conn, a *answer)
}

// An answer becomes one reply: a header, and the body if the code is OK.
type answer struct {
	xid  int32
	zxid int64 // lastZxid: that of the last change when the reply is made
	code tree.Code
	body []byte
	end  bool // close the connection after the reply
}

const lastZxid = -2

// decodeCall decodes the body of a request. It never fails: what cannot be served becomes a call that says so.
func decodeCall(op int32, r *jute.Reader) call {
	c := readCall(op, r)
	if r.Err() != nil {
		return refused(tree.MarshallingError)
	}
	return c
}

func readCall(op int32, r *jute.Reader) call {
	switch op {
	case opCreate, opCreate2, opCreateContainer, opCreateTTL, opDelete, opSetData, opSetACL, opCheck:
		return readWrite(op, r)
	case opMulti:
		return readMulti(r)
	case opMultiRead:
		return readMultiRead(r)
	case opExists:
		return existsCall{path: r.UString(), watch: r.Bool()}
	case opGetData:
		return getDataCall{path: r.UString(), watch: r.Bool()}
	case opGetACL:
		return getACLCall{path: r.UString()}
	case opGetChildren, opGetChildren2:
		return getChildrenCall{path: r.UString(), watch: r.Bool(), stat: op == opGetChildren2}
	case opGetChildrenNumber:
		return countCall{path: r.UString()}
	case opGetEphemerals:
		return ephemeralsCall{prefix: r.UString()}
	case opSync:
		return syncCall{path: r.UString()}
	default:
		return readSessionCall(op, r)
	}
}

func readSessionCall(op int32, r *jute.Reader) call {
	switch op {
	case opPing:
		return pingCall{}
	case opAuth:
		r.Int() // type, always 0
		return authCall{scheme: r.UString(), auth: r.Buffer()}
	case opSASL:
		r.Buffer()
		return saslCall{}
	case opWhoAmI:
		return whoAmICall{}
	case opCloseSession:
		return closeCall{}
	case opSetWatches, opSetWatches2:
		return readSetWatches(op, r)
	case opAddWatch:
		return addWatchCall{path: r.UString(), mode: r.Int()}
	case opCheckWatches, opRemoveWatches:
		return findWatchesCall{path: r.UString(), kind: r.Int(), remove: op == opRemoveWatches}
	case opReconfig:
		return refused(tree.ReconfigDisabled)
	case opDeleteContainer:
		return refused(tree.BadArguments)
	}
	return unknownCall{}
}

// A clientRequest is a call on its way to the processor.
type clientRequest struct {
	xid, op  int32
	call     call
	received time.Time
}

func (r *clientRequest) run(p *processor, c *conn) {
	c.queued.Add(-1)
	if c.session.Load() == nil || c.ending {
		return // the session, or the connection's right to it, ended before this request's turn
	}
	p.stats.received++
	a := answer{xid: r.xid, zxid: lastZxid, body: p.body[:0]}
	r.call.serve(p, c, &a)
	if a.zxid == lastZxid {
		a.zxid = p.tree.LastZxid()
	}
	p.reply(c, &a)
	c.stats.note(r, a.zxid)
	p.served = append(p.served, servedRequest{c, r.received})
	if p.body = a.body[:0]; cap(p.body) > 1<<20 {
		p.body = nil
	}
}

// reply queues an answer, after any events that making it caused, and ends the connection if that is what it says.
func (p *processor) reply(c *conn, a *answer) {
	start := len(c.pending)
	c.pending = appendReplyHeader(c.pending, a.xid, a.zxid, a.code)
	if a.code == tree.OK {
		c.pending = append(c.pending, a.body...)
	}
	p.finish(c, start)
	if a.end {
		p.detach(c)
		p.end(c)
	}
}

// refused answers with an error.
type refused tree.Code

func (r refused) serve(_ *processor, _ *conn, a *answer) { a.code = tree.Code(r) }

// unknownCall is a request of a type that no client may send. It costs the connection, but not the session.
type unknownCall struct{}

func (unknownCall) serve(_ *processor, _ *conn, a *answer) {
	a.code, a.zxid, a.end = tree.Unimplemented, -1, true
}
