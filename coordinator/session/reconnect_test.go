package session

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zookeeper/zk"
)

// deafConn loses the setWatches that are written to it while lose is set.
type deafConn struct {
	net.Conn
	lose *atomic.Bool
}

func (c deafConn) Write(p []byte) (int, error) {
	if len(p) >= 12 && binary.BigEndian.Uint32(p[8:]) == opSetWatches && c.lose.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// A watch misses its change while the line is cut. On the next connection another
// request is answered, but setWatches is not served before the line breaks again:
// the connection after that must still ask for changes since the first one.
func TestAWatchSurvivesALineThatBreaksBeforeSetWatches(t *testing.T) {
	k, ctx := newKeeper(t, nil), t.Context()
	var l line
	var lose atomic.Bool
	c, err := Open(ctx, Config{Connect: k.addr, SessionTimeout: 20 * time.Second, Dial: func(network, addr string, timeout time.Duration) (net.Conn, error) {
		conn, err := l.dial(network, addr, timeout)
		return deafConn{conn, &lose}, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	other := open(t, k.addr, &line{})
	must[string](t)(other.Create(ctx, "/n", nil, 0))
	must[string](t)(other.Create(ctx, "/mine", nil, 0))
	watch := must[<-chan zk.Event](t)(watchOf(c, "/n"))
	l.cut()
	must[*Stat](t)(other.Set(ctx, "/n", []byte("x"), AnyVersion))
	lose.Store(true)
	l.mend()
	must[*Stat](t)(c.Set(ctx, "/mine", nil, AnyVersion))
	l.cut()
	lose.Store(false)
	l.mend()
	select {
	case ev := <-watch:
		if ev.Type != zk.EventNodeDataChanged {
			t.Errorf("the watch fired %+v", ev)
		}
	case <-time.After(5 * time.Second):
		t.Error("the change went unheard")
	}
}

// Reconnecting is immediate after a connection that was good, and paced after
// one that the server accepted and closed.
func TestPausesBetweenDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := func(string, string, time.Duration) (net.Conn, error) {
			conn, end := net.Pipe()
			end.Close()
			return conn, nil
		}
		in := &incarnation{client: &Client{cfg: Config{Dial: dial}, servers: []string{"a", "b"}}, over: make(chan struct{}), connected: newGate()}
		redial := func() time.Duration {
			start := time.Now()
			if _, err := in.dial("tcp", "a", time.Second); err != nil {
				t.Fatal(err)
			}
			return time.Since(start)
		}
		for range 2 {
			if a, b := redial(), redial(); a != 0 || b != 0 {
				t.Errorf("paused %v and %v before the first round over the servers", a, b)
			}
			if a, b := redial(), redial(); a != 2*time.Millisecond || b != 0 {
				t.Errorf("paused %v and %v in the second round", a, b)
			}
			for range 1000 {
				redial()
			}
			if a, b := redial(), redial(); a != 100*time.Millisecond || b != 0 {
				t.Errorf("paused %v and %v after many rounds", a, b)
			}
			in.Connected()
		}
		redial()
		redial()
		in.end(ErrClosed)
		if _, err := in.dial("tcp", "a", time.Second); !errors.Is(err, ErrClosed) {
			t.Errorf("dialled for a session that is over: %v", err)
		}
	})
}

// A server that accepts and says nothing, such as one that was stopped, costs its
// share of the session timeout.
func TestASilentServerIsGivenUp(t *testing.T) {
	k := newKeeper(t, nil)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	c, err := Open(ctx, Config{Connect: silent.Addr().String() + "," + k.addr, SessionTimeout: 1500 * time.Millisecond, ConnectionTimeout: 8 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestTheHandshakesDeadline(t *testing.T) {
	now := time.Now()
	var w deadlines
	c := newZxidConn(&w, &heard{}, now)
	c.SetReadDeadline(now.Add(time.Hour))
	c.SetReadDeadline(time.Time{})
	c.SetReadDeadline(now.Add(-time.Second))
	c.welcomed = true
	c.SetReadDeadline(now.Add(time.Hour))
	c.SetReadDeadline(time.Time{})
	want := []time.Time{now, now, now.Add(-time.Second), now.Add(time.Hour), {}}
	for i, at := range w.set {
		if !at.Equal(want[i]) {
			t.Errorf("deadline %d is %v, want %v", i, at, want[i])
		}
	}
}

// deadlines is a net.Conn that notes them.
type deadlines struct {
	net.Conn
	set []time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	d.set = append(d.set, at)
	return nil
}

// The largest request is answered; a larger one is refused at once, and costs the
// session nothing.
func TestTooLongRequestsAreRefused(t *testing.T) {
	k, ctx := newKeeper(t, nil), t.Context()
	var dials atomic.Int32
	c, err := Open(ctx, Config{Connect: k.addr, SessionTimeout: 20 * time.Second, Dial: func(network, addr string, timeout time.Duration) (net.Conn, error) {
		dials.Add(1)
		return net.DialTimeout(network, addr, timeout)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	must[string](t)(c.Create(ctx, "/n", nil, 0))
	const around = 8 + 4 + len("/n") + 4 + 4 // header, path, data's length, version
	for extra, write := range map[int]func([]byte) error{
		around: func(data []byte) error { _, err := c.Set(ctx, "/n", data, AnyVersion); return err },
		around + 27: func(data []byte) error {
			_, err := c.Create(ctx, "/m", data, 0)
			return err
		},
		around + 9 + 9: func(data []byte) error {
			_, err := c.Multi(ctx, &zk.SetDataRequest{Path: "/n", Data: data, Version: AnyVersion})
			return err
		},
		around + 27 + 9 + 9: func(data []byte) error {
			_, err := c.Multi(ctx, &zk.CreateRequest{Path: "/o", Data: data})
			return err
		},
	} {
		if err := write(make([]byte, maxRequest-extra+1)); !errors.Is(err, ErrTooLong) {
			t.Errorf("%d bytes more than are allowed: %v", 1, err)
		}
		if err := write(make([]byte, maxRequest-extra)); err != nil {
			t.Errorf("as many as are allowed: %v", err)
		}
	}
	for _, err := range []error{
		func() error { _, _, err := c.Get(ctx, "/"+string(make([]byte, maxRequest))); return err }(),
		c.Delete(ctx, "/"+string(make([]byte, maxRequest)), 0),
	} {
		if !errors.Is(err, ErrTooLong) {
			t.Errorf("a path too long: %v", err)
		}
	}
	if dials.Load() != 1 {
		t.Errorf("%d connections were made", dials.Load())
	}
}
