package session

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// wire is a net.Conn that reads from a buffer in pieces and notes what is written.
type wire struct {
	net.Conn
	in     []byte
	pieces func() int
	out    bytes.Buffer
}

func (w *wire) Read(p []byte) (int, error) {
	n := copy(p[:min(len(p), max(1, w.pieces()))], w.in)
	w.in = w.in[n:]
	return n, nil
}

func (w *wire) Write(p []byte) (int, error) { return w.out.Write(p) }

func frame(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func answer(xid int32, zxid int64, rest []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(xid))
	b = binary.BigEndian.AppendUint64(b, uint64(zxid))
	return append(binary.BigEndian.AppendUint32(b, 0), rest...)
}

// Whatever the pieces, the handshake, pings and notifications pass as they are,
// answers pass with a blank zxid, and the last zxid is kept.
func TestZxidsAreKeptAndBlanked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var session heard
		w := &wire{pieces: func() int { return rapid.IntRange(1, 40).Draw(t, "piece") }}
		handshake := frame(rapid.SliceOfN(rapid.Byte(), 36, 37).Draw(t, "handshake"))
		sent, want := bytes.Clone(handshake), bytes.Clone(handshake)
		var highest int64
		for range rapid.IntRange(0, 6).Draw(t, "answers") {
			xid := rapid.SampledFrom([]int32{-2, -1, 1, 2, 77}).Draw(t, "xid")
			zxid := rapid.Int64Range(0, 1<<40).Draw(t, "zxid")
			rest := rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "rest")
			sent = append(sent, frame(answer(xid, zxid, rest))...)
			if xid > 0 {
				if zxid > 0 {
					highest = zxid
				}
				zxid = 0
			}
			want = append(want, frame(answer(xid, zxid, rest))...)
		}
		w.in = sent
		c := newZxidConn(w, &session, time.Time{})
		got := make([]byte, 0, len(want))
		for len(got) < len(want) {
			p := make([]byte, rapid.IntRange(1, 60).Draw(t, "room"))
			n, _ := c.Read(p[:min(len(p), len(want)-len(got))])
			got = append(got, p[:n]...)
		}
		if !bytes.Equal(got, want) || session.last.Load() != highest || session.safe.Load() != highest {
			t.Fatalf("read %x\nwant %x; last zxid %d, safe %d, want %d", got, want, session.last.Load(), session.safe.Load(), highest)
		}
	})
}

func TestHandshakeAndSetWatchesGetTheZxidsOfBefore(t *testing.T) {
	var session heard
	session.last.Store(0x1122334455667788)
	session.safe.Store(0x0102030405060708)
	w := &wire{}
	c := newZxidConn(w, &session, time.Time{})
	session.last.Store(5) // raised by answers on this very connection
	session.safe.Store(5)
	connect := frame(make([]byte, 44))
	set := setWatches(1, 20)
	get := frame([]byte{0, 0, 0, 2, 0, 0, 0, opGetData, 0, 0, 0, 1, '/', 0})
	for _, packet := range [][]byte{connect, set, get} {
		before := bytes.Clone(packet)
		if n, err := c.Write(packet); n != len(packet) || err != nil || !bytes.Equal(before, packet) {
			t.Fatalf("wrote %d of %d, %v; the packet is now %x", n, len(packet), err, packet)
		}
	}
	copy(connect[8:], []byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88})
	copy(set[12:], []byte{1, 2, 3, 4, 5, 6, 7, 8})
	if want := append(append(connect, set...), get...); !bytes.Equal(w.out.Bytes(), want) {
		t.Errorf("sent %x\nwant %x", w.out.Bytes(), want)
	}
}

func setWatches(xid byte, size int) []byte {
	return frame(append([]byte{0, 0, 0, xid, 0, 0, 0, opSetWatches}, make([]byte, size)...))
}

// The zxid for setWatches rises while there was no watch, stays on a new connection,
// and rises again once the last setWatches of that was answered without an error.
func TestTheSafeZxidWaitsForTheWatches(t *testing.T) {
	var session heard
	connection := func() (write func([]byte), read func([]byte)) {
		w := &wire{pieces: func() int { return 9 }}
		c := newZxidConn(w, &session, time.Time{})
		read = func(sent []byte) {
			for w.in = sent; len(w.in) > 0; {
				if _, err := c.Read(make([]byte, 9)); err != nil {
					t.Fatal(err)
				}
			}
		}
		write = func(packet []byte) {
			if _, err := c.Write(packet); err != nil {
				t.Fatal(err)
			}
		}
		write(frame(make([]byte, 44)))
		read(frame(make([]byte, 37)))
		return write, read
	}
	want := func(last, safe int64) {
		t.Helper()
		if session.last.Load() != last || session.safe.Load() != safe {
			t.Errorf("the last zxid is %d, the safe one %d; want %d and %d", session.last.Load(), session.safe.Load(), last, safe)
		}
	}
	write, read := connection()
	write(frame([]byte{0, 0, 0, 1, 0, 0, 0, opGetData, 0, 0, 0, 1, '/', 0}))
	read(frame(answer(1, 10, nil)))
	want(10, 10)
	write, read = connection()
	write(frame([]byte{0, 0, 0, 2, 0, 0, 0, opGetData, 0, 0, 0, 1, '/', 1}))
	read(frame(answer(2, 20, nil)))
	want(20, 20)
	write, read = connection()
	read(frame(answer(3, 30, nil)))
	want(30, 20)
	write(setWatches(4, 122<<10)) // perhaps not the last
	read(frame(answer(4, 31, nil)))
	want(31, 20)
	write(setWatches(5, 30))
	read(frame(answer(6, 32, nil)))
	want(32, 20)
	read(append(frame(answer(5, 33, nil)), frame(answer(7, 34, nil))...))
	want(34, 34)
	write, read = connection()
	write(setWatches(8, 30))
	read(frame(binary.BigEndian.AppendUint32(answer(8, 40, nil)[:12], 1<<31))) // refused
	want(40, 34)
}

// FuzzRead holds that no server makes the reader crash, or the library
// allocate what it was merely promised.
func FuzzRead(f *testing.F) {
	f.Add(append(frame(make([]byte, 36)), frame(answer(1, 9, []byte("x")))...))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1, 2, 3})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 7})
	f.Fuzz(func(t *testing.T, sent []byte) {
		var session heard
		w := &wire{in: sent, pieces: func() int { return 5 }}
		c := newZxidConn(w, &session, time.Time{})
		for len(w.in) > 0 {
			n, err := c.Read(make([]byte, 7))
			if err != nil && n != 0 {
				t.Fatalf("%d bytes of a packet too long were handed on", n)
			}
			if err != nil {
				return
			}
			if c.size > maxPacket {
				t.Fatalf("a packet of %d bytes is being read", c.size)
			}
		}
	})
}
