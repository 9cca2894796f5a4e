package session

import (
	"bytes"
	"encoding/binary"
	"net"
	"sync/atomic"
	"testing"

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
		var last atomic.Int64
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
		c := newZxidConn(w, &last)
		got := make([]byte, 0, len(want))
		for len(got) < len(want) {
			p := make([]byte, rapid.IntRange(1, 60).Draw(t, "room"))
			n, _ := c.Read(p[:min(len(p), len(want)-len(got))])
			got = append(got, p[:n]...)
		}
		if !bytes.Equal(got, want) || last.Load() != highest {
			t.Fatalf("read %x\nwant %x; last zxid %d, want %d", got, want, last.Load(), highest)
		}
	})
}

func TestHandshakeAndSetWatchesGetTheZxidOfBefore(t *testing.T) {
	var last atomic.Int64
	last.Store(0x1122334455667788)
	w := &wire{}
	c := newZxidConn(w, &last)
	last.Store(5) // raised by answers on this very connection
	connect := frame(make([]byte, 44))
	set := frame(append([]byte{0, 0, 0, 1, 0, 0, 0, opSetWatches}, make([]byte, 20)...))
	get := frame([]byte{0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 1, '/', 0})
	for _, packet := range [][]byte{connect, set, get} {
		before := bytes.Clone(packet)
		if n, err := c.Write(packet); n != len(packet) || err != nil || !bytes.Equal(before, packet) {
			t.Fatalf("wrote %d of %d, %v; the packet is now %x", n, len(packet), err, packet)
		}
	}
	zxid := []byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}
	copy(connect[8:], zxid)
	copy(set[12:], zxid)
	if want := append(append(connect, set...), get...); !bytes.Equal(w.out.Bytes(), want) {
		t.Errorf("sent %x\nwant %x", w.out.Bytes(), want)
	}
}

// FuzzRead holds that no server makes the reader crash, or the library
// allocate what it was merely promised.
func FuzzRead(f *testing.F) {
	f.Add(append(frame(make([]byte, 36)), frame(answer(1, 9, []byte("x")))...))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1, 2, 3})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 7})
	f.Fuzz(func(t *testing.T, sent []byte) {
		var last atomic.Int64
		w := &wire{in: sent, pieces: func() int { return 5 }}
		c := newZxidConn(w, &last)
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
