package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"klab/broker/buffer"
)

// Listener is one address to bind.
type Listener struct {
	Name    string // Kafka's name of it, such as PLAINTEXT
	Address string // host:port; port 0 takes a free one
}

// Config is what a Server needs. Only Listeners is required before Listen, and Table before Serve ([Server.Handle]).
type Config struct {
	Listeners []Listener
	Table     []Entry

	MaxRequestBytes int           // socket.request.max.bytes; 0 is Kafka's default of 100 MiB
	IdleTimeout     time.Duration // connections.max.idle.ms; 0 never closes an idle connection
	Limits          *Limits       // nil: none
	SendBuffer      int           // socket.send.buffer.bytes; 0 leaves it to the operating system
	ReceiveBuffer   int           // socket.receive.buffer.bytes; 0 leaves it to the operating system

	Buffers *buffer.Pool // shared with whom it may serve too; nil: the server has its own
	Log     *slog.Logger
	Listen  func(network, address string) (net.Listener, error) // net.Listen when nil
}

// Server accepts connections and serves its table on them.
type Server struct {
	cfg     Config
	log     *slog.Logger
	table   *table
	buffers *buffer.Pool // of frames and replies

	listeners []net.Listener // by index of cfg.Listeners, once bound
	closing   chan struct{}  // closed when Close begins: no further request is read
	giveUp    chan struct{}  // closed when replies that are not ready are no longer waited for
	closeOnce sync.Once
	giveOnce  sync.Once
	running   sync.WaitGroup // acceptors and connections

	mu     sync.Mutex
	freed  *sync.Cond // a connection ended, the limits changed or the server closes; L is mu
	limits Limits
	conns  map[*conn]struct{} // that are counted: one that was told to end is not
	open   counts
	rates  rates
}

// New makes a server that is not bound yet.
func New(cfg Config) *Server {
	if cfg.MaxRequestBytes == 0 {
		cfg.MaxRequestBytes = 100 << 20
	}
	if cfg.Buffers == nil {
		cfg.Buffers = new(buffer.Pool)
	}
	if cfg.Listen == nil {
		cfg.Listen = net.Listen
	}
	if cfg.Limits == nil {
		cfg.Limits = NoLimits()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		cfg:     cfg,
		log:     cfg.Log,
		table:   newTable(cfg.Table),
		buffers: cfg.Buffers,
		closing: make(chan struct{}),
		giveUp:  make(chan struct{}),
		limits:  *cfg.Limits,
		conns:   make(map[*conn]struct{}),
		open:    counts{perIP: make(map[netip.Addr]int), perListener: make(map[string]int)},
		rates:   rates{perListener: make(map[string]*rate)},
	}
	s.freed = sync.NewCond(&s.mu)
	return s
}

// Handle sets what is served, when it is not known yet at [New]. Call it before Serve.
func (s *Server) Handle(entries []Entry) { s.table = newTable(entries) }

// ListenError says which address could not be bound.
type ListenError struct {
	Listener Listener
	Err      error
}

func (e *ListenError) Error() string {
	return fmt.Sprintf("cannot listen on %s (listener %s): %v", e.Listener.Address, e.Listener.Name, e.Err)
}

func (e *ListenError) Unwrap() error { return e.Err }

// Listen binds every listener. The operating system accepts connections from here on; nothing is read from them before
// [Server.Serve]. The error is a [*ListenError], and then nothing is bound.
func (s *Server) Listen() error {
	for _, l := range s.cfg.Listeners {
		bound, err := s.cfg.Listen("tcp", l.Address)
		if err != nil {
			for _, b := range s.listeners {
				b.Close()
			}
			s.listeners = nil
			return &ListenError{l, err}
		}
		s.listeners = append(s.listeners, bound)
	}
	return nil
}

// Addr is where the listener of that name is bound, or nil.
func (s *Server) Addr(name string) net.Addr {
	for i, l := range s.cfg.Listeners {
		if l.Name == name && i < len(s.listeners) {
			return s.listeners[i].Addr()
		}
	}
	return nil
}

// Serve accepts and serves until ctx ends or [Server.Close] is called; it returns when every connection has ended.
// ctx ending is the hard way: connections are closed at once.
func (s *Server) Serve(ctx context.Context) error {
	serving, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, s.abort)
	defer stop()
	s.startAccepting(serving)
	<-s.closing
	cancel() // handlers that wait for something answer now
	s.running.Wait()
	return ctx.Err()
}

// startAccepting starts nothing once the server closes: Close waits for what runs by then, and for nothing that begins after.
func (s *Server) startAccepting(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosing() {
		return
	}
	for i, l := range s.listeners {
		s.running.Go(func() { s.accept(ctx, s.cfg.Listeners[i].Name, l) })
	}
}

// Drain closes the listeners and reads no further request. Replies that are owed are still written.
func (s *Server) Drain() { s.beginClose() }

// Close drains and waits until the replies that are owed were written, or ctx ends. Handlers see their context end first,
// so that those who wait can answer; who does not by the time ctx ends is given up.
func (s *Server) Close(ctx context.Context) error {
	s.beginClose()
	stop := context.AfterFunc(ctx, s.abort)
	defer stop()
	s.running.Wait()
	return nil
}

// beginClose closes the listeners and wakes every reader.
func (s *Server) beginClose() {
	s.closeOnce.Do(func() {
		close(s.closing)
		for _, l := range s.listeners {
			l.Close()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.freed.Broadcast()
		for c := range s.conns {
			c.net.SetReadDeadline(time.Unix(1, 0))
		}
	})
}

// abort closes everything now.
func (s *Server) abort() {
	s.beginClose()
	s.giveOnce.Do(func() { close(s.giveUp) })
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.net.Close()
	}
}

func (s *Server) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// accept takes connections of one listener until it closes.
func (s *Server) accept(ctx context.Context, name string, l net.Listener) {
	pause := time.Duration(0)
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.admit(ctx, name, nc)
		case s.isClosing() || errors.Is(err, net.ErrClosed):
			return
		default: // out of descriptors, most often: it passes
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Warn("cannot accept a connection", "listener", name, "error", err, "again in", pause)
			select {
			case <-time.After(pause):
			case <-s.closing:
				return
			}
		}
	}
}

// Connections counts those that are open.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}
