package server

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// pipeline is how many replies a connection may owe before its next request waits. Kafka's clients send five at most.
	pipeline = 64
	// readBuffer is what an idle connection keeps for its next request.
	readBuffer = 4 << 10
)

// conn is one connection. The goroutine that runs [conn.serve] owns all fields but the queue's receiving end, which the
// writer goroutine owns while it runs.
type conn struct {
	srv       *Server
	net       net.Conn
	listener  string
	principal string
	remoteIP  netip.Addr
	lastUsed  atomic.Int64 // when its latest request came in, else when it did, in Unix nanoseconds

	cancel context.CancelFunc
	queue  chan owed // nil until the first reply that is not ready at once
	owed   atomic.Int32
	done   chan struct{} // closed when the writer has ended
	gone   chan struct{} // closed when nobody waits for the replies any more

	trusted  int       // the largest frame this connection has delivered
	deadline time.Time // the read deadline that is set
	writeBy  time.Time // the write deadline that is set; whoever writes owns it
}

// owed is a reply that takes its turn, and the request's frame that goes back when it was written; nil if it went back before.
type owed struct {
	reply       Reply
	version     int16
	correlation int32
	frame       *[]byte
}

func (c *conn) serve(ctx context.Context) {
	defer c.net.Close()
	ctx, c.cancel = context.WithCancel(ctx)
	defer c.cancel()
	err := c.read(ctx)
	if c.queue != nil {
		close(c.queue)
		c.awaitWriter()
	}
	if !quiet(err) {
		c.srv.log.Info("closed a connection", "remote", c.net.RemoteAddr(), "listener", c.listener, "reason", err)
	}
}

// awaitWriter lets replies go out that are owed to a client which sends no more. It may only have closed its side; but one that is
// gone keeps nothing here for longer than an idle one.
func (c *conn) awaitWriter() {
	if idle := c.srv.cfg.IdleTimeout; idle > 0 {
		defer time.AfterFunc(idle, func() { close(c.gone) }).Stop()
	}
	<-c.done
}

// quiet are the ordinary ends of a connection.
func quiet(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.Is(err, io.ErrClosedPipe) || isReset(err)
}

// read takes requests until the connection ends or the server closes, and returns why.
func (c *conn) read(ctx context.Context) error {
	r := bufio.NewReaderSize(c.net, readBuffer)
	for {
		size, err := c.nextSize(r)
		if err != nil {
			return err
		}
		frame, err := readFrame(c.srv.buffers, r, size, c.trusted)
		if err != nil {
			return err
		}
		c.trusted = max(c.trusted, size)
		if err := c.handle(ctx, frame); err != nil {
			return err
		}
	}
}

// nextSize waits for the next frame, however long replies are owed and for connections.max.idle.ms otherwise.
func (c *conn) nextSize(r *bufio.Reader) (int, error) {
	for {
		if err := c.extendDeadline(r); err != nil {
			return 0, err
		}
		if c.srv.isClosing() { // after the deadline was set: the server sets one that is past after it says so
			return 0, net.ErrClosed
		}
		head, err := r.Peek(4)
		if errors.Is(err, os.ErrDeadlineExceeded) && c.owed.Load() > 0 {
			c.deadline = time.Time{}
			continue
		}
		if err != nil {
			return 0, err
		}
		size := int32(binary.BigEndian.Uint32(head))
		if size < 0 || int(size) > c.srv.cfg.MaxRequestBytes {
			return 0, fmt.Errorf("cannot read a request of %d bytes: socket.request.max.bytes is %d", size, c.srv.cfg.MaxRequestBytes)
		}
		r.Discard(4)
		return int(size), nil
	}
}

// extendDeadline moves the read deadline when a sixteenth of the idle time has gone by: a busy connection pays for a timer
// now and then, an idle one is closed at most a sixteenth late.
func (c *conn) extendDeadline(r *bufio.Reader) error {
	idle := c.srv.cfg.IdleTimeout
	if idle <= 0 || r.Buffered() >= 4 {
		return nil
	}
	now := time.Now()
	if c.deadline.Sub(now) >= idle {
		return nil
	}
	c.deadline = now.Add(idle + idle/16)
	return c.net.SetReadDeadline(c.deadline)
}

// handle decodes a frame, calls its handler and sends or queues the reply. It owns the frame from here on.
func (c *conn) handle(ctx context.Context, frame *[]byte) error {
	d, err := c.srv.table.decode(*frame)
	if err != nil {
		c.srv.buffers.Put(frame)
		return err
	}
	o := owed{correlation: d.correlation, frame: frame}
	if d.refusal != nil {
		o.reply = Now(d.refusal)
		return c.send(o)
	}
	o.version = d.req.GetVersion()
	o.reply = c.call(ctx, d)
	if o.reply.taken {
		c.srv.buffers.Put(frame)
		o.frame = nil
	}
	switch o.reply.kind {
	case replyNone:
		c.srv.buffers.Put(frame)
		return nil
	case replyClose:
		if o.reply.err == nil {
			return io.EOF
		}
		return o.reply.err
	}
	return c.send(o)
}

// call runs the handler and turns a panic into the end of this connection.
func (c *conn) call(ctx context.Context, d call) (reply Reply) {
	received := time.Now()
	c.lastUsed.Store(received.UnixNano())
	defer func() {
		if p := recover(); p != nil {
			c.srv.log.Error("a handler panicked", "api", kmsg.NameForKey(d.entry.Key), "version", d.req.GetVersion(),
				"remote", c.net.RemoteAddr(), "panic", p, "stack", string(debug.Stack()))
			reply = Close(fmt.Errorf("the handler of %s panicked", kmsg.NameForKey(d.entry.Key)))
		}
	}()
	return d.entry.Handle(ctx, &Request{
		Request:       d.req,
		ClientID:      d.clientID,
		CorrelationID: d.correlation,
		Listener:      c.listener,
		RemoteAddr:    c.net.RemoteAddr(),
		Principal:     c.principal,
		Received:      received,
	})
}

// send writes the reply at once when nothing is owed before it, and otherwise hands it to the writer. The reader alone adds
// to owed, so zero means that the writer has nothing to write and will get nothing.
func (c *conn) send(o owed) error {
	if o.reply.kind == replyLater && c.owed.Load() == 0 {
		select {
		case resp, ok := <-o.reply.later:
			if !ok {
				return errNoReply
			}
			o.reply.kind, o.reply.now = replyNow, resp
		default:
		}
	}
	if o.reply.kind == replyNow && c.owed.Load() == 0 {
		return c.write(o, o.reply.now)
	}
	if c.queue == nil {
		c.queue, c.done, c.gone = make(chan owed, pipeline), make(chan struct{}), make(chan struct{})
		go c.writeLoop()
	}
	c.owed.Add(1)
	c.queue <- o // the writer never stops taking before the queue is closed
	return nil
}

var errNoReply = errors.New("the handler withdrew its reply")

// writeLoop writes replies in order until the queue is closed. After a failure it drains, so that the reader never blocks.
func (c *conn) writeLoop() {
	defer close(c.done)
	failed := false
	for o := range c.queue {
		if failed {
			o.reply.ended()
		} else if err := c.settle(o); err != nil {
			failed = true
			c.net.Close() // wakes the reader
			if !quiet(err) {
				c.srv.log.Info("closed a connection", "remote", c.net.RemoteAddr(), "listener", c.listener, "reason", err)
			}
		}
		c.owed.Add(-1)
	}
}

// settle waits for one reply and writes it. Once the server gives up, or the client is gone, nothing is waited for.
func (c *conn) settle(o owed) error {
	resp := o.reply.now
	if o.reply.kind == replyLater {
		var ok bool
		select {
		case resp, ok = <-o.reply.later:
		case <-c.srv.giveUp:
			o.reply.ended()
			return net.ErrClosed
		case <-c.gone:
			o.reply.ended()
			return io.EOF
		}
		if !ok {
			o.reply.ended()
			return errNoReply
		}
	}
	return c.write(o, resp)
}
