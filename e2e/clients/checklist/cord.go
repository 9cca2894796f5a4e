package checklist

import (
	"context"
	"errors"
	"net"
	"sync"
)

// Cord dials for a client until it is cut, which closes all its sockets as the death of its process would.
type Cord struct {
	mu    sync.Mutex
	conns []net.Conn
	gone  bool
}

var errCut = errors.New("the cord is cut")

func (c *Cord) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		conn.Close()
		return nil, errCut
	}
	c.conns = append(c.conns, conn)
	return conn, nil
}

func (c *Cord) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	for _, conn := range c.conns {
		conn.Close()
	}
}
