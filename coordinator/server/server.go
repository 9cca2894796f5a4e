package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"klab/coordinator/server/tree"
	"klab/coordinator/server/txnlog"
)

// Options are the seams of a Server. Every zero field has a default.
type Options struct {
	Log    *slog.Logger                                     // nothing is logged
	Listen func(network, addr string) (net.Listener, error) // net.Listen
	Clock  func() time.Time                                 // time.Now; stamps nodes and measures sessions
	FS     txnlog.FS                                        // the operating system's
	// Observe is told of each session that was opened, closed or expired, after that is on disk. It must not block.
	Observe func(Fact)
}

// A Fact is something that happened to a session.
type Fact struct {
	Time       time.Time
	Kind       string // "session.opened", "session.expired" or "session.closed"
	Session    int64
	Timeout    time.Duration
	Ephemerals []string // paths that an expiry or a close removed, sorted
}

// A Server is one standalone ZooKeeper server.
type Server struct {
	cfg       Config
	opt       Options
	processor *processor
	listener  net.Listener
}

// Open recovers the data directory, making it if it is not there, and locks it. The server must be Served or Closed.
func Open(cfg Config, opt Options) (*Server, error) {
	if cfg.DataDir == "" {
		return nil, errors.New("cannot open server: dataDir is missing")
	}
	cfg = cfg.withDefaults()
	opt = opt.withDefaults()
	store, t, err := txnlog.Open(cfg.DataDir, cfg.DataLogDir, txnlog.Options{
		FS: opt.FS, Log: opt.Log, Retain: cfg.SnapRetain, NoSync: !*cfg.ForceSync,
		Tree: tree.Options{ExtendedTypes: cfg.ExtendedTypes, EnforceQuota: cfg.EnforceQuota, SkipACL: cfg.SkipACL},
	})
	if err != nil {
		return nil, fmt.Errorf("cannot open server: %w", err)
	}
	secret, err := store.Secret()
	if err != nil {
		return nil, fmt.Errorf("cannot open server: %w", errors.Join(err, store.Close()))
	}
	return &Server{cfg: cfg, opt: opt, processor: newProcessor(cfg, opt, t, store, secret)}, nil
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Listen == nil {
		o.Listen = net.Listen
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.FS == nil {
		o.FS = txnlog.OS{}
	}
	if o.Observe == nil {
		o.Observe = func(Fact) {}
	}
	return o
}

// Listen binds the client port and returns its address. Connections wait until Serve.
func (s *Server) Listen() (net.Addr, error) {
	if s.listener == nil {
		addr := net.JoinHostPort(s.cfg.ClientPortAddress, strconv.Itoa(s.cfg.ClientPort))
		ln, err := s.opt.Listen("tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("cannot listen for ZooKeeper clients: %w", err)
		}
		s.listener = ln
	}
	return s.listener.Addr(), nil
}

// Serve answers clients, listening first if Listen was not called, until ctx ends; then it finishes what it has read,
// writes a snapshot and returns nil. Sessions stay open for the next start. An error means that the port could not be
// bound or the log could not be written. Serve may be called once.
func (s *Server) Serve(ctx context.Context) error {
	if _, err := s.Listen(); err != nil {
		return errors.Join(err, s.processor.store.Close())
	}
	a := newAcceptor(s.processor, s.cfg.MaxClientCnxns, s.opt.Log)
	a.start(s.listener)
	err := s.processor.run(ctx.Done())
	s.listener.Close()
	a.close()
	return errors.Join(err, s.processor.close())
}

// Close releases a server that was opened but is not to be served.
func (s *Server) Close() error {
	if s.listener != nil {
		s.listener.Close()
	}
	return s.processor.store.Close()
}
