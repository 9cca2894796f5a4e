package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"time"
)

// Limits are how many connections a server takes, and how fast (Kafka's ConnectionQuotas). Zero lets nobody in: see [NoLimits].
//
// At a limit of connections in all, or of a listener, the listener's next one waits; beyond the limit of an address one is closed.
// When there are several listeners, that of the brokers among themselves is not held up by the limits of all: for each of its
// connections beyond MaxConnections the least recently used one of another listener ends.
type Limits struct {
	MaxConnections  int                       // max.connections
	MaxCreationRate int                       // max.connection.creation.rate, a second
	MaxPerIP        int                       // max.connections.per.ip
	MaxPerIPOf      map[netip.Addr]int        // max.connections.per.ip.overrides, by unmapped address
	Of              map[string]ListenerLimits // by listener; one that is not there has those of all
	InterBroker     string                    // the listener of the brokers among themselves

	RateWindow  time.Duration // quota.window.size.seconds
	RateWindows int           // quota.window.num
}

// ListenerLimits are those of one listener: listener.name.<listener>.max.connections and so on.
type ListenerLimits struct {
	MaxConnections  int
	MaxCreationRate int
}

// NoLimits are Kafka's defaults.
func NoLimits() *Limits {
	const most = math.MaxInt32
	return &Limits{MaxConnections: most, MaxCreationRate: most, MaxPerIP: most, RateWindow: time.Second, RateWindows: 11}
}

func (l *Limits) of(listener string) ListenerLimits {
	if own, ok := l.Of[listener]; ok {
		return own
	}
	return ListenerLimits{MaxConnections: l.MaxConnections, MaxCreationRate: l.MaxCreationRate}
}

func (l *Limits) ofIP(a netip.Addr) int {
	if own, ok := l.MaxPerIPOf[a]; ok {
		return own
	}
	return l.MaxPerIP
}

// counts are the open connections.
type counts struct {
	perIP       map[netip.Addr]int
	perListener map[string]int
}

func (n *counts) add(c *conn, by int) {
	n.perListener[c.listener] += by
	if n.perIP[c.remoteIP] += by; n.perIP[c.remoteIP] == 0 {
		delete(n.perIP, c.remoteIP)
	}
}

// SetLimits changes the limits. Beyond the new ones the least recently used connections end; those of an address stay.
func (s *Server) SetLimits(l Limits) {
	s.mu.Lock()
	s.limits = l
	excess := s.takeExcess()
	s.freed.Broadcast()
	s.mu.Unlock()
	s.endExcess(excess)
}

// isProtected reports whether a listener is the brokers' own among others. The caller holds mu, here and below, unless it says
// otherwise.
func (s *Server) isProtected(listener string) bool {
	return listener == s.limits.InterBroker && len(s.cfg.Listeners) > 1
}

func (s *Server) hasRoom(listener string) bool {
	if s.open.perListener[listener] >= s.limits.of(listener).MaxConnections {
		return false
	}
	return s.isProtected(listener) || len(s.conns) < s.limits.MaxConnections
}

// takeExcess counts out the least recently used connections beyond the limit of all, but none of the brokers among themselves.
func (s *Server) takeExcess() (excess []*conn) {
	for len(s.conns) > s.limits.MaxConnections {
		oldest := s.leastRecentlyUsed()
		if oldest == nil {
			break
		}
		s.forget(oldest)
		excess = append(excess, oldest)
	}
	return excess
}

func (s *Server) leastRecentlyUsed() (oldest *conn) {
	for c := range s.conns {
		if !s.isProtected(c.listener) && (oldest == nil || c.lastUsed.Load() < oldest.lastUsed.Load()) {
			oldest = c
		}
	}
	return oldest
}

// endExcess ends what takeExcess took. The caller does not hold mu.
func (s *Server) endExcess(excess []*conn) {
	for _, c := range excess {
		c.net.Close()
		s.log.Info("closed a connection", "remote", c.net.RemoteAddr(), "listener", c.listener,
			"reason", "there are more than max.connections, and this one was used least recently")
	}
}

// forget counts a connection out, once.
func (s *Server) forget(c *conn) {
	if _, counted := s.conns[c]; counted {
		delete(s.conns, c)
		s.open.add(c, -1)
		s.freed.Broadcast()
	}
}

// admit starts serving a connection once there is room for it, or closes it.
func (s *Server) admit(ctx context.Context, name string, nc net.Conn) {
	c := &conn{srv: s, net: nc, listener: name, principal: "User:ANONYMOUS", remoteIP: ipOf(nc.RemoteAddr())}
	if err := s.enter(c); err != nil {
		nc.Close()
		if !errors.Is(err, net.ErrClosed) {
			s.log.Info("refused a connection", "remote", nc.RemoteAddr(), "listener", name, "reason", err)
		}
		return
	}
	s.sizeBuffers(nc)
	s.running.Go(func() {
		defer s.leave(c)
		c.serve(ctx)
	})
}

// enter counts a connection in, waiting while there is no room at its listener or connections come too fast.
func (s *Server) enter(c *conn) error {
	if !s.slowDown(c.listener) {
		return net.ErrClosed
	}
	excess, err := s.countIn(c)
	s.endExcess(excess)
	return err
}

func (s *Server) countIn(c *conn) (excess []*conn, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.hasRoom(c.listener) && !s.isClosing() {
		s.freed.Wait()
	}
	if s.isClosing() {
		return nil, net.ErrClosed
	}
	if n, limit := s.open.perIP[c.remoteIP], s.limits.ofIP(c.remoteIP); n >= limit {
		return nil, fmt.Errorf("%s has %d connections, and max.connections.per.ip allows it %d", c.remoteIP, n, limit)
	}
	c.lastUsed.Store(time.Now().UnixNano())
	s.conns[c] = struct{}{}
	s.open.add(c, 1)
	return s.takeExcess(), nil
}

// slowDown waits as long as a connection has come too early; false if the server closes meanwhile.
func (s *Server) slowDown(listener string) bool {
	s.mu.Lock()
	wait := s.rates.count(&s.limits, listener, s.isProtected(listener), time.Now())
	s.mu.Unlock()
	if wait <= 0 {
		return true
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	select {
	case <-over.C:
		return true
	case <-s.closing:
		return false
	}
}

func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(c)
}

// sizeBuffers gives a connection socket buffers of the configured sizes. What the operating system makes of them is its affair.
func (s *Server) sizeBuffers(nc net.Conn) {
	sized, ok := nc.(interface {
		SetReadBuffer(bytes int) error
		SetWriteBuffer(bytes int) error
	})
	if !ok {
		return
	}
	if s.cfg.SendBuffer > 0 {
		sized.SetWriteBuffer(s.cfg.SendBuffer)
	}
	if s.cfg.ReceiveBuffer > 0 {
		sized.SetReadBuffer(s.cfg.ReceiveBuffer)
	}
}

// ipOf is the address of the other side, written one way; the zero Addr if it has none.
func ipOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("")
}
