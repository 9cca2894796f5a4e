package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"
)

// Config says how to reach ZooKeeper.
type Config struct {
	Connect           string        // zookeeper.connect: host:port,host:port[/chroot]
	SessionTimeout    time.Duration // zookeeper.session.timeout.ms; zero: 18 s
	ConnectionTimeout time.Duration // of the first connection; zero: the session timeout
	Dial              func(network, addr string, timeout time.Duration) (net.Conn, error)
	Log               *slog.Logger
}

// Listener hears of what happens to a client's session and watches. Nil
// functions are skipped.
type Listener struct {
	// Expired runs when the session has expired. The client makes a new session
	// only after every listener's Expired has returned. It must not use the client.
	Expired func()
	// Renewed runs, on a goroutine of its own, when a new session replaced an expired one.
	Renewed func()
	// Event receives fired watches. It runs on the connection's goroutine: it must
	// not block.
	Event func(zk.Event)
}

// Client is a ZooKeeper client that outlives its sessions.
type Client struct {
	cfg     Config
	servers []string
	chroot  string
	log     *slog.Logger
	closed  chan struct{}

	mu        sync.Mutex
	current   *incarnation
	replaced  chan struct{} // closed when current is replaced by a new incarnation
	listeners map[int]Listener
	nextID    int
	former    []int64 // ids of expired sessions
	isClosed  bool
}

// Open connects and makes the chroot if it is absent. It fails when no server
// answered within the connection timeout, and names the servers it tried.
//
// Kafka makes the chroot in a first session of its own; the same session serves
// here, which leaves the same nodes.
func Open(ctx context.Context, cfg Config) (*Client, error) {
	servers, chroot, err := ParseConnect(cfg.Connect)
	if err != nil {
		return nil, err
	}
	if cfg.SessionTimeout == 0 {
		cfg.SessionTimeout = 18 * time.Second
	}
	if cfg.ConnectionTimeout == 0 {
		cfg.ConnectionTimeout = cfg.SessionTimeout
	}
	if cfg.Dial == nil {
		cfg.Dial = net.DialTimeout
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{cfg: cfg, servers: servers, chroot: chroot, log: cfg.Log, closed: make(chan struct{}),
		replaced: make(chan struct{}), listeners: make(map[int]Listener)}
	if c.current, err = startIncarnation(c); err != nil {
		return nil, err
	}
	if err := c.firstConnection(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Client) firstConnection(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, c.cfg.ConnectionTimeout)
	defer cancel()
	if err := c.connected(wait); err != nil {
		if last := c.lastDialError(); last != nil {
			err = last
		}
		return fmt.Errorf("cannot connect to ZooKeeper at %v within %v: %w; check zookeeper.connect and that ZooKeeper runs",
			c.servers, c.cfg.ConnectionTimeout, err)
	}
	if c.chroot == "" {
		return nil
	}
	chroot := c.chroot
	c.chroot = "" // the chroot itself is made by absolute paths
	err := c.EnsurePaths(wait, chroot)
	c.chroot = chroot
	if err != nil {
		return fmt.Errorf("cannot create ZooKeeper chroot %s: %w", chroot, err)
	}
	return nil
}

// connected waits for the first session that lives long enough to be of use.
func (c *Client) connected(ctx context.Context) error {
	for {
		in, err := c.live(ctx)
		if err != nil {
			return err
		}
		if err = in.ready(ctx); !errors.Is(err, ErrExpired) {
			return err
		}
	}
}

func (c *Client) lastDialError() error {
	c.mu.Lock()
	in := c.current
	c.mu.Unlock()
	return in.lastDialError()
}

// Listen registers a listener until stop is called.
func (c *Client) Listen(l Listener) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.nextID
	c.nextID++
	c.listeners[id] = l
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.listeners, id)
	}
}

// Expirations returns a channel that receives a value after the session
// expired; expirations that were not received are merged. It needs no closing
// and lives as long as the client.
func (c *Client) Expirations() <-chan struct{} {
	ch := make(chan struct{}, 1)
	c.Listen(Listener{Expired: func() {
		select {
		case ch <- struct{}{}:
		default:
		}
	}})
	return ch
}

// registered returns the listeners in the order of their registration.
func (c *Client) registered() []Listener {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Listener, 0, len(c.listeners))
	for id := range c.nextID {
		if l, ok := c.listeners[id]; ok {
			out = append(out, l)
		}
	}
	return out
}

func (c *Client) notify(ev zk.Event) {
	for _, l := range c.registered() {
		if l.Event != nil {
			l.Event(ev)
		}
	}
}

// renew tells the listeners that a session expired and makes the next one.
func (c *Client) renew(old *incarnation) {
	c.log.Warn("ZooKeeper session expired", "session", fmt.Sprintf("0x%x", old.id.Load()))
	for _, l := range c.registered() {
		if l.Expired != nil {
			l.Expired()
		}
	}
	go old.conn.Close()
	in, err := startIncarnation(c)
	if err != nil { // only an empty server list, which Open refused
		c.log.Error("cannot renew the ZooKeeper session", "error", err)
		return
	}
	if !c.replace(in) {
		in.end(ErrClosed)
		in.conn.Close()
		return
	}
	if in.ready(context.Background()) != nil {
		return // closed, or expired again: its own renewal goes on
	}
	for _, l := range c.registered() {
		if l.Renewed != nil {
			go l.Renewed()
		}
	}
}

// replace makes in the current incarnation unless the client was closed.
func (c *Client) replace(in *incarnation) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isClosed {
		return false
	}
	c.former = append(c.former, c.current.id.Load())
	c.current = in
	close(c.replaced)
	c.replaced = make(chan struct{})
	return true
}

// live returns the current incarnation, waiting for the next one when the
// session has expired.
func (c *Client) live(ctx context.Context) (*incarnation, error) {
	for {
		c.mu.Lock()
		in, replaced := c.current, c.replaced
		c.mu.Unlock()
		if !in.isOver() {
			return in, nil
		}
		if errors.Is(in.err, ErrClosed) {
			return nil, ErrClosed
		}
		select {
		case <-replaced:
		case <-c.closed:
			return nil, ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// SessionID returns the id of the current session; zero before the first one.
func (c *Client) SessionID() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current.id.Load()
}

// WasSession reports whether id is of an earlier session of this client, which
// expired as far as the client knows.
func (c *Client) WasSession(id int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.former, id)
}

// SessionTimeout is the timeout that was asked for.
func (c *Client) SessionTimeout() time.Duration { return c.cfg.SessionTimeout }

// Log is the client's logger.
func (c *Client) Log() *slog.Logger { return c.log }

// Close closes the session, so that its ephemerals vanish at once, and fails
// the requests under way with ErrClosed.
func (c *Client) Close() error {
	c.mu.Lock()
	already := c.isClosed
	c.isClosed = true
	in := c.current
	c.mu.Unlock()
	if already || in == nil {
		return nil
	}
	close(c.closed)
	in.end(ErrClosed)
	in.conn.Close()
	return nil
}

// call runs a request in the session that is current now, and again after each
// lost connection. size is that of the request after its header. retried reports
// whether an earlier attempt lost its answer.
func call[T any](ctx context.Context, c *Client, size int, request func(*zk.Conn) (T, error)) (answer T, retried bool, err error) {
	if err := fits(size); err != nil {
		return answer, false, err
	}
	in, err := c.live(ctx)
	if err != nil {
		return answer, false, err
	}
	for {
		if err := in.ready(ctx); err != nil {
			return answer, retried, err
		}
		got, lost, err := attempt(ctx, in, request)
		if !lost {
			return got, retried, err
		}
		retried = true
	}
}
