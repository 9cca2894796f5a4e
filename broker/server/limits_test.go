package server

import (
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// works sends a request and waits for the reply.
func (c *client) works() {
	c.t.Helper()
	c.send(metadataFor("x", 9), 1)
	c.expect(metadataFor("x", 9), 1)
}

func TestConnectionsPerIP(t *testing.T) {
	for _, tt := range []struct {
		limit int
		of    string // the address with that limit
	}{
		{2, "127.0.0.1"}, {2, "::ffff:127.0.0.1"}, {0, "127.0.0.1"},
	} {
		limits := NoLimits()
		limits.MaxPerIPOf = map[netip.Addr]int{netip.MustParseAddr(tt.of).Unmap(): tt.limit}
		s, addr := serve(t, Config{Table: echoTable(), Limits: limits})
		for range tt.limit {
			dial(t, addr).works()
		}
		dial(t, addr).expectClosed()
		if n := s.Connections(); n != tt.limit {
			t.Errorf("%d connections from %s, want %d", n, tt.of, tt.limit)
		}
	}
}

func TestNobodyIsLetInAtZero(t *testing.T) {
	limits := NoLimits()
	limits.MaxPerIP = 0
	_, addr := serve(t, Config{Table: echoTable(), Limits: limits})
	dial(t, addr).expectClosed()
}

func TestMaxConnectionsLetsTheNextOneWait(t *testing.T) {
	limits := NoLimits()
	limits.MaxConnections = 1
	_, addr := serve(t, Config{Table: echoTable(), Limits: limits})
	first := dial(t, addr)
	first.send(metadataFor("x", 9), 1)
	first.expect(metadataFor("x", 9), 1)
	second := dial(t, addr)
	second.send(metadataFor("y", 9), 2)
	first.send(metadataFor("x", 9), 3)
	first.expect(metadataFor("x", 9), 3)
	first.Close()
	second.expect(metadataFor("y", 9), 2)
}

// twoListeners serves at CLIENTS and BROKERS, in memory and fake time.
func twoListeners(t *testing.T, limits *Limits) (s *Server, clients, brokers *pipeListener) {
	t.Helper()
	clients, brokers = newPipeListener(), newPipeListener()
	s = New(Config{
		Listeners: []Listener{{Name: "CLIENTS", Address: "clients"}, {Name: "BROKERS", Address: "brokers"}},
		Table:     echoTable(),
		Limits:    limits,
		Listen: func(_, address string) (net.Listener, error) {
			return map[string]net.Listener{"clients": clients, "brokers": brokers}[address], nil
		},
	})
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	go s.Serve(t.Context())
	return s, clients, brokers
}

// TestBrokersAreNotHeldUp by clients that take all connections: one that was not used for long gives way.
func TestBrokersAreNotHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := NoLimits()
		limits.MaxConnections, limits.InterBroker = 2, "BROKERS"
		s, clients, brokers := twoListeners(t, limits)
		defer s.Close(t.Context())
		var c [2]*client
		for i := range c {
			c[i] = clients.dial(t)
			c[i].works()
			time.Sleep(time.Second)
		}
		c[0].works() // used last, though it came first
		late := clients.dial(t)
		broker := brokers.dial(t)
		broker.works()
		c[1].expectClosed()
		c[0].works()
		c[0].Close()
		synctest.Wait()
		c[0] = late // has waited all the while
		c[0].works()
		if n := s.Connections(); n != 2 {
			t.Errorf("%d connections, want 2", n)
		}
		s.SetLimits(Limits{MaxConnections: 1, MaxCreationRate: 1, MaxPerIP: 5, InterBroker: "BROKERS", RateWindow: time.Second, RateWindows: 2})
		late.expectClosed()
		broker.works()
	})
}

// TestListenersHaveTheirOwnLimits beside those of all.
func TestListenersHaveTheirOwnLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := NoLimits()
		limits.Of = map[string]ListenerLimits{"CLIENTS": {MaxConnections: 1, MaxCreationRate: 1000}}
		s, clients, brokers := twoListeners(t, limits)
		defer s.Close(t.Context())
		first := clients.dial(t)
		first.works()
		second := clients.dial(t)
		brokers.dial(t).works()
		synctest.Wait()
		if n := s.Connections(); n != 2 {
			t.Errorf("%d connections, want 2", n)
		}
		first.Close()
		second.works()
	})
}

// TestConnectionsComeNoFaster than max.connection.creation.rate, once the windows are full.
func TestConnectionsComeNoFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := NoLimits()
		limits.MaxCreationRate, limits.RateWindows = 5, 3 // ten at once, being five a second of two seconds
		s, clients, _ := twoListeners(t, limits)
		defer s.Close(t.Context())
		start := time.Now()
		for i := range 20 {
			clients.dial(t).works()
			if took := time.Since(start); i < 10 && took > 0 {
				t.Fatalf("connection %d waited, %v after the first", i, took)
			}
		}
		if took := time.Since(start); took < 1500*time.Millisecond || took > 5*time.Second {
			t.Errorf("20 connections took %v", took)
		}
	})
}

// sizedConn notes what its buffers were told to be.
type sizedConn struct {
	net.Conn
	read, write int
}

func (c *sizedConn) SetReadBuffer(n int) error  { c.read = n; return nil }
func (c *sizedConn) SetWriteBuffer(n int) error { c.write = n; return nil }

func TestSocketBuffers(t *testing.T) {
	for _, tt := range []struct{ receive, send int }{{0, 0}, {4000, 0}, {0, 5000}} {
		var c sizedConn
		New(Config{ReceiveBuffer: tt.receive, SendBuffer: tt.send}).sizeBuffers(&c)
		if c.read != tt.receive || c.write != tt.send {
			t.Errorf("buffers of %d and %d, want %d and %d", c.read, c.write, tt.receive, tt.send)
		}
	}
}
