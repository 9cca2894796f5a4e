package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestCloseBesideServe closes a server while it is only about to serve.
func TestCloseBesideServe(t *testing.T) {
	for range 200 {
		s := New(Config{Listeners: []Listener{{"PLAINTEXT", "127.0.0.1:0"}}})
		if err := s.Listen(); err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve(t.Context()) }()
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-served; err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryHeaderVersion(t *testing.T) {
	table := append(echoTable(), Entry{Key: 7, Min: 0, Max: 3, Handle: func(_ context.Context, r *Request) Reply {
		resp := kmsg.NewPtrControlledShutdownResponse()
		if want := map[bool]string{true: "", false: "test"}[r.GetVersion() == 0]; r.ClientID != want {
			t.Errorf("v%d: client id %q, want %q", r.GetVersion(), r.ClientID, want)
		}
		return Now(resp)
	}})
	_, addr := serve(t, Config{Table: table})
	c := dial(t, addr)
	for v := range int16(13) {
		req := metadataFor(fmt.Sprint("topic", v), v)
		c.send(req, int32(v))
		got := c.expect(req, int32(v)).(*kmsg.MetadataResponse)
		if *got.Topics[0].Topic != *req.Topics[0].Topic {
			t.Errorf("v%d: %v", v, got.Topics)
		}
	}
	for v := range int16(4) {
		req := kmsg.NewPtrControlledShutdownRequest()
		req.Version = v
		c.send(req, 50+int32(v))
		c.expect(req, 50+int32(v))
	}
}

func TestApiVersionsOfAnUnknownVersion(t *testing.T) {
	_, addr := serve(t, Config{Table: echoTable()})
	c := dial(t, addr)
	req := kmsg.NewPtrApiVersionsRequest()
	req.Version = 5
	c.send(req, 9)
	correlation, body, err := c.receive()
	if err != nil || correlation != 9 {
		t.Fatal(correlation, err)
	}
	resp := kmsg.NewPtrApiVersionsResponse() // version 0, header version 0
	if err := resp.ReadFrom(body); err != nil {
		t.Fatal(err)
	}
	if resp.ErrorCode != 35 || len(resp.ApiKeys) != 1 || resp.ApiKeys[0].ApiKey != 18 || resp.ApiKeys[0].MaxVersion != 4 {
		t.Errorf("%+v", resp)
	}
	req.Version = 4
	c.send(req, 10)
	c.expect(req, 10)
}

func TestWhatIsNotServedClosesTheConnection(t *testing.T) {
	_, addr := serve(t, Config{Table: echoTable(), MaxRequestBytes: 1000})
	good := frame(metadataFor("x", 9), 1)
	for name, b := range map[string][]byte{
		"unknown key":        frame(kmsg.NewPtrHeartbeatRequest(), 1),
		"key 999":            {0, 0, 0, 10, 3, 0xe7, 0, 0, 0, 0, 0, 1, 0xff, 0xff},
		"unknown version":    {0, 0, 0, 10, 0, 3, 0, 99, 0, 0, 0, 1, 0xff, 0xff},
		"negative version":   {0, 0, 0, 10, 0, 3, 0xff, 0xff, 0, 0, 0, 1, 0xff, 0xff},
		"negative size":      {0xff, 0xff, 0xff, 0xff},
		"too large":          {0, 0, 0x10, 0},
		"empty frame":        {0, 0, 0, 0},
		"short header":       {0, 0, 0, 3, 0, 3, 0},
		"cut body":           append([]byte{0, 0, 0, byte(len(good) - 8)}, good[4:len(good)-4]...),
		"hostile client id":  {0, 0, 0, 10, 0, 3, 0, 1, 0, 0, 0, 1, 0x7f, 0xff},
		"hostile array":      {0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff},
		"hostile tag length": {0, 0, 0, 16, 0, 3, 0, 9, 0, 0, 0, 1, 0xff, 0xff, 1, 0, 0xff, 0xff, 0xff, 0x7f},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, addr)
			if _, err := c.Write(b); err != nil {
				t.Fatal(err)
			}
			c.expectClosed()
		})
	}
	c := dial(t, addr)
	c.send(metadataFor("still here", 12), 3)
	c.expect(metadataFor("still here", 12), 3)
}

// delayed answers each request when its turn in release comes.
type delayed struct {
	mu      sync.Mutex
	pending map[int32]chan kmsg.Response
	arrived chan int32
}

func newDelayed() *delayed {
	return &delayed{pending: map[int32]chan kmsg.Response{}, arrived: make(chan int32, 100)}
}

func (d *delayed) handle(_ context.Context, r *Request) Reply {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := make(chan kmsg.Response, 1)
	d.pending[r.CorrelationID] = c
	d.arrived <- r.CorrelationID
	return Later(c)
}

func (d *delayed) release(correlation int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending[correlation] <- kmsg.NewPtrMetadataResponse()
}

func TestRepliesKeepTheOrderOfRequests(t *testing.T) {
	d := newDelayed()
	table := []Entry{{Key: 3, Min: 0, Max: 12, Handle: d.handle}, {Key: keyApiVersions, Min: 0, Max: 4, Handle: versions}}
	_, addr := serve(t, Config{Table: table})
	c := dial(t, addr)
	av := kmsg.NewPtrApiVersionsRequest()
	for i := range int32(4) { // 0 and 2 wait, 1 and 3 are ready at once
		if i%2 == 0 {
			c.send(metadataFor("x", 12), i)
			<-d.arrived
		} else {
			c.send(av, i)
		}
	}
	d.release(2)
	d.release(0)
	for i := range int32(4) {
		if i%2 == 0 {
			c.expect(metadataFor("x", 12), i)
		} else {
			c.expect(av, i)
		}
	}
}

func TestNoReplyAndClose(t *testing.T) {
	table := append(echoTable(),
		Entry{Key: 0, Min: 0, Max: 11, Handle: func(context.Context, *Request) Reply { return None() }},
		Entry{Key: 19, Min: 0, Max: 7, Handle: func(context.Context, *Request) Reply { return Close(nil) }})
	_, addr := serve(t, Config{Table: table})
	c := dial(t, addr)
	c.send(kmsg.NewPtrProduceRequest(), 1)
	c.send(metadataFor("x", 9), 2)
	c.expect(metadataFor("x", 9), 2)
	c.send(kmsg.NewPtrCreateTopicsRequest(), 3)
	c.expectClosed()
}

func TestAPanicEndsOneConnection(t *testing.T) {
	var log lockedBuffer
	table := append(echoTable(),
		Entry{Key: 0, Min: 0, Max: 11, Handle: func(context.Context, *Request) Reply { panic("boom") }},
		Entry{Key: 19, Min: 0, Max: 7, Handle: func(context.Context, *Request) Reply { return Now(nil) }},
		Entry{Key: 20, Min: 0, Max: 6, Handle: func(context.Context, *Request) Reply { return Reply{} }},
		Entry{Key: 22, Min: 0, Max: 5, Handle: func(context.Context, *Request) Reply {
			c := make(chan kmsg.Response)
			close(c)
			return Later(c)
		}})
	_, addr := serve(t, Config{Table: table, Log: slog.New(slog.NewTextHandler(&log, nil))})
	bystander := dial(t, addr)
	for _, req := range []kmsg.Request{kmsg.NewPtrProduceRequest(), kmsg.NewPtrCreateTopicsRequest(), kmsg.NewPtrDeleteTopicsRequest(), kmsg.NewPtrInitProducerIDRequest()} {
		c := dial(t, addr)
		c.send(req, 1)
		c.expectClosed()
	}
	bystander.send(metadataFor("x", 9), 2)
	bystander.expect(metadataFor("x", 9), 2)
	if !strings.Contains(log.String(), "boom") || !strings.Contains(log.String(), "server_test.go") {
		t.Errorf("the log has no stack of the panic: %s", log.String())
	}
}

// lockedBuffer is written to by connections that are still ending.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestCloseWritesWhatIsOwed(t *testing.T) {
	d := newDelayed()
	s, addr := serve(t, Config{Table: []Entry{{Key: 3, Min: 0, Max: 12, Handle: d.handle}}})
	c, stuck := dial(t, addr), dial(t, addr)
	c.send(metadataFor("x", 9), 1)
	<-d.arrived
	stuck.send(metadataFor("x", 9), 2)
	<-d.arrived
	ctx, cancel := context.WithCancel(t.Context())
	closed := make(chan struct{})
	go func() { defer close(closed); s.Close(ctx) }()
	<-s.closing
	d.release(1)
	c.expect(metadataFor("x", 9), 1)
	cancel() // the other is given up
	<-closed
	stuck.expectClosed()
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("the port is still open")
	}
}

func TestListenErrorNamesTheAddress(t *testing.T) {
	_, addr := serve(t, Config{Table: echoTable()})
	err := New(Config{Listeners: []Listener{{"PLAINTEXT", "127.0.0.1:0"}, {"SSL", addr}}}).Listen()
	if err == nil || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "SSL") {
		t.Error(err)
	}
}

// pipeListener hands out in-memory connections, for tests in fake time.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }
func (l *pipeListener) dial(t *testing.T) *client {
	mine, theirs := net.Pipe()
	l.conns <- theirs
	return &client{t, mine}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, d := newPipeListener(), newDelayed()
		s := New(Config{
			Listeners:   []Listener{{Name: "PLAINTEXT"}},
			Table:       append(echoTable(), Entry{Key: 19, Min: 0, Max: 7, Handle: d.handle}),
			IdleTimeout: 10 * time.Minute,
			Listen:      func(string, string) (net.Listener, error) { return l, nil },
		})
		if err := s.Listen(); err != nil {
			t.Fatal(err)
		}
		go s.Serve(t.Context())
		defer s.Close(t.Context())
		idle, busy, waiting := l.dial(t), l.dial(t), l.dial(t)
		waiting.send(kmsg.NewPtrCreateTopicsRequest(), 5) // owed a reply: not idle however long it takes
		start := time.Now()
		worked := make(chan struct{})
		go func() {
			defer close(worked)
			for i := range int32(15) {
				time.Sleep(time.Minute)
				busy.send(metadataFor("x", 9), i)
				busy.expect(metadataFor("x", 9), i)
			}
		}()
		idle.expectClosed()
		if took := time.Since(start); took < 10*time.Minute || took > 11*time.Minute {
			t.Errorf("the idle connection was closed after %v", took)
		}
		<-worked
		busy.expectClosed()
		if took := time.Since(start); took < 25*time.Minute || took > 26*time.Minute {
			t.Errorf("the busy connection was closed after %v", took)
		}
		d.mu.Lock()
		d.pending[5] <- kmsg.NewPtrCreateTopicsResponse()
		d.mu.Unlock()
		waiting.expect(kmsg.NewPtrCreateTopicsRequest(), 5)
		waiting.Close()
	})
}

func TestIdleAndClaimingConnectionsCostLittle(t *testing.T) {
	if raceEnabled {
		t.Log("memory is not measured with the race detector")
		return
	}
	s, addr := serve(t, Config{Table: echoTable()})
	before := heapAndStacks()
	const n = 500
	for i := range n {
		c := dial(t, addr)
		c.send(metadataFor("x", 9), 1)
		c.expect(metadataFor("x", 9), 1)
		if i%5 == 0 { // claim 100 MB and send nothing more
			c.Write(binary.BigEndian.AppendUint32(nil, 100_000_000))
		}
	}
	if s.Connections() != n {
		t.Fatalf("%d connections", s.Connections())
	}
	each := (heapAndStacks() - before) / n
	t.Logf("%d bytes a connection", each)
	if each > 40<<10 {
		t.Errorf("a connection costs %d bytes on average, one in five claiming 100 MB", each)
	}
}

func heapAndStacks() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}
