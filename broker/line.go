package broker

import (
	"errors"
	"net"
	"sync"
	"time"
)

// line is the dialer to ZooKeeper, with the one thing a crash needs: it can be cut, so that ZooKeeper hears nothing more
// and the session ends by its timeout, not by a goodbye.
type line struct {
	dial func(network, address string, timeout time.Duration) (net.Conn, error)

	mu    sync.Mutex
	cut   bool
	conns map[*lineConn]struct{}
}

type lineConn struct {
	net.Conn
	line *line
}

var errCut = errors.New("the connection to ZooKeeper was cut")

func newLine(dial func(network, address string, timeout time.Duration) (net.Conn, error)) *line {
	return &line{dial: dial, conns: make(map[*lineConn]struct{})}
}

// Dial has the shape that the session client wants.
func (l *line) Dial(network, address string, timeout time.Duration) (net.Conn, error) {
	l.mu.Lock()
	cut := l.cut
	l.mu.Unlock()
	if cut {
		return nil, errCut
	}
	nc, err := l.dial(network, address, timeout)
	if err != nil {
		return nil, err
	}
	c := &lineConn{nc, l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		nc.Close()
		return nil, errCut
	}
	l.conns[c] = struct{}{}
	return c, nil
}

func (c *lineConn) Close() error {
	c.line.mu.Lock()
	delete(c.line.conns, c)
	c.line.mu.Unlock()
	return c.Conn.Close()
}

// Cut ends every connection and refuses new ones.
func (l *line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.conns {
		c.Conn.Close()
	}
	clear(l.conns)
}
