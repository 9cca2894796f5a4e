package server

import (
	"context"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Request is one decoded request and where it came from.
type Request struct {
	kmsg.Request
	ClientID      string // "" also for a null client id
	CorrelationID int32
	Listener      string // the name of the listener, such as PLAINTEXT
	RemoteAddr    net.Addr
	Principal     string // such as User:ANONYMOUS
	Received      time.Time
}

// Handler answers one request. See the package comment for what it may and may not do.
type Handler func(ctx context.Context, r *Request) Reply

// Entry is one line of the table of what is served: an API key, the versions, and who handles them.
type Entry struct {
	Key, Min, Max int16
	Handle        Handler
	ClusterAction bool // only brokers may ask it, once there is an authorizer
}

// Reply is what a handler promises: a response now, one later, none, or the end of the connection.
type Reply struct {
	now   kmsg.Response
	later <-chan kmsg.Response
	err   error
	kind  replyKind
	after *func() // a pointer, so that replies can be compared
	taken bool
}

type replyKind uint8

const (
	replyClose replyKind = iota // the zero Reply: a handler that promised nothing is broken
	replyNow
	replyLater
	replyNone
)

// Now replies with resp. Its version is set by the server.
func Now(resp kmsg.Response) Reply { return Reply{kind: replyNow, now: resp} }

// Later replies with what is sent on c. The sender must never block: c needs room for one, as the connection may be gone.
// Closing c without a value closes the connection.
func Later(c <-chan kmsg.Response) Reply { return Reply{kind: replyLater, later: c} }

// After has f called, once or more, when the reply was written or will not be. f must not block.
func (r Reply) After(f func()) Reply {
	r.after = &f
	return r
}

// Taken says that nothing of the request's bytes is needed any more: their memory may serve other requests before the reply is
// due.
func (r Reply) Taken() Reply {
	r.taken = true
	return r
}

// ended calls what After was given.
func (r Reply) ended() {
	if r.after != nil {
		(*r.after)()
	}
}

// None sends nothing: Produce with acks=0.
func None() Reply { return Reply{kind: replyNone} }

// Close ends the connection after the replies that are still owed. err says why, for the log; nil for no fault.
func Close(err error) Reply { return Reply{kind: replyClose, err: err} }

// Answer calls a handler as a connection would and waits for what it promised; nil if that is no response. It is for those
// who have a handler and no connection.
func Answer(ctx context.Context, h Handler, r *Request) kmsg.Response {
	reply := h(ctx, r)
	defer reply.ended()
	switch reply.kind {
	case replyNow:
		return reply.now
	case replyLater:
		return <-reply.later
	default:
		return nil
	}
}
