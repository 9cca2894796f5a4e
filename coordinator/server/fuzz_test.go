package server

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net"
	"testing"

	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

// FuzzRequest serves hostile requests from two connections, one of them authenticated, and holds that every reply is a
// whole frame with the request's xid, and that the tree can still be saved and restored.
func FuzzRequest(f *testing.F) {
	for op, body := range map[int32][]byte{
		opCreate: createBody("/a", []byte("x"), 3), opCreateTTL: append(createBody("/t", nil, 5), 0, 0, 0, 0, 0, 0, 0, 9),
		opDelete: versionBody("/a", -1), opExists: watchBody("/a"), opGetData: watchBody("/"), opSetData: setBody("/", "x", -1),
		opGetACL: pathBody("/"), opSetACL: jute.AppendInt(tree.AppendACLs(pathBody("/"), tree.OpenACL()), -1),
		opGetChildren2: watchBody("/"), opMulti: multiBody(multiOp{opCreate, createBody("/m", nil, 1)}, multiOp{opCheck, versionBody("/", 0)}),
		opMultiRead: multiBody(multiOp{opGetChildren, watchBody("/")}), opAddWatch: versionBody("/", 1), opRemoveWatches: versionBody("/", 3),
		opSetWatches2: append(make([]byte, 8), jute.AppendUStrings(nil, []string{"/", "/x"})...), opAuth: jute.AppendInt(nil, 0),
		opGetEphemerals: pathBody("/"), opGetChildrenNumber: pathBody("/"), opSync: pathBody("/"), opWhoAmI: nil, opCloseSession: nil,
	} {
		f.Add(op, body)
	}
	s, err := Open(Config{DataDir: f.TempDir(), ForceSync: new(false), ExtendedTypes: true, EnforceQuota: true}, Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	p := s.processor
	nc, _ := net.Pipe()
	f.Fuzz(func(t *testing.T, op int32, body []byte) {
		var conns []*conn
		for range 2 {
			c := &conn{addr: "127.0.0.1:1", out: newOutbox(nc)}
			connectRequest{timeout: 5000}.run(p, c)
			conns = append(conns, c)
		}
		conns[1].identify(tree.DigestIdentity("u:p"))
		for i, c := range conns {
			c.pending = nil
			req := &clientRequest{xid: 7, op: op, call: decodeCall(op, jute.NewReader(body))}
			req.run(p, c)
			checkFrames(t, c.pending, i)
		}
		for _, c := range conns {
			disconnected{}.run(p, c)
			delete(p.conns, c)
		}
		for _, session := range p.sessions.expired(1 << 62) {
			p.endSession(session, "session.expired")
		}
		if err := p.commit(); err != nil {
			t.Fatal(err)
		}
		p.expiry.stop()
		p.reaping.stop()
		im := p.tree.Image()
		im.Sort()
		if _, err := tree.Restore(im, tree.Options{}); err != nil {
			t.Fatal(err)
		}
	})
}

// checkFrames holds that what is pending is whole frames of which the last replies to xid 7.
func checkFrames(t *testing.T, b []byte, who int) {
	t.Helper()
	var last int32
	r := bufio.NewReader(bytes.NewReader(b))
	for {
		frame, err := readFrame(r, len(b))
		if err != nil || len(frame) < 16 {
			t.Fatalf("connection %d: %v, frame %x", who, err, frame)
		}
		last = int32(binary.BigEndian.Uint32(frame))
		if _, err := r.Peek(1); err != nil {
			break
		}
	}
	if last != 7 {
		t.Fatalf("connection %d: the last frame has xid %d", who, last)
	}
}

func FuzzConnectRequest(f *testing.F) {
	f.Add(make([]byte, 44))
	f.Add(make([]byte, 29))
	f.Add(append(make([]byte, 24), 0x7f, 0xff, 0xff, 0xff))
	f.Fuzz(func(t *testing.T, frame []byte) {
		req, err := readConnectRequest(frame)
		if err == nil && len(req.password) > len(frame) {
			t.Fatalf("%d bytes of password from %d", len(req.password), len(frame))
		}
	})
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 1, 2, 3}, 10)
	f.Add([]byte{0x7f, 0xff, 0xff, 0xff, 1}, 1<<31-1)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, 10)
	f.Fuzz(func(t *testing.T, in []byte, limit int) {
		frame, err := readFrame(bufio.NewReader(bytes.NewReader(in)), limit)
		if err == nil && (len(frame) > limit || !bytes.HasPrefix(in[4:], frame)) {
			t.Fatalf("frame %x of %x, limit %d", frame, in, limit)
		}
	})
}
