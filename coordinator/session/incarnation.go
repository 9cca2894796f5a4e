package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zookeeper/zk"
)

// maxPacket is the largest answer taken, in bytes. Kafka raises ZooKeeper's 1 MiB
// because the list of all topics may be longer.
const maxPacket = 4 << 20

// incarnation is one ZooKeeper session of a Client, over one zk.Conn, from its
// first connection attempt until it expires or is closed. The library would
// silently go on with a new session on the same Conn; an incarnation instead
// refuses to dial again once its session is over.
//
// It is also the zk.HostProvider and zk.Dialer of its Conn, so that reconnecting
// has no pauses but ours.
type incarnation struct {
	client *Client
	conn   *zk.Conn

	id        atomic.Int64  // of the session; the Conn forgets it when it expires
	heard     heard         // of the session's changes
	connected *gate         // open while the session has a connection
	over      chan struct{} // closed by end
	endOnce   sync.Once
	err       error // why the session is over; set before over is closed

	next     int // index of the next server; the Conn's goroutine owns it
	failures int // dials that led to no session since the last that did; the Conn's goroutine owns it
	lastDial error
	dialMu   sync.Mutex // guards lastDial
}

func startIncarnation(c *Client) (*incarnation, error) {
	in := &incarnation{client: c, over: make(chan struct{}), connected: newGate()}
	ready := make(chan struct{}) // holds back the callbacks until in.conn is set
	conn, _, err := zk.Connect(c.servers, c.cfg.SessionTimeout,
		zk.WithHostProvider(in), zk.WithDialer(in.dial),
		zk.WithLogger(quietLogger{c.log}), zk.WithLogInfo(false),
		zk.WithMaxBufferSize(maxPacket), zk.WithMaxConnBufferSize(4+maxRequest),
		zk.WithEventCallback(func(ev zk.Event) { <-ready; in.event(ev) }))
	if err != nil {
		return nil, fmt.Errorf("cannot open ZooKeeper session to %v: %w", c.servers, err)
	}
	in.conn = conn
	close(ready)
	return in, nil
}

// end makes the session over for the reason given; requests under way fail.
func (in *incarnation) end(reason error) {
	in.endOnce.Do(func() {
		in.err = reason
		close(in.over)
	})
}

func (in *incarnation) isOver() bool {
	select {
	case <-in.over:
		return true
	default:
		return false
	}
}

// event receives everything the Conn reports, on the Conn's own goroutines.
func (in *incarnation) event(ev zk.Event) {
	switch {
	case ev.Type == zk.EventSession && ev.State == zk.StateHasSession:
		in.id.Store(in.conn.SessionID())
		in.connected.open()
	case ev.Type == zk.EventSession && ev.State == zk.StateDisconnected:
		in.connected.shut()
	case ev.Type == zk.EventSession && ev.State == zk.StateExpired:
		in.connected.shut()
		in.end(ErrExpired)
		go in.client.renew(in)
	case ev.Type > 0:
		ev.Path = relative(in.client.chroot, ev.Path)
		in.client.notify(ev)
	}
}

// Init implements zk.HostProvider. Names are resolved at each dial, not here.
func (in *incarnation) Init([]string) error { return nil }

// Len implements zk.HostProvider.
func (in *incarnation) Len() int { return len(in.client.servers) }

// Next implements zk.HostProvider. To report a full round would cost the Conn
// a second of sleep, so that is done only to make it notice that it was closed.
func (in *incarnation) Next() (server string, retryStart bool) {
	server = in.client.servers[in.next%len(in.client.servers)]
	in.next++
	return server, in.isOver()
}

// Connected implements zk.HostProvider.
func (in *incarnation) Connected() { in.failures = 0 }

// dial implements zk.Dialer. After a round of failures over all servers it pauses
// first: a few milliseconds, for a ZooKeeper that starts together with us. A server
// that accepts and then closes has failed too; the first dial after a connection
// that was good is immediate.
func (in *incarnation) dial(network, addr string, timeout time.Duration) (net.Conn, error) {
	servers := len(in.client.servers)
	if in.failures > 0 && in.failures%servers == 0 {
		pause(redialPause(in.failures/servers), in.over)
	}
	if in.isOver() {
		return nil, in.err
	}
	in.failures++ // until Connected
	conn, err := in.client.cfg.Dial(network, addr, timeout)
	if err == nil && !in.isOver() {
		return newZxidConn(conn, &in.heard, time.Now().Add(in.client.cfg.SessionTimeout/time.Duration(servers))), nil
	}
	if err == nil {
		conn.Close()
		return nil, in.err
	}
	in.dialMu.Lock()
	in.lastDial = err
	in.dialMu.Unlock()
	return nil, err
}

// redialPause is how long to wait after the given number of failed rounds over
// all servers: 2 ms, growing slowly to 100 ms.
func redialPause(rounds int) time.Duration {
	return min(time.Duration(2+rounds/4)*time.Millisecond, 100*time.Millisecond)
}

func (in *incarnation) lastDialError() error {
	in.dialMu.Lock()
	defer in.dialMu.Unlock()
	return in.lastDial
}

// ready waits until the session has a connection.
func (in *incarnation) ready(ctx context.Context) error {
	select {
	case <-in.connected.passage():
		return nil
	case <-in.over:
		return in.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// attempt runs one request on the Conn and reports lost when the connection
// broke before the answer came.
func attempt[T any](ctx context.Context, in *incarnation, request func(*zk.Conn) (T, error)) (answer T, lost bool, err error) {
	type outcome struct {
		answer T
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		answer, err := request(in.conn)
		done <- outcome{answer, err}
	}()
	select {
	case out := <-done:
		if isConnectionLoss(out.err) {
			return answer, true, out.err
		}
		return out.answer, false, out.err
	case <-in.over:
		return answer, false, in.err
	case <-ctx.Done():
		return answer, false, ctx.Err()
	}
}

// isConnectionLoss reports whether the connection broke before the answer. The
// library hands on the bare network error when it could not write the request.
func isConnectionLoss(err error) bool {
	if err == nil {
		return false
	}
	var network net.Error
	return slices.ContainsFunc([]error{zk.ErrConnectionClosed, zk.ErrClosing, zk.ErrNoServer, zk.ErrSessionMoved,
		io.EOF, io.ErrClosedPipe, io.ErrUnexpectedEOF, net.ErrClosed}, func(target error) bool { return errors.Is(err, target) }) ||
		errors.As(err, &network)
}

// pause sleeps, or returns at once when stop is closed.
func pause(d time.Duration, stop <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-stop:
	}
}

// quietLogger sends the library's chatter to the debug level.
type quietLogger struct{ log *slog.Logger }

func (l quietLogger) Printf(format string, args ...any) {
	l.log.Debug("zookeeper client: " + fmt.Sprintf(format, args...))
}
