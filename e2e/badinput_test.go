//go:build e2e

package e2e

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestHostileBytesDisturbNobody throws rubbish at a broker and at ZooKeeper while a ledger is kept.
func TestHostileBytesDisturbNobody(t *testing.T) {
	l := up(t)
	l.createTopic("calm", 1, 3, "min.insync.replicas=2")
	l.waitISR(l.admin(), "calm", 0, 3)
	g := l.keepLedger("calm", 500)
	began := time.Now()
	g.waitMore(t, 100)
	s := l.status()
	before := residentBytes(t, s.broker(1).PID)
	for _, addr := range []string{"127.0.0.1:9093", "127.0.0.1:2181"} {
		for _, frame := range hostileFrames() {
			throw(t, addr, frame)
		}
		idle := holdConnections(t, addr, 1000)
		g.waitMore(t, 200)
		for _, c := range idle {
			c.Close()
		}
	}
	g.waitMore(t, 100)
	g.close()
	g.verify(l)
	if silence := g.silence(began); silence > time.Second {
		t.Errorf("the writer waited %v while rubbish came in", silence)
	}
	after := l.status()
	for i, pid := range s.pids() {
		if after.pids()[i] != pid {
			t.Errorf("process %d was replaced by %d", pid, after.pids()[i])
		}
	}
	grown := residentBytes(t, s.broker(1).PID) - before
	t.Logf("broker 1 grew by %.1f MB", float64(grown)/1e6)
	if grown > 100e6 {
		t.Errorf("broker 1 grew by %.1f MB", float64(grown)/1e6)
	}
}

// hostileFrames are what no well-meaning client sends: seeded, so that a failure comes again.
func hostileFrames() [][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	frames := [][]byte{
		{}, {0}, {0, 0, 0}, {0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {0x7f, 0xff, 0xff, 0xff}, {0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 3},
		framed([]byte{0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff}), // unknown key
		framed([]byte{0, 3, 0x7f, 0xff, 0, 0, 0, 1, 0xff, 0xff}), // unknown version
		framed([]byte{0, 18, 0x7f, 0xff, 0, 0, 0, 1, 0xff, 0xff}),
		framed([]byte{0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff}), // an array of 2^31-1 topics
		framed([]byte{0, 0, 0, 9, 0, 0, 0, 1, 0x7f, 0xff}),
	}
	for range 300 {
		body := make([]byte, random.IntN(200))
		for i := range body {
			body[i] = byte(random.Uint32())
		}
		if len(body) > 4 && random.IntN(2) == 0 { // a known key and version with a random rest
			binary.BigEndian.PutUint16(body, uint16(random.IntN(70)))
			binary.BigEndian.PutUint16(body[2:], uint16(random.IntN(12)))
		}
		whole := framed(body)
		frames = append(frames, whole[:len(whole)-random.IntN(min(3, len(body)+1))])
	}
	return frames
}

// throw sends bytes, half-closes, and reads what comes until the peer closes or a second has passed.
func throw(t *testing.T, addr string, frame []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatalf("%s takes no connections any more: %v", addr, err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write(frame); err != nil {
		return
	}
	conn.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, conn)
}

func holdConnections(t *testing.T, addr string, n int) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, 0, n)
	for range n {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	return conns
}

// TestBadBatchesAreRefusedWithKafkasError corrupts a produce request's batch in every field that a broker must check.
func TestBadBatchesAreRefusedWithKafkasError(t *testing.T) {
	l := up(t)
	l.createTopic("batches", 1, 3)
	l.waitISR(l.admin(), "batches", 0, 3)
	for _, c := range badBatches() {
		t.Run(c.name, func(t *testing.T) {
			code, err := l.produceRaw("batches", c.batch)
			if err != nil {
				t.Fatal(err)
			}
			if code != c.want {
				t.Errorf("error code %d, want %d", code, c.want)
			}
		})
	}
	if err := l.produceOnce(1, "batches", kgo.AllISRAcks()); err != nil {
		t.Errorf("a good record after the bad ones: %v", err)
	}
	if records := l.readAll("batches", 0); len(records) != 1 {
		t.Errorf("%d records are readable, want only the good one", len(records))
	}
}
