package server

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestHandshakeBytes pins the bytes of a client that does not send the readOnly flag.
func TestHandshakeBytes(t *testing.T) {
	w := dialWire(t, startDefault(t).addr)
	hello, _ := hex.DecodeString("0000002c" + "00000000" + "0000000000000000" + "00000fa0" + "0000000000000000" + "00000010" + strings.Repeat("00", 16))
	w.Write(hello)
	b := w.next()
	if len(b) != 36 || !bytes.Equal(b[:8], []byte{0, 0, 0, 0, 0, 0, 0x0f, 0xa0}) || !bytes.Equal(b[16:20], []byte{0, 0, 0, 16}) {
		t.Fatalf("ConnectResponse %x", b)
	}
	if id := b[8:16]; id[0] != 0 || bytes.Equal(id, make([]byte, 8)) {
		t.Fatalf("session id %x", id)
	}
}

func TestTimeoutIsClamped(t *testing.T) {
	cfg := testConfig(t)
	cfg.MinSessionTimeout = 0
	r := start(t, cfg, Options{})
	for asked, want := range map[time.Duration]int32{1: 2000, 5 * time.Second: 5000, time.Hour: 20000} {
		if got := r.wire(asked).timeout; got != want {
			t.Errorf("asked %v, got %d ms, want %d", asked, got, want)
		}
	}
}

func TestResume(t *testing.T) {
	r := startDefault(t)
	w := r.wire(5 * time.Second)
	w.ok(opCreate, createBody("/e", nil, 1)...)

	again := dialWire(t, r.addr)
	again.hello(3*time.Second, 0, w.session, w.password)
	if again.session != w.session || again.timeout != 3000 || !bytes.Equal(again.password, w.password) {
		t.Fatalf("resumed %x as %x with %d ms", w.session, again.session, again.timeout)
	}
	w.closed() // the older connection of a session loses
	if owner := readStat(again.ok(opExists, watchBody("/e")...)).EphemeralOwner; owner != w.session {
		t.Fatalf("owner %x", owner)
	}

	for name, password := range map[string][]byte{"wrong": make([]byte, 16), "none": nil} {
		thief := dialWire(t, r.addr)
		thief.hello(3*time.Second, 0, w.session, password)
		if thief.session != 0 || thief.timeout != 0 || !bytes.Equal(thief.password, make([]byte, 16)) {
			t.Errorf("%s password: session %x, timeout %d", name, thief.session, thief.timeout)
		}
		thief.closed()
	}
	again.ok(opPing) // the attempts did no harm
}

func TestClientFromTheFutureIsTurnedAway(t *testing.T) {
	w := dialWire(t, startDefault(t).addr)
	body := append(make([]byte, 4), 0, 0, 0, 0, 0, 0, 0, 99)
	w.frame(append(body, make([]byte, 16)...))
	w.closed()
}

func TestCloseSession(t *testing.T) {
	r := startDefault(t)
	w, other := r.wire(5*time.Second), r.wire(5*time.Second)
	w.ok(opCreate, createBody("/b", nil, 1)...)
	w.ok(opCreate, createBody("/a", nil, 1)...)
	other.ok(opExists, watchBody("/a")...)
	if got := w.ask(opCloseSession); got.err != 0 {
		t.Fatalf("error %d", got.err)
	}
	w.closed()
	if kind, path := other.event(); kind != 2 || path != "/a" {
		t.Fatalf("event %d %s", kind, path)
	}
	f := r.fact("session.closed")
	if f.Session != w.session || !slices.Equal(f.Ephemerals, []string{"/a", "/b"}) || f.Timeout != 5*time.Second {
		t.Fatalf("fact %+v", f)
	}
	late := dialWire(t, r.addr)
	late.hello(5*time.Second, 0, w.session, w.password)
	if late.session != 0 {
		t.Fatal("a closed session was resumed")
	}
}

// pipeListener accepts in-memory connections, so that a server can run in fake time.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{make(chan net.Conn), make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	select {
	case <-l.done:
	default:
		close(l.done)
	}
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (l *pipeListener) dial(t testing.TB) *wire {
	a, b := net.Pipe()
	l.conns <- b
	return newWire(t, a)
}

// inFakeTime runs a server and a test in a bubble.
func inFakeTime(t *testing.T, opt Options, test func(*testing.T, *running, *pipeListener)) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		opt.Listen = func(string, string) (net.Listener, error) { return l, nil }
		r := start(t, testConfig(t), opt)
		test(t, r, l)
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
}

func pass(d time.Duration) { <-time.After(d) }

// TestExpiryIsPunctual: not a tick, but the timeout after the last sign of life.
func TestExpiryIsPunctual(t *testing.T) {
	inFakeTime(t, Options{}, func(t *testing.T, r *running, l *pipeListener) {
		w := l.dial(t)
		w.hello(2*time.Second, 0, 0, nil)
		w.ok(opCreate, createBody("/e", nil, 1)...)
		for range 10 {
			pass(1900 * time.Millisecond)
			w.ok(opPing)
		}
		last := time.Now()
		pass(1999 * time.Millisecond)
		synctest.Wait()
		if n := len(r.facts); n != 1 {
			t.Fatalf("%d facts before the timeout", n)
		}
		r.fact("session.opened")
		f := r.fact("session.expired")
		if late := f.Time.Sub(last) - 2*time.Second; late < 0 || late > 30*time.Millisecond {
			t.Errorf("expired %v after its timeout", late)
		}
		if !slices.Equal(f.Ephemerals, []string{"/e"}) {
			t.Errorf("ephemerals %v", f.Ephemerals)
		}
		w.closed()
	})
}

// TestDisconnectionKeepsTheSession until its timeout.
func TestDisconnectionKeepsTheSession(t *testing.T) {
	inFakeTime(t, Options{}, func(t *testing.T, r *running, l *pipeListener) {
		w := l.dial(t)
		w.hello(2*time.Second, 0, 0, nil)
		w.Close()
		pass(1500 * time.Millisecond)
		again := l.dial(t)
		again.hello(2*time.Second, 0, w.session, w.password)
		if again.session != w.session {
			t.Fatal("the session went with its connection")
		}
		again.Close()
		pass(2100 * time.Millisecond)
		again = l.dial(t)
		again.hello(2*time.Second, 0, w.session, w.password)
		if again.session != 0 {
			t.Fatal("an expired session was resumed")
		}
	})
}

// TestStallForgives: if the process itself stood still, clients had no chance to be heard.
func TestStallForgives(t *testing.T) {
	var skew atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }
	inFakeTime(t, Options{Clock: clock}, func(t *testing.T, r *running, l *pipeListener) {
		w := l.dial(t)
		w.hello(2*time.Second, 0, 0, nil)
		pass(time.Second)
		skew.Store(int64(time.Minute))
		pass(1500 * time.Millisecond)
		w.ok(opPing)
		if len(r.facts) != 1 {
			t.Fatal("the session expired while the server could not hear it")
		}
		before := clock()
		r.fact("session.opened")
		if late := r.fact("session.expired").Time.Sub(before); late != 2*time.Second {
			t.Errorf("after the stall it expired in %v", late)
		}
	})
}

// TestSilentConnectionsAreDropped: ten seconds for the handshake.
func TestSilentConnectionsAreDropped(t *testing.T) {
	inFakeTime(t, Options{}, func(t *testing.T, r *running, l *pipeListener) {
		w := l.dial(t)
		began := time.Now()
		w.SetReadDeadline(time.Time{})
		if _, err := w.Read(make([]byte, 1)); err == nil || time.Since(began) != handshakeTime {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
	})
}

// TestStuckClientsDoNotHoldUpTheEnd: one that never reads has half a second.
func TestStuckClientsDoNotHoldUpTheEnd(t *testing.T) {
	inFakeTime(t, Options{}, func(t *testing.T, r *running, l *pipeListener) {
		w := l.dial(t)
		w.hello(2*time.Second, 0, 0, nil)
		w.send(opPing)
		synctest.Wait() // its answer is on the way and nobody takes it
		began := time.Now()
		if err := r.stop(); err != nil || time.Since(began) != lastWrites {
			t.Errorf("ended after %v: %v", time.Since(began), err)
		}
	})
}

func TestContainersAreReapedInTime(t *testing.T) {
	inFakeTime(t, Options{}, func(t *testing.T, r *running, l *pipeListener) {
		w := l.dial(t)
		w.hello(20*time.Second, 0, 0, nil)
		w.ok(opCreateContainer, createBody("/c", nil, 4)...)
		w.ok(opCreate, createBody("/c/x", nil, 0)...)
		w.ok(opDelete, versionBody("/c/x", -1)...)
		for range 7 {
			w.ok(opExists, append(pathBody("/c"), 0)...)
			pass(8 * time.Second)
		}
		w.ok(opExists, watchBody("/c")...)
		pass(5 * time.Second)
		if kind, path := w.event(); kind != 2 || path != "/c" {
			t.Fatalf("event %d %s", kind, path)
		}
	})
}

// TestRestart: a clean end closes no session, and each has its full timeout after the next start.
func TestRestart(t *testing.T) {
	r := startDefault(t)
	w := r.wire(3 * time.Second)
	w.ok(opCreate, createBody("/e", []byte("here"), 1)...)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	w.closed()
	again := start(t, r.cfg, Options{})
	resumed := dialWire(t, again.addr)
	resumed.hello(3*time.Second, 2, w.session, w.password)
	if resumed.session != w.session {
		t.Fatal("the session did not survive the restart")
	}
	body := resumed.ok(opGetData, watchBody("/e")...)
	if data := body.Buffer(); string(data) != "here" {
		t.Fatalf("data %q", data)
	}
	fresh := dialWire(t, again.addr)
	fresh.hello(3*time.Second, 0, 0, nil)
	if fresh.session <= w.session {
		t.Fatalf("session id %x after %x", fresh.session, w.session)
	}
}

func TestExpiryAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig(t)
		var id int64
		for life := range 2 {
			l := newPipeListener()
			r := start(t, cfg, Options{Listen: func(string, string) (net.Listener, error) { return l, nil }})
			if life == 0 {
				w := l.dial(t)
				w.hello(2*time.Second, 0, 0, nil)
				id = w.session
				pass(1900 * time.Millisecond)
			} else {
				began := time.Now()
				f := r.fact("session.expired")
				if f.Session != id || f.Time.Sub(began) != 2*time.Second {
					t.Fatalf("session %x expired %v after the start", f.Session, f.Time.Sub(began))
				}
			}
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestSessionTableMatchesModel compares the lazy queue with looking at every session every time.
func TestSessionTableMatchesModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := newSessionTable([]byte("secret"), 0, time.UnixMilli(1_700_000_000_000))
		now := time.Duration(0)
		deadlines := map[int64]time.Duration{}
		pick := func(t *rapid.T) *session { // nil if there is none
			ids := append([]int64{0}, slices.Sorted(maps.Keys(deadlines))...)
			return table.byID[ids[rapid.IntRange(min(1, len(ids)-1), len(ids)-1).Draw(t, "session")]]
		}
		timeout := rapid.Custom(func(t *rapid.T) time.Duration { return time.Duration(rapid.IntRange(1, 50).Draw(t, "timeout")) })
		t.Repeat(map[string]func(*rapid.T){
			"open": func(t *rapid.T) {
				s := table.add(table.nextID(), timeout.Draw(t, "timeout"), now)
				deadlines[s.id] = now + s.timeout
			},
			"hear": func(t *rapid.T) {
				if s := pick(t); s != nil {
					s.heard.Store(int64(now))
					deadlines[s.id] = now + s.timeout
				}
			},
			"renew": func(t *rapid.T) {
				if s := pick(t); s != nil {
					table.renew(s, timeout.Draw(t, "timeout"), now)
					deadlines[s.id] = now + s.timeout
				}
			},
			"close": func(t *rapid.T) {
				if s := pick(t); s != nil {
					table.remove(s)
					delete(deadlines, s.id)
				}
			},
			"pass": func(t *rapid.T) {
				now += time.Duration(rapid.IntRange(0, 30).Draw(t, "time"))
				for _, s := range table.expired(now) {
					if deadlines[s.id] > now {
						t.Fatalf("session %d expires %v early", s.id, deadlines[s.id]-now)
					}
					table.remove(s)
					delete(deadlines, s.id)
				}
				for id, deadline := range deadlines {
					if deadline <= now {
						t.Fatalf("session %d is %v overdue", id, now-deadline)
					}
				}
			},
			"": func(t *rapid.T) {
				due, ok := table.next()
				if ok != (len(deadlines) > 0) {
					t.Fatalf("next %v with %d sessions", ok, len(deadlines))
				}
				for id, deadline := range deadlines {
					if due > deadline {
						t.Fatalf("would look at %v, but session %d is due at %v", due, id, deadline)
					}
				}
			},
		})
	})
}

func TestSessionIDs(t *testing.T) {
	table := newSessionTable([]byte("secret"), 0, time.UnixMilli(0x0123456789))
	if id := table.nextID(); fmt.Sprintf("%016x", id) != "0001234567890001" {
		t.Errorf("id %016x", id)
	}
	table = newSessionTable([]byte("secret"), 1<<55, time.UnixMilli(1))
	if id := table.nextID(); id != 1<<55+1 {
		t.Errorf("id %x: must be above every earlier one, whatever the clock says", id)
	}
	other := newSessionTable([]byte("other"), 0, time.UnixMilli(1))
	if bytes.Equal(table.password(5), other.password(5)) || bytes.Equal(table.password(5), table.password(6)) {
		t.Error("passwords must depend on the secret and on the session")
	}
}

// TestCancelledBeforeServe ends at once and cleanly.
func TestCancelledBeforeServe(t *testing.T) {
	s, err := Open(testConfig(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Serve(ctx); err != nil {
		t.Fatal(err)
	}
}
