package broker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/controller"
	"klab/broker/metadata"
)

// peers sends this broker's own requests to other brokers, by connections that are kept for the next request; those to the
// active controller by a call if it is in this process. Safe for concurrent use.
type peers struct {
	clientID   string
	listener   string // inter-broker
	dial       func(ctx context.Context, network, address string) (net.Conn, error)
	timeout    time.Duration // of one request without a deadline of its own
	maxBytes   int           // of a response
	metadata   *metadata.Cache
	controller *controller.Shell

	mu     sync.Mutex
	idle   map[string][]*peerConn // by address
	closed bool
}

// peerConn is a connection with at most one request under way.
type peerConn struct {
	net.Conn
	r    *bufio.Reader
	last int32 // correlation id
}

// maxIdle connections are kept for each address.
const maxIdle = 4

var errNoController = errors.New("no controller is known at the moment")

// forward sends req to the active controller and waits for the answer. A controller that has moved says
// so in the response: NOT_CONTROLLER, or STALE_CONTROLLER_EPOCH to a ControlledShutdown.
func (p *peers) forward(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	if p.controller.IsActive() {
		if resp := p.local(ctx, req); resp != nil {
			return resp, nil
		}
	}
	id := p.controller.ControllerID()
	if id < 0 {
		return nil, fmt.Errorf("cannot send %s: %w", kmsg.NameForKey(req.Key()), errNoController)
	}
	return p.send(ctx, id, req)
}

// send sends req to another broker and waits for the answer.
func (p *peers) send(ctx context.Context, id int32, req kmsg.Request) (kmsg.Response, error) {
	e, ok := p.metadata.Snapshot().Endpoint(id, p.listener)
	if !ok {
		return nil, fmt.Errorf("cannot send %s: broker %d is not known to live", kmsg.NameForKey(req.Key()), id)
	}
	address := net.JoinHostPort(e.Host, fmt.Sprint(e.Port))
	resp, err := p.call(ctx, address, req)
	if err != nil {
		return nil, fmt.Errorf("cannot send %s to broker %d at %s: %w", kmsg.NameForKey(req.Key()), id, address, err)
	}
	return resp, nil
}

// local answers by the controller of this process; nil for what it has no call for.
func (p *peers) local(ctx context.Context, req kmsg.Request) kmsg.Response {
	switch req := req.(type) {
	case *kmsg.AlterPartitionRequest:
		return p.controller.AlterPartition(ctx, req)
	case *kmsg.AllocateProducerIDsRequest:
		return p.controller.AllocateProducerIDs(ctx, req)
	case *kmsg.ControlledShutdownRequest:
		return p.controller.ControlledShutdown(ctx, req)
	case *kmsg.CreateTopicsRequest:
		return p.controller.CreateTopics(ctx, req)
	}
	return nil
}

// call sends one request. A kept connection that turns out to be dead is replaced once: every request sent here may be
// repeated.
func (p *peers) call(ctx context.Context, address string, req kmsg.Request) (kmsg.Response, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.timeout)
		defer cancel()
	}
	if c := p.take(address); c != nil {
		if resp, err := p.exchange(ctx, address, c, req); err == nil || ctx.Err() != nil {
			return resp, err
		}
	}
	nc, err := p.dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return p.exchange(ctx, address, &peerConn{Conn: nc, r: bufio.NewReaderSize(nc, 4<<10)}, req)
}

func (p *peers) exchange(ctx context.Context, address string, c *peerConn, req kmsg.Request) (kmsg.Response, error) {
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	resp, err := c.exchange(req, p.clientID, p.maxBytes)
	if !stop() && err != nil {
		err = errors.Join(ctx.Err(), err)
	}
	if err != nil || ctx.Err() != nil {
		c.Close()
		return resp, err
	}
	p.keep(address, c)
	return resp, nil
}

func (p *peers) take(address string) *peerConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.idle[address]
	if len(all) == 0 {
		return nil
	}
	c := all[len(all)-1]
	p.idle[address] = all[:len(all)-1]
	return c
}

func (p *peers) keep(address string, c *peerConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle[address]) >= maxIdle {
		c.Close()
		return
	}
	if p.idle == nil {
		p.idle = make(map[string][]*peerConn)
	}
	p.idle[address] = append(p.idle[address], c)
}

// close ends the connections that are kept; those in use end with their request.
func (p *peers) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, all := range p.idle {
		for _, c := range all {
			c.Close()
		}
	}
	clear(p.idle)
}

func (c *peerConn) exchange(req kmsg.Request, clientID string, maxBytes int) (kmsg.Response, error) {
	c.last++
	out := kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID)).AppendRequest(nil, req, c.last)
	if _, err := c.Write(out); err != nil {
		return nil, err
	}
	body, err := c.readFrame(maxBytes)
	if err != nil {
		return nil, err
	}
	b := kbin.Reader{Src: body}
	if got := b.Int32(); got != c.last {
		return nil, fmt.Errorf("the answer has correlation id %d and not %d", got, c.last)
	}
	resp := req.ResponseKind()
	if resp.IsFlexible() {
		for n := b.Uvarint(); n > 0 && b.Ok(); n-- {
			b.Uvarint()
			b.Span(int(b.Uvarint()))
		}
	}
	if err := resp.ReadFrom(b.Src); err != nil {
		return nil, fmt.Errorf("cannot decode the answer: %w", err)
	}
	return resp, nil
}

// readFrame reads one response. The buffer grows with what arrives.
func (c *peerConn) readFrame(maxBytes int) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(c.r, size[:]); err != nil {
		return nil, err
	}
	n := int32(binary.BigEndian.Uint32(size[:]))
	if n < 4 || int(n) > maxBytes {
		return nil, fmt.Errorf("the answer claims %d bytes", n)
	}
	var buf bytes.Buffer
	if _, err := io.CopyN(&buf, c.r, int64(n)); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
