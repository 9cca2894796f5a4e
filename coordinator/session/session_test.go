package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"go.uber.org/goleak"

	"klab/coordinator/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// keeper is a ZooKeeper server in the process.
type keeper struct {
	addr string
	stop func()
}

func newKeeper(t *testing.T, listen func(network, addr string) (net.Listener, error)) *keeper {
	t.Helper()
	srv, err := server.Open(server.Config{DataDir: t.TempDir(), TickTime: 100 * time.Millisecond, ClientPortAddress: "127.0.0.1", ForceSync: new(false)}, server.Options{Listen: listen})
	if err != nil {
		t.Fatal(err)
	}
	addr, err := srv.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx) }()
	k := &keeper{addr: addr.String(), stop: sync.OnceFunc(func() { cancel(); <-served })}
	t.Cleanup(k.stop)
	return k
}

// line is a dialer whose connections can be cut, and lose answers.
type line struct {
	mu    sync.Mutex
	conns []net.Conn
	off   bool
	// lose makes the next answer that arrives vanish, together with its connection.
	lose atomic.Bool
}

func (l *line) dial(network, addr string, timeout time.Duration) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.off {
		return nil, errors.New("the line is cut")
	}
	conn, err := net.DialTimeout(network, addr, timeout)
	if err != nil {
		return nil, err
	}
	l.conns = append(l.conns, conn)
	return lossyConn{conn, l}, nil
}

type lossyConn struct {
	net.Conn
	line *line
}

func (c lossyConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && c.line.lose.CompareAndSwap(true, false) {
		c.Conn.Close()
		return 0, io.EOF
	}
	return n, err
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.off = true
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.off = false
}

func open(t *testing.T, connect string, l *line) *Client {
	t.Helper()
	c, err := Open(context.Background(), Config{Connect: connect, SessionTimeout: 400 * time.Millisecond, ConnectionTimeout: 10 * time.Second, Dial: l.dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestChrootIsMadeAndStripped(t *testing.T) {
	k, ctx := newKeeper(t, nil), t.Context()
	c := open(t, k.addr+"/a/kafka/", &line{})
	var events []zk.Event
	heard := make(chan struct{}, 9)
	c.Listen(Listener{Event: func(ev zk.Event) { events = append(events, ev); heard <- struct{}{} }})
	if path := must[string](t)(c.Create(ctx, "/n", nil, 0)); path != "/n" {
		t.Errorf("created %s", path)
	}
	_, _, watch, err := c.GetW(ctx, "/n")
	if err != nil {
		t.Fatal(err)
	}
	if path := must[string](t)(c.Create(ctx, "/n/s_", []byte{}, zk.FlagSequence)); path != "/n/s_0000000000" {
		t.Errorf("a sequential node is %s", path)
	}
	must[*Stat](t)(c.Set(ctx, "/n", []byte("x"), 0))
	if ev := <-watch; ev.Path != "/n" || ev.Type != zk.EventNodeDataChanged {
		t.Errorf("watch fired %+v", ev)
	}
	<-heard
	if len(events) != 1 || events[0].Path != "/n" {
		t.Errorf("listener heard %+v", events)
	}
	root := open(t, k.addr, &line{})
	data, _, err := root.Get(ctx, "/a")
	if err != nil || data != nil {
		t.Errorf("the chroot's parent has data %v (%v), want null", data, err)
	}
	if names, _, err := root.Children(ctx, "/a/kafka"); err != nil || !slices.Equal(names, []string{"n"}) {
		t.Errorf("below the chroot are %v, %v", names, err)
	}
}

// ZooKeeper may start a little later than we do.
func TestFirstConnectionIsQuickWhenTheServerComesLate(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	tries := make(chan struct{}, 1000)
	var line line
	opened := make(chan error, 1)
	go func() {
		c, err := Open(context.Background(), Config{Connect: addr, SessionTimeout: time.Second, Dial: func(network, addr string, timeout time.Duration) (net.Conn, error) {
			select {
			case tries <- struct{}{}:
			default:
			}
			return line.dial(network, addr, timeout)
		}})
		if err == nil {
			c.Close()
		}
		opened <- err
	}()
	for range 5 {
		<-tries
	}
	newKeeper(t, func(network, _ string) (net.Listener, error) { return net.Listen(network, addr) })
	start := time.Now()
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 200*time.Millisecond {
		t.Errorf("connected and closed %v after the server came", took)
	}
}

func TestOpenNamesTheServersItTried(t *testing.T) {
	refuse := func(string, string, time.Duration) (net.Conn, error) { return nil, errors.New("nobody there") }
	_, err := Open(context.Background(), Config{Connect: "h1:2181,h2", SessionTimeout: time.Second, ConnectionTimeout: 30 * time.Millisecond, Dial: refuse})
	if err == nil || !strings.Contains(err.Error(), "[h1:2181 h2:2181]") || !strings.Contains(err.Error(), "nobody there") {
		t.Errorf("got %v", err)
	}
}

func TestRequestsOutliveALostConnection(t *testing.T) {
	k, ctx := newKeeper(t, nil), t.Context()
	var l line
	c := open(t, k.addr+"/kafka", &l)
	must[string](t)(c.Create(ctx, "/e", nil, zk.FlagEphemeral))
	id := c.SessionID()
	l.cut()
	got := make(chan error, 1)
	go func() {
		_, _, err := c.Get(ctx, "/e")
		got <- err
	}()
	expired, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if _, _, err := c.Get(expired, "/e"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while disconnected a context that ends gives %v", err)
	}
	l.mend()
	if err := <-got; err != nil {
		t.Errorf("the request ended with %v", err)
	}
	if c.SessionID() != id {
		t.Error("the session is another one")
	}
}

func TestOwnEarlierSuccessIsRecognised(t *testing.T) {
	k, ctx := newKeeper(t, nil), t.Context()
	var l line
	c := open(t, k.addr, &l)
	l.lose.Store(true)
	must[string](t)(c.Create(ctx, "/p", []byte("1"), 0))
	l.lose.Store(true)
	must[string](t)(c.Create(ctx, "/e", []byte("1"), zk.FlagEphemeral))
	l.lose.Store(true)
	if stat := must[*Stat](t)(c.Set(ctx, "/p", []byte("2"), 0)); stat.Version != 1 {
		t.Errorf("set gave version %d", stat.Version)
	}
	l.lose.Store(true)
	if err := c.Delete(ctx, "/p", 1); err != nil {
		t.Errorf("delete: %v", err)
	}
	if l.lose.Load() {
		t.Error("no answer was lost")
	}
	must[string](t)(c.Create(ctx, "/p", []byte("1"), 0))
	for _, err := range []error{
		func() error { _, err := c.Create(ctx, "/p", []byte("1"), 0); return err }(),
		func() error { _, err := c.Set(ctx, "/p", []byte("2"), 7); return err }(),
		c.Delete(ctx, "/none", -1),
	} {
		if err == nil {
			t.Error("somebody else's success was taken for our own")
		}
	}
	l.lose.Store(true)
	_, err := c.Multi(ctx, &zk.CreateRequest{Path: "/m"})
	if m, ok := errors.AsType[*MultiError](err); !ok || !m.Retried || m.Err != ErrNodeExists {
		t.Errorf("a multi whose answer was lost gives %v", err)
	}
}

func TestMultiSaysWhichOperationFailed(t *testing.T) {
	k, ctx := newKeeper(t, nil), t.Context()
	c := open(t, k.addr+"/kafka", &line{})
	results, err := c.Multi(ctx, &zk.CreateRequest{Path: "/a", Data: []byte("x")}, &zk.SetDataRequest{Path: "/a", Data: []byte("y"), Version: 0})
	if err != nil || results[0].Path != "/a" || results[1].Stat.Version != 1 || results[1].Stat.Czxid == 0 {
		t.Fatalf("%+v, %v", results, err)
	}
	for i, ops := range [][]any{
		{&zk.CheckVersionRequest{Path: "/a", Version: 9}, &zk.DeleteRequest{Path: "/a", Version: -1}},
		{&zk.CheckVersionRequest{Path: "/a", Version: 1}, &zk.SetDataRequest{Path: "/a", Version: 5}},
		{&zk.CreateRequest{Path: "/b"}, &zk.CheckVersionRequest{Path: "/a", Version: 1}, &zk.CreateRequest{Path: "/a"}},
	} {
		_, err := c.Multi(ctx, ops...)
		m, ok := errors.AsType[*MultiError](err)
		if !ok || m.Index != i || m.Retried {
			t.Errorf("case %d: %v", i, err)
		}
	}
	if ok, _, err := c.Exists(ctx, "/b"); ok || err != nil {
		t.Errorf("a multi that failed left something: %t, %v", ok, err)
	}
	if _, err := c.Multi(ctx, "nonsense"); err == nil {
		t.Error("nonsense was sent")
	}
}

func TestExpiry(t *testing.T) {
	k, ctx := newKeeper(t, nil), t.Context()
	var l line
	c := open(t, k.addr, &l)
	must[string](t)(c.Create(ctx, "/e", nil, zk.FlagEphemeral))
	old := c.SessionID()
	_, _, watch, err := c.GetW(ctx, "/e")
	if err != nil {
		t.Fatal(err)
	}
	var during error // of a request made while listeners run
	renewed := make(chan struct{})
	c.Listen(Listener{
		Expired: func() {
			wait, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
			defer cancel()
			_, _, during = c.Exists(wait, "/e")
		},
		Renewed: func() { close(renewed) },
	})
	expirations := c.Expirations()
	other := open(t, k.addr, &line{})
	gone := must[<-chan zk.Event](t)(watchOf(other, "/e"))
	l.cut()
	waiting := make(chan error, 1)
	go func() {
		_, _, err := c.Get(ctx, "/e")
		waiting <- err
	}()
	<-gone // the server has expired the session
	l.mend()
	if err := <-waiting; !errors.Is(err, ErrExpired) {
		t.Errorf("the request under way ended with %v, want ErrExpired", err)
	}
	<-expirations
	<-renewed
	if !errors.Is(during, context.DeadlineExceeded) {
		t.Errorf("there was a session before the listeners had returned: %v", during)
	}
	if ev := <-watch; ev.Err == nil {
		t.Errorf("the old watch fired %+v, want an error", ev)
	}
	if c.SessionID() == old || !c.WasSession(old) || c.WasSession(c.SessionID()) {
		t.Errorf("session %x after %x", c.SessionID(), old)
	}
	if ok, _, err := c.Exists(ctx, "/e"); ok || err != nil {
		t.Errorf("the ephemeral is there: %t, %v", ok, err)
	}
}

func watchOf(c *Client, path string) (<-chan zk.Event, error) {
	_, _, watch, err := c.GetW(context.Background(), path)
	return watch, err
}

func TestExpiryAgainAndAgain(t *testing.T) {
	k, ctx := newKeeper(t, nil), t.Context()
	var l line
	c := open(t, k.addr, &l)
	other := open(t, k.addr, &line{})
	for range 3 {
		must[string](t)(c.Create(ctx, "/e", nil, zk.FlagEphemeral))
		gone := must[<-chan zk.Event](t)(watchOf(other, "/e"))
		l.cut()
		<-gone
		l.mend()
		if err := c.EnsurePaths(ctx, "/x/y"); err != nil && !errors.Is(err, ErrExpired) {
			t.Fatal(err)
		}
	}
}

func TestWatchesSurviveAReconnect(t *testing.T) {
	k, ctx := newKeeper(t, nil), t.Context()
	var l line
	c := open(t, k.addr, &l)
	exists, stat, watch, err := c.ExistsW(ctx, "/n")
	if exists || stat != nil || err != nil {
		t.Fatalf("%t %v %v", exists, stat, err)
	}
	l.cut()
	must[string](t)(open(t, k.addr, &line{}).Create(ctx, "/n", nil, 0))
	l.mend()
	if ev := <-watch; ev.Type != zk.EventNodeCreated {
		t.Errorf("the watch fired %+v", ev)
	}
}

func TestCloseEndsTheSessionAtOnce(t *testing.T) {
	k, ctx := newKeeper(t, nil), t.Context()
	c := open(t, k.addr, &line{})
	must[string](t)(c.Create(ctx, "/e", nil, zk.FlagEphemeral))
	other := open(t, k.addr, &line{})
	gone := must[<-chan zk.Event](t)(watchOf(other, "/e"))
	start := time.Now()
	c.Close()
	<-gone
	if took := time.Since(start); took > 200*time.Millisecond {
		t.Errorf("the ephemeral was gone after %v", took)
	}
	if _, _, err := c.Get(ctx, "/"); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed client says %v", err)
	}
}

func TestEnsurePathsTogether(t *testing.T) {
	k, ctx := newKeeper(t, nil), t.Context()
	var wg sync.WaitGroup
	for range 4 {
		c := open(t, k.addr+"/kafka", &line{})
		wg.Go(func() {
			for i := range 20 {
				if err := c.EnsurePaths(ctx, fmt.Sprintf("/a/%d/b", i), "/a/c"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	c := open(t, k.addr+"/kafka", &line{})
	if err := c.CreateRecursive(ctx, "/r/s/t", []byte("x")); err != nil {
		t.Error(err)
	}
	if err := c.CreateRecursive(ctx, "/r/s/t", []byte("x")); !errors.Is(err, ErrNodeExists) {
		t.Errorf("a second time: %v", err)
	}
}

func TestLongListsAreRead(t *testing.T) {
	k, ctx := newKeeper(t, nil), t.Context()
	c := open(t, k.addr, &line{})
	const count, together = 9000, 1000
	for i := 0; i < count; i += together {
		var ops []any
		for j := range together {
			ops = append(ops, &zk.CreateRequest{Path: fmt.Sprintf("/%0240d", i+j)})
		}
		if _, err := c.Multi(ctx, ops...); err != nil {
			t.Fatal(err)
		}
	}
	names, _, err := c.Children(ctx, "/")
	if err != nil || len(names) < count {
		t.Errorf("%d names, %v", len(names), err)
	}
}

func TestParseConnect(t *testing.T) {
	for in, want := range map[string]string{
		"h":                    "[h:2181] ",
		"h1:1,h2:2/kafka":      "[h1:1 h2:2] /kafka",
		" h1:1 , [::1]:2/a/b/": "[h1:1 [::1]:2] /a/b",
		"::1/x":                "[[::1]:2181] /x",
		"127.0.0.1:2181/":      "[127.0.0.1:2181] ",
	} {
		servers, chroot, err := ParseConnect(in)
		if got := fmt.Sprint(servers, " ", chroot); got != want || err != nil {
			t.Errorf("%q: %s, %v; want %s", in, got, err, want)
		}
	}
	for _, bad := range []string{"", ",", "/kafka", "h//x"} {
		if _, _, err := ParseConnect(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	for _, path := range []string{"/", "/a", "/a/b"} {
		for _, chroot := range []string{"", "/k", "/k/l"} {
			if back := relative(chroot, absolute(chroot, path)); back != path {
				t.Errorf("%s below %q comes back as %s", path, chroot, back)
			}
		}
	}
	if got := relative("/k", "/kafka"); got != "/kafka" {
		t.Errorf("/kafka is not below /k, but became %s", got)
	}
}

// Whatever happens between a reconnect and the library's setWatches, no change
// goes unheard: another client writes, and so do we, while the line comes and goes.
func TestNoChangeGoesUnheardOverReconnects(t *testing.T) {
	k, ctx := newKeeper(t, nil), t.Context()
	var l line
	c, err := Open(ctx, Config{Connect: k.addr, SessionTimeout: 10 * time.Second, Dial: l.dial})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	other := open(t, k.addr, &line{})
	must[string](t)(other.Create(ctx, "/n", []byte("0"), 0))
	must[string](t)(other.Create(ctx, "/mine", nil, 0))
	for i := range 50 {
		_, stat, watch, err := c.GetW(ctx, "/n")
		if err != nil {
			t.Fatal(err)
		}
		l.cut()
		wrote := make(chan error, 8)
		for range cap(wrote) {
			go func() {
				_, err := c.Set(ctx, "/mine", nil, AnyVersion)
				wrote <- err
			}()
		}
		must[*Stat](t)(other.Set(ctx, "/n", []byte{byte(i)}, stat.Version))
		l.mend()
		<-watch
		for range cap(wrote) {
			if err := <-wrote; err != nil {
				t.Fatal(err)
			}
		}
	}
}
