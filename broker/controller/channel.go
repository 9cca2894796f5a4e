package controller

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/wire"
	"klab/coordinator/znode"
)

const (
	// channelRetryPause is Kafka's pause after a failed request.
	channelRetryPause = 100 * time.Millisecond
	// maxResponseBytes bounds what a broker may answer.
	maxResponseBytes = 64 << 20
)

// channel is the controller's queue and connection to one broker. Requests go
// out in order, one in flight; each is retried until the broker answered it or
// the channel is closed. A broker without our listener gets nothing, and its
// channel keeps nothing. The connection is made at once, so that the first
// request does not wait for it.
type channel struct {
	broker  int32
	addr    string
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	timeout time.Duration // of one request, controller.socket.timeout.ms
	replied func(kmsg.Request, kmsg.Response)
	log     *slog.Logger
	format  *kmsg.RequestFormatter
	cancel  context.CancelFunc

	mu    sync.Mutex
	queue []entry
	ended bool
	ready chan struct{} // holds one value when the queue has entries

	conn        net.Conn // owned by the channel's goroutine
	buf         []byte   // owned by the channel's goroutine
	correlation int32
}

// entry is a request in the queue, or a mark: closed when all before it is done.
type entry struct {
	req  kmsg.Request
	mark chan struct{}
}

// openChannel starts the channel to a broker over its inter-broker listener.
func (s *Shell) openChannel(b znode.Broker) *channel {
	ctx, cancel := context.WithCancel(s.ctx)
	c := &channel{
		broker: b.ID, dial: s.cfg.Dial, timeout: s.cfg.RequestTimeout, cancel: cancel,
		log:    s.cfg.Log.With("broker", b.ID),
		format: kmsg.NewRequestFormatter(kmsg.FormatterClientID(strconv.Itoa(int(s.cfg.BrokerID)))),
		ready:  make(chan struct{}, 1),
	}
	if e, ok := b.Endpoint(s.cfg.Listener); ok {
		c.addr = e.Addr()
	} else {
		c.log.Warn("the broker has no inter-broker listener; it gets no controller requests", "listener", s.cfg.Listener)
	}
	c.replied = func(req kmsg.Request, resp kmsg.Response) { s.replied(c, req, resp) }
	s.channels.Go(func() { c.run(ctx) })
	return c
}

// send puts a request at the end of the queue.
func (c *channel) send(req kmsg.Request) { c.put(entry{req: req}) }

// mark closes reached when the requests queued so far are answered, or the
// channel is closed.
func (c *channel) mark(reached chan struct{}) { c.put(entry{mark: reached}) }

func (c *channel) put(e entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		if e.mark != nil {
			close(e.mark)
		}
		return
	}
	c.queue = append(c.queue, e)
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// close drops the queue and the connection.
func (c *channel) close() { c.cancel() }

// next waits for the next request, closing the marks before it.
func (c *channel) next(ctx context.Context) (kmsg.Request, bool) {
	for {
		if e, ok := c.pop(); ok && e.mark != nil {
			close(e.mark)
			continue
		} else if ok {
			return e.req, true
		}
		select {
		case <-c.ready:
		case <-ctx.Done():
			return nil, false
		}
	}
}

func (c *channel) pop() (entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return entry{}, false
	}
	e := c.queue[0]
	c.queue = c.queue[1:]
	return e, true
}

// end drops the queue and the connection, when the channel is closed.
func (c *channel) end() {
	c.hangUp()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for _, e := range c.queue {
		if e.mark != nil {
			close(e.mark)
		}
	}
	c.queue = nil
}

func (c *channel) run(ctx context.Context) {
	defer c.end()
	if c.addr == "" {
		return // there is nobody to wait for
	}
	_ = c.connect(ctx) // early; a failure shows again with the first request
	for {
		req, ok := c.next(ctx)
		if !ok {
			return
		}
		resp, ok := c.insist(ctx, req)
		if !ok {
			return
		}
		c.replied(req, resp)
	}
}

// insist sends a request until it is answered.
func (c *channel) insist(ctx context.Context, req kmsg.Request) (kmsg.Response, bool) {
	for {
		resp, err := c.roundTrip(ctx, req)
		if err == nil {
			return resp, true
		}
		c.hangUp()
		if ctx.Err() != nil {
			return nil, false
		}
		c.log.Debug("controller request failed; it will be sent again", "request", kmsg.NameForKey(req.Key()), "error", err)
		select {
		case <-time.After(channelRetryPause):
		case <-ctx.Done():
			return nil, false
		}
	}
}

func (c *channel) connect(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	conn, err := c.dial(ctx, "tcp", c.addr)
	if err != nil {
		return fmt.Errorf("cannot connect to broker %d at %s: %w", c.broker, c.addr, err)
	}
	c.conn = conn
	return nil
}

func (c *channel) hangUp() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// roundTrip sends one request and reads its response.
func (c *channel) roundTrip(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	conn := c.conn
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	c.conn.SetDeadline(time.Now().Add(c.timeout))
	c.correlation++
	c.buf = c.format.AppendRequest(c.buf[:0], wire.Request(req), c.correlation)
	if _, err := c.conn.Write(c.buf); err != nil {
		return nil, fmt.Errorf("cannot send to broker %d: %w", c.broker, err)
	}
	if err := c.readFrame(); err != nil {
		return nil, fmt.Errorf("cannot read from broker %d: %w", c.broker, err)
	}
	return decodeResponse(req, c.correlation, c.buf)
}

func (c *channel) readFrame() error {
	var size [4]byte
	if _, err := io.ReadFull(c.conn, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxResponseBytes {
		return fmt.Errorf("a response of %d bytes is longer than the %d allowed", n, maxResponseBytes)
	}
	if cap(c.buf) < int(n) {
		c.buf = make([]byte, n)
	}
	c.buf = c.buf[:n]
	_, err := io.ReadFull(c.conn, c.buf)
	return err
}

var errBadResponse = errors.New("the response is malformed")

// decodeResponse decodes a response frame without its length.
func decodeResponse(req kmsg.Request, correlation int32, frame []byte) (kmsg.Response, error) {
	if len(frame) < 4 || int32(binary.BigEndian.Uint32(frame)) != correlation {
		return nil, errBadResponse
	}
	body := frame[4:]
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	if resp.IsFlexible() {
		var err error
		if body, err = skipTags(body); err != nil {
			return nil, err
		}
	}
	if err := resp.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("cannot decode a %s response: %w", kmsg.NameForKey(req.Key()), err)
	}
	return resp, nil
}

// skipTags returns what follows the tagged fields of a flexible header.
func skipTags(b []byte) ([]byte, error) {
	count, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, errBadResponse
	}
	for b = b[n:]; count > 0; count-- {
		_, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errBadResponse
		}
		size, m := binary.Uvarint(b[n:])
		if m <= 0 || size > uint64(len(b)-n-m) {
			return nil, errBadResponse
		}
		b = b[n+m+int(size):]
	}
	return b, nil
}
