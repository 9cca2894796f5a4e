package server

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"go.uber.org/goleak"

	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

func TestMain(m *testing.M) {
	if runAsServer() {
		return
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// A running is a server under test.
type running struct {
	testing.TB
	addr  string
	cfg   Config
	stop  func() error // ends it cleanly and returns what Serve returned
	facts chan Fact
}

func testConfig(t testing.TB) Config {
	return Config{DataDir: t.TempDir(), ClientPortAddress: "127.0.0.1", TickTime: time.Second,
		MinSessionTimeout: 100 * time.Millisecond, FourLetterWords: []string{"*"}, ForceSync: new(false)}
}

// start runs a server until the test ends, or until stop.
func start(t testing.TB, cfg Config, opt Options) *running {
	t.Helper()
	r := &running{TB: t, cfg: cfg, facts: make(chan Fact, 1000)}
	opt.Observe = func(f Fact) { r.facts <- f }
	s, err := Open(cfg, opt)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	r.addr = addr.String()
	if tcp, ok := addr.(*net.TCPAddr); ok {
		r.cfg.ClientPort = tcp.Port // so that a restart finds its clients
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-served
	})
	t.Cleanup(func() { r.stop() })
	return r
}

func startDefault(t testing.TB) *running {
	t.Helper()
	return start(t, testConfig(t), Options{})
}

// fact waits for a fact of a kind.
func (r *running) fact(kind string) Fact {
	r.Helper()
	deadline := time.After(patience)
	for {
		select {
		case f := <-r.facts:
			if f.Kind == kind {
				return f
			}
		case <-deadline:
			r.Fatalf("no %s", kind)
		}
	}
}

// client connects with go-zookeeper and waits for the session.
func (r *running) client(timeout time.Duration) *zk.Conn {
	r.Helper()
	c, events, err := zk.Connect([]string{r.addr}, timeout, zk.WithLogger(quiet{}), zk.WithMaxBufferSize(16<<20))
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(c.Close)
	r.await(events, func(e zk.Event) bool { return e.State == zk.StateHasSession })
	return c
}

// await reads events until one is wanted.
func (r *running) await(events <-chan zk.Event, wanted func(zk.Event) bool) zk.Event {
	r.Helper()
	deadline := time.After(patience)
	for {
		select {
		case e := <-events:
			if wanted(e) {
				return e
			}
		case <-deadline:
			r.Fatal("an event does not come")
		}
	}
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}

// A wire is a client that speaks bytes.
type wire struct {
	testing.TB
	net.Conn
	session  int64
	password []byte
	timeout  int32
	xid      int32
}

// A frame is what a server sends after the handshake.
type reply struct {
	xid, err int32
	zxid     int64
	body     *jute.Reader
}

func dialWire(t testing.TB, addr string) *wire {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return newWire(t, nc)
}

func newWire(t testing.TB, nc net.Conn) *wire {
	t.Cleanup(func() { nc.Close() })
	return &wire{TB: t, Conn: nc}
}

// wire connects and opens a session.
func (r *running) wire(timeout time.Duration) *wire {
	r.Helper()
	w := dialWire(r, r.addr)
	w.hello(timeout, 0, 0, make([]byte, 16))
	return w
}

// hello does the handshake.
func (w *wire) hello(timeout time.Duration, lastZxid, session int64, password []byte) {
	w.Helper()
	b := jute.AppendInt(nil, 0)
	b = jute.AppendLong(b, lastZxid)
	b = jute.AppendInt(b, int32(timeout.Milliseconds()))
	b = jute.AppendLong(b, session)
	b = jute.AppendBuffer(b, password)
	w.frame(append(b, 0))
	r := jute.NewReader(w.next())
	r.Int()
	w.timeout, w.session, w.password = r.Int(), r.Long(), r.Buffer()
	if r.Err() != nil || r.Len() != 1 {
		w.Fatalf("ConnectResponse: %v, %d bytes left", r.Err(), r.Len())
	}
}

func (w *wire) frame(payload []byte) {
	w.Helper()
	if _, err := w.Write(append(jute.AppendInt(nil, int32(len(payload))), payload...)); err != nil {
		w.Fatal(err)
	}
}

// next reads a frame's payload.
func (w *wire) next() []byte {
	w.Helper()
	b, err := w.tryNext()
	if err != nil {
		w.Fatal(err)
	}
	return b
}

func (w *wire) tryNext() ([]byte, error) {
	w.SetReadDeadline(time.Now().Add(patience))
	head := make([]byte, 4)
	if _, err := io.ReadFull(w, head); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(head))
	_, err := io.ReadFull(w, b)
	return b, err
}

func (w *wire) send(op int32, body ...byte) {
	w.Helper()
	w.xid++
	if _, err := w.Write(requestFrame(w.xid, op, body)); err != nil {
		w.Fatal(err)
	}
}

func requestFrame(xid, op int32, body []byte) []byte {
	b := jute.AppendInt(nil, int32(8+len(body)))
	return append(jute.AppendInt(jute.AppendInt(b, xid), op), body...)
}

func (w *wire) recv() reply {
	w.Helper()
	r := jute.NewReader(w.next())
	return reply{xid: r.Int(), zxid: r.Long(), err: r.Int(), body: r}
}

// ask sends a request and reads its reply, which must be next.
func (w *wire) ask(op int32, body ...byte) reply {
	w.Helper()
	w.send(op, body...)
	r := w.recv()
	if r.xid != w.xid {
		w.Fatalf("reply to %d, want %d", r.xid, w.xid)
	}
	return r
}

// ok asks for what must succeed.
func (w *wire) ok(op int32, body ...byte) *jute.Reader {
	w.Helper()
	r := w.ask(op, body...)
	if r.err != 0 {
		w.Fatalf("request %d: error %d", op, r.err)
	}
	return r.body
}

// event reads a notification, which must be next.
func (w *wire) event() (kind int32, path string) {
	w.Helper()
	r := w.recv()
	if r.xid != xidNotification {
		w.Fatalf("got the reply to %d, want an event", r.xid)
	}
	kind = r.body.Int()
	if state := r.body.Int(); state != 3 {
		w.Fatalf("event in state %d", state)
	}
	return kind, r.body.UString()
}

// closed holds that the server ends the connection without another word.
func (w *wire) closed() {
	w.Helper()
	if b, err := w.tryNext(); err != io.EOF && !isReset(err) {
		w.Fatalf("got %x, %v; want the end of the connection", b, err)
	}
}

func isReset(err error) bool {
	op, ok := err.(*net.OpError)
	return ok && !op.Timeout()
}

// Bodies of requests.

func createBody(path string, data []byte, flags int32) []byte {
	b := jute.AppendBuffer(jute.AppendUString(nil, path), data)
	return jute.AppendInt(tree.AppendACLs(b, tree.OpenACL()), flags)
}

func pathBody(path string) []byte { return jute.AppendUString(nil, path) }

func watchBody(path string) []byte { return jute.AppendBool(jute.AppendUString(nil, path), true) }

func versionBody(path string, version int32) []byte {
	return jute.AppendInt(jute.AppendUString(nil, path), version)
}

func setBody(path string, data string, version int32) []byte {
	return jute.AppendInt(jute.AppendBuffer(jute.AppendUString(nil, path), []byte(data)), version)
}

// multiBody joins operations, each a type and its body.
func multiBody(ops ...multiOp) []byte {
	var b []byte
	for _, op := range ops {
		b = append(appendMultiHeader(b, op.kind, false, -1), op.body...)
	}
	return appendMultiHeader(b, -1, true, -1)
}

type multiOp struct {
	kind int32
	body []byte
}

func readStat(r *jute.Reader) tree.Stat {
	return tree.Stat{Czxid: r.Long(), Mzxid: r.Long(), Ctime: r.Long(), Mtime: r.Long(),
		Version: r.Int(), Cversion: r.Int(), Aversion: r.Int(), EphemeralOwner: r.Long(),
		DataLength: r.Int(), NumChildren: r.Int(), Pzxid: r.Long()}
}

// sorted returns a sorted copy.
func sorted(ss []string) []string { return slices.Sorted(slices.Values(ss)) }
