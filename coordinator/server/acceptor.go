package server

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"klab/coordinator/server/tree"
)

// acceptPause is the wait after a failure to accept, such as no free file descriptors.
const acceptPause = 50 * time.Millisecond

// An acceptor owns a server's connections.
type acceptor struct {
	processor *processor
	limit     int // connections an address may have; negative: any number
	log       *slog.Logger
	running   sync.WaitGroup

	mu     sync.Mutex
	conns  map[*conn]struct{}
	count  map[string]int // by host
	closed bool
}

func newAcceptor(p *processor, limit int, log *slog.Logger) *acceptor {
	return &acceptor{processor: p, limit: limit, log: log, conns: map[*conn]struct{}{}, count: map[string]int{}}
}

// start takes connections until the listener is closed.
func (a *acceptor) start(ln net.Listener) {
	a.running.Go(func() {
		for {
			nc, err := ln.Accept()
			switch {
			case err == nil:
				a.admit(nc)
			case errors.Is(err, net.ErrClosed):
				return
			default:
				a.log.Warn("cannot accept a connection", "err", err)
				select {
				case <-a.processor.done:
					return
				case <-time.After(acceptPause):
				}
			}
		}
	})
}

// admit starts a connection's goroutines, or closes it if its address has too many.
func (a *acceptor) admit(nc net.Conn) {
	addr := nc.RemoteAddr().String()
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	c := &conn{nc: nc, addr: addr, host: host, opened: a.processor.clock(), out: newOutbox(nc)}
	if ip, err := netip.ParseAddr(host); err == nil {
		c.identities = []tree.Identity{{Scheme: tree.SchemeIP, ID: ip.Unmap().WithZone("").String()}}
	}
	if !a.enter(c) {
		nc.Close()
		return
	}
	a.running.Go(func() { c.read(a.processor) })
	a.running.Go(func() {
		c.out.drain()
		a.leave(c)
	})
}

func (a *acceptor) enter(c *conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	if a.limit >= 0 && a.count[c.host] >= a.limit {
		a.processor.refuse(c.host, "refusing a connection: its address has too many; raise maxClientCnxns", "host", c.host, "limit", a.limit)
		return false
	}
	a.conns[c] = struct{}{}
	a.count[c.host]++
	return true
}

func (a *acceptor) leave(c *conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.conns, c)
	if a.count[c.host]--; a.count[c.host] == 0 {
		delete(a.count, c.host)
	}
}

// close ends every connection once it has sent what is in its outbox, and returns when all have ended.
func (a *acceptor) close() {
	a.mu.Lock()
	a.closed = true
	for c := range a.conns {
		c.out.close()
	}
	a.mu.Unlock()
	a.running.Wait()
}
