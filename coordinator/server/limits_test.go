package server

import (
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

// idle returns a processor that nothing runs, and a connection with a session that nobody reads from.
func idle(t *testing.T, data int) (*processor, *conn) {
	s, err := Open(Config{DataDir: t.TempDir(), ForceSync: new(false)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	p := s.processor
	nc, _ := net.Pipe()
	c := &conn{nc: nc, addr: "127.0.0.1:1", out: newOutbox(nc)}
	connectRequest{timeout: 5000}.run(p, c)
	c.ask(p, opCreate, createBody("/big", make([]byte, data), 0))
	if err := p.commit(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.expiry.stop()
		p.reaping.stop()
	})
	return p, c
}

func (c *conn) ask(p *processor, op int32, body []byte) {
	request(op, body).run(p, c)
}

func request(op int32, body []byte) *clientRequest {
	return &clientRequest{xid: 7, op: op, call: decodeCall(op, jute.NewReader(body))}
}

// TestAnswersEndABatch: many reads of a large node, none of whose answers is taken, neither make one large batch nor pile
// up without end.
func TestAnswersEndABatch(t *testing.T) {
	const data, reads = 1 << 19, 400
	p, c := idle(t, data)
	for range reads {
		p.tasks <- task{c, request(opGetData, append(pathBody("/big"), 0))}
	}
	for len(p.tasks) > 0 {
		p.runWaiting()
		if len(c.pending) > batchBytes+data+1000 {
			t.Fatalf("%d bytes of answers are one batch", len(c.pending))
		}
		if err := p.commit(); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.out.buf) > outboxSoft+outboxHard || !c.ending {
		t.Errorf("%d bytes wait for a client that takes none; it is dropped: %v", len(c.out.buf), c.ending)
	}
}

// TestOutboxTakesWhatFits, and anything when it is empty: an answer may be of any size.
func TestOutboxTakesWhatFits(t *testing.T) {
	nc, _ := net.Pipe()
	o := newOutbox(nc)
	const most = outboxSoft + outboxHard
	large := make([]byte, most+1)
	for i, step := range []struct {
		b    []byte
		want bool
	}{{large[:1], true}, {large[1:most], true}, {large[:1], false}} {
		if got := o.put(step.b); got != step.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
	o.take(nil)
	if !o.put(large) {
		t.Error("an empty outbox refuses")
	}
}

// TestMultiReadIsBounded: one frame may name a node as often as fits into it.
func TestMultiReadIsBounded(t *testing.T) {
	const data = 1 << 19
	p, c := idle(t, data)
	read := func(times int) (tree.Code, int) {
		var ops []multiOp
		for range times {
			ops = append(ops, multiOp{opGetData, append(pathBody("/big"), 0)})
		}
		c.pending = nil
		c.ask(p, opMultiRead, multiBody(ops...))
		r := jute.NewReader(c.pending[16:])
		return tree.Code(r.Int()), len(c.pending)
	}
	if code, n := read(100); code != tree.OK || n < 100*data {
		t.Errorf("100 reads: %v in %d bytes", code, n)
	}
	if code, n := read(200); code != tree.MarshallingError || n != 20 {
		t.Errorf("200 reads: %v in %d bytes", code, n)
	}
}

// TestRefusalsAreLogged: they say why, and a client that comes again at once fills no disk.
func TestRefusalsAreLogged(t *testing.T) {
	var log strings.Builder
	opt := Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	fromTheFuture := jute.AppendInt(append(make([]byte, 4), 0, 0, 0, 0, 0, 0, 0, 99), 0)
	fromTheFuture = jute.AppendBuffer(jute.AppendLong(fromTheFuture, 0), nil)
	inFakeTime(t, opt, func(t *testing.T, r *running, l *pipeListener) {
		for _, tt := range []struct {
			refused func(*wire)
			want    string
		}{
			{func(w *wire) { w.frame(fromTheFuture) }, "a newer zxid"},
			{func(w *wire) { w.hello(time.Second, 0, 0, nil); w.Write(jute.AppendInt(nil, 2_000_000)) }, "a frame of 2000000 bytes, the limit is 1048575"},
			{func(w *wire) { w.Write([]byte{0, 0x10, 0, 0}) }, "a frame of 1048576 bytes, the limit is 1048575"},
		} {
			for second := range 2 {
				for range 5 {
					w := l.dial(t)
					tt.refused(w)
					w.closed()
				}
				synctest.Wait()
				if n := strings.Count(log.String(), tt.want); n != second+1 {
					t.Errorf("%q is logged %d times, want %d, in\n%s", tt.want, n, second+1, &log)
				}
				pass(time.Second)
			}
			log.Reset()
		}
	})
}

func TestThrottleIsForEachAddress(t *testing.T) {
	var th throttle
	now := time.Now()
	for i := range 10 {
		if host := fmt.Sprint(i); !th.allow(host, now) || th.allow(host, now.Add(throttleTime-1)) {
			t.Errorf("address %d", i)
		}
	}
	if !th.allow("0", now.Add(throttleTime)) || len(th.last) != 1 {
		t.Errorf("after the time: %v", th.last)
	}
}
