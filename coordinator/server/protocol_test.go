package server

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

func TestReadsAndWrites(t *testing.T) {
	w := startDefault(t).wire(5 * time.Second)
	if path := w.ok(opCreate, createBody("/a", []byte("one"), 0)...).UString(); path != "/a" {
		t.Fatalf("created %q", path)
	}
	r := w.ok(opCreate2, createBody("/a/s", nil, 2)...)
	if path, stat := r.UString(), readStat(r); path != "/a/s0000000000" || stat.Czxid != 3 {
		t.Fatalf("create2: %q %+v", path, stat)
	}
	if stat := readStat(w.ok(opSetData, setBody("/a", "two", 0)...)); stat.Version != 1 || stat.Mzxid != 4 {
		t.Fatalf("setData: %+v", stat)
	}
	r = w.ok(opGetData, append(pathBody("/a"), 0)...)
	if data, stat := r.Buffer(), readStat(r); string(data) != "two" || stat.DataLength != 3 || r.Len() != 0 {
		t.Fatalf("getData: %q %+v", data, stat)
	}
	if null := w.ok(opGetData, append(pathBody("/a/s0000000000"), 0)...).Buffer(); null != nil {
		t.Fatalf("null data came back as %v", null)
	}
	if names := w.ok(opGetChildren, append(pathBody("/a"), 0)...).UStrings(); !slices.Equal(names, []string{"s0000000000"}) {
		t.Fatalf("getChildren: %q", names)
	}
	r = w.ok(opGetChildren2, append(pathBody(""), 0)...)
	if names, stat := r.UStrings(), readStat(r); !slices.Equal(sorted(names), []string{"a", "zookeeper"}) || stat.NumChildren != 2 {
		t.Fatalf("getChildren2 of the root: %q %+v", names, stat)
	}
	if n := w.ok(opGetChildrenNumber, pathBody("/")...).Int(); n != 5 {
		t.Fatalf("getAllChildrenNumber: %d", n)
	}
	if path := w.ok(opSync, pathBody("not a path")...).UString(); path != "not a path" {
		t.Fatalf("sync: %q", path)
	}
	if r := w.ask(opCheck, versionBody("/a", 1)...); r.err != 0 || r.body.Len() != 0 {
		t.Fatalf("check: %d", r.err)
	}
	w.ok(opCreate, createBody("/mine", nil, 1)...)
	if paths := w.ok(opGetEphemerals, pathBody("/")...).UStrings(); !slices.Equal(paths, []string{"/mine"}) {
		t.Fatalf("getEphemerals: %q", paths)
	}
}

// TestErrors asks for what must be refused; the connection goes on, and the header is all of the reply.
func TestErrors(t *testing.T) {
	w := startDefault(t).wire(5 * time.Second)
	ttl := append(createBody("/t", nil, 5), make([]byte, 8)...)
	for name, tt := range map[string]struct {
		op   int32
		body []byte
		want tree.Code
	}{
		"exists, missing":         {opExists, append(pathBody("/none"), 0), tree.NoNode},
		"getData, missing":        {opGetData, append(pathBody("no slash"), 0), tree.NoNode},
		"create, flags":           {opCreate, createBody("/x", nil, 7), tree.BadArguments},
		"create, negative flags":  {opCreate, createBody("/x", nil, -1), tree.BadArguments},
		"createTTL, off":          {opCreateTTL, ttl, tree.Unimplemented},
		"createTTL, not TTL":      {opCreateTTL, append(createBody("/t", nil, 0), make([]byte, 8)...), tree.BadArguments},
		"create as TTL":           {opCreate, createBody("/t", nil, 5), tree.Unimplemented},
		"deleteContainer":         {opDeleteContainer, pathBody("/zookeeper"), tree.BadArguments},
		"too short":               {opGetData, []byte{0, 0}, tree.MarshallingError},
		"hostile length":          {opGetData, jute.AppendInt(nil, math.MaxInt32), tree.MarshallingError},
		"hostile vector":          {opSetWatches, append(make([]byte, 8), jute.AppendInt(nil, math.MaxInt32)...), tree.MarshallingError},
		"multi without end":       {opMulti, appendMultiHeader(nil, opCreate, false, -1), tree.MarshallingError},
		"multi with setACL":       {opMulti, multiBody(multiOp{opSetACL, nil}), tree.MarshallingError},
		"multiRead with a write":  {opMultiRead, multiBody(multiOp{opDelete, versionBody("/", 1)}), tree.MarshallingError},
		"reconfig":                {opReconfig, make([]byte, 20), tree.ReconfigDisabled},
		"checkWatches, none":      {opCheckWatches, versionBody("/a", 3), tree.NoWatcher},
		"removeWatches, bad type": {opRemoveWatches, versionBody("/a", 9), tree.MarshallingError},
		"addWatch, bad mode":      {opAddWatch, versionBody("/a", 2), tree.MarshallingError},
		"getAllChildrenNumber":    {opGetChildrenNumber, pathBody("/none"), tree.NoNode},
	} {
		got := w.ask(tt.op, tt.body...)
		if got.err != int32(tt.want) || got.body.Len() != 0 || got.zxid != 1 {
			t.Errorf("%s: error %d with %d bytes, zxid %d; want %d", name, got.err, got.body.Len(), got.zxid, tt.want)
		}
	}
	w.ok(opPing)
}

func TestForbiddenRequestsCostTheConnectionOnly(t *testing.T) {
	r := startDefault(t)
	for _, op := range []int32{0, 10, 99, -1, -10} {
		w := r.wire(5 * time.Second)
		w.ok(opCreate, createBody(fmt.Sprintf("/e%d", op), nil, 1)...)
		if got := w.ask(op); got.err != int32(tree.Unimplemented) || got.zxid != -1 {
			t.Errorf("request %d: error %d, zxid %d", op, got.err, got.zxid)
		}
		w.closed()
		again := dialWire(t, r.addr)
		again.hello(5*time.Second, 0, w.session, w.password)
		if again.session != w.session {
			t.Errorf("request %d ended the session", op)
		}
	}
}

func TestBadFramesDropTheConnection(t *testing.T) {
	r := startDefault(t)
	for name, frame := range map[string][]byte{
		"negative length":   {0xff, 0xff, 0xff, 0xff},
		"above the limit":   {0, 0x10, 0, 0},
		"no header":         {0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0},
		"unknown word":      []byte("quit"),
		"the largest there": {0x7f, 0xff, 0xff, 0xff},
	} {
		w := r.wire(5 * time.Second)
		w.Write(frame)
		w.closed()
		if name != "no header" { // before the handshake too
			w = dialWire(t, r.addr)
			w.Write(frame)
			w.closed()
		}
	}
	w := dialWire(t, r.addr)
	w.frame(make([]byte, 20)) // too short for a ConnectRequest
	w.closed()
}

func TestMultiBytes(t *testing.T) {
	w := startDefault(t).wire(5 * time.Second)
	got := w.ask(opMulti, multiBody(
		multiOp{opCreate, createBody("/m", nil, 0)}, multiOp{opSetData, setBody("/m", "x", 0)}, multiOp{opCheck, versionBody("/m", 1)},
		multiOp{opCreate2, createBody("/m/s", nil, 2)}, multiOp{opCreateContainer, createBody("/m/c", nil, 4)}, multiOp{opDelete, versionBody("/m/c", -1)})...)
	b := got.body
	header := func(op int32) {
		t.Helper()
		if kind, done, code := b.Int(), b.Bool(), b.Int(); kind != op || done != (op == -1) || code != 0 && op != -1 {
			t.Fatalf("MultiHeader %d %v %d, want type %d", kind, done, code, op)
		}
	}
	header(opCreate)
	if path := b.UString(); path != "/m" {
		t.Fatalf("created %q", path)
	}
	header(opSetData)
	if stat := readStat(b); stat.Version != 1 {
		t.Fatalf("set %+v", stat)
	}
	header(opCheck)
	header(opCreate)
	if path := b.UString(); path != "/m/s0000000000" {
		t.Fatalf("created %q", path)
	}
	header(opCreate2)
	if path, stat := b.UString(), readStat(b); path != "/m/c" || stat.Czxid != got.zxid || stat.EphemeralOwner != 0 {
		t.Fatalf("created %q %+v", path, stat)
	}
	header(opDelete)
	header(-1)

	failed := w.ask(opMulti, multiBody(
		multiOp{opCreate, createBody("/n", nil, 0)}, multiOp{opCheck, versionBody("/m", 9)}, multiOp{opDelete, versionBody("/m", -1)})...)
	want := "ffffffff00" + "00000000" + "00000000" + "ffffffff00" + "ffffff99" + "ffffff99" +
		"ffffffff00" + "fffffffe" + "fffffffe" + "ffffffff01" + "ffffffff"
	if got := hex.EncodeToString(failed.body.Rest()); failed.err != 0 || got != want {
		t.Fatalf("failed multi: error %d\ngot  %s\nwant %s", failed.err, got, want)
	}
	if failed.zxid != got.zxid {
		t.Fatalf("a failed write used a zxid: %d after %d", failed.zxid, got.zxid)
	}
	if r := w.ask(opExists, append(pathBody("/n"), 0)...); r.err != int32(tree.NoNode) {
		t.Fatal("a failed multi left a node")
	}
	if empty := w.ok(opMulti, multiBody()...); hex.EncodeToString(empty.Rest()) != "ffffffff01ffffffff" {
		t.Fatal("an empty multi is just the terminator")
	}
}

func TestMultiRead(t *testing.T) {
	w := startDefault(t).wire(5 * time.Second)
	w.ok(opCreate, createBody("/a", []byte("x"), 0)...)
	b := w.ok(opMultiRead, multiBody(multiOp{opGetData, append(pathBody("/a"), 0)},
		multiOp{opGetData, append(pathBody("/none"), 0)}, multiOp{opGetChildren, append(pathBody("/"), 0)})...)
	if kind, done, code := b.Int(), b.Bool(), b.Int(); kind != 4 || done || code != 0 || string(b.Buffer()) != "x" || readStat(b).Czxid != 2 {
		t.Fatal("getData in a multiRead")
	}
	if kind, done, code, again := b.Int(), b.Bool(), b.Int(), b.Int(); kind != -1 || done || code != -101 || again != -101 {
		t.Fatal("an error in a multiRead")
	}
	if kind, done, code := b.Int(), b.Bool(), b.Int(); kind != 8 || done || code != 0 || len(b.UStrings()) != 2 {
		t.Fatal("getChildren in a multiRead")
	}
	if hex.EncodeToString(b.Rest()) != "ffffffff01ffffffff" {
		t.Fatal("no terminator")
	}
}

// TestPipelining sends without waiting: answers come in order, and each read sees the write before it.
func TestPipelining(t *testing.T) {
	w := startDefault(t).wire(5 * time.Second)
	const pairs = 200
	for i := range pairs {
		w.send(opCreate, createBody(fmt.Sprintf("/n%d", i), nil, 0)...)
		w.send(opExists, append(pathBody(fmt.Sprintf("/n%d", i)), 0)...)
	}
	var zxid int64
	for i := range 2 * pairs {
		r := w.recv()
		if r.xid != int32(i+1) || r.err != 0 || r.zxid < zxid {
			t.Fatalf("reply %d: xid %d, error %d, zxid %d after %d", i+1, r.xid, r.err, r.zxid, zxid)
		}
		zxid = r.zxid
	}
}

// TestEventsComeBeforeTheReply of the write that caused them.
func TestEventsComeBeforeTheReply(t *testing.T) {
	w := startDefault(t).wire(5 * time.Second)
	w.ask(opExists, watchBody("/a")...)
	w.ok(opGetChildren, watchBody("/")...)
	w.send(opCreate, createBody("/a", nil, 0)...)
	if kind, path := w.event(); kind != 1 || path != "/a" {
		t.Fatalf("event %d %s", kind, path)
	}
	if kind, path := w.event(); kind != 4 || path != "/" {
		t.Fatalf("event %d %s", kind, path)
	}
	if r := w.recv(); r.xid != w.xid || r.err != 0 {
		t.Fatalf("reply %d, error %d", r.xid, r.err)
	}
	w.ok(opSetData, setBody("/a", "", -1)...) // one-shot: nothing more
}

func TestPersistentWatches(t *testing.T) {
	r := startDefault(t)
	w, other := r.wire(5*time.Second), r.wire(5*time.Second)
	if zero := w.ok(opAddWatch, versionBody("/p", 0)...).Int(); zero != 0 {
		t.Fatalf("addWatch answered %d", zero)
	}
	w.ok(opAddWatch, versionBody("/r", 1)...)
	expect := func(events ...string) {
		t.Helper()
		for _, want := range events {
			kind, path := w.event()
			if got := fmt.Sprintf("%d%s", kind, path); got != want {
				t.Fatalf("event %s, want %s", got, want)
			}
		}
	}
	other.ok(opCreate, createBody("/p", nil, 0)...)
	other.ok(opCreate, createBody("/p/x", nil, 0)...)
	other.ok(opSetData, setBody("/p", "", -1)...)
	expect("1/p", "4/p", "3/p")
	other.ok(opCreate, createBody("/r", nil, 0)...)
	other.ok(opCreate, createBody("/r/x", nil, 0)...)
	other.ok(opDelete, versionBody("/r/x", -1)...)
	expect("1/r", "1/r/x", "2/r/x")
	w.ok(opCheckWatches, versionBody("/p", 4)...)
	w.ok(opRemoveWatches, versionBody("/p", 3)...)
	w.ok(opRemoveWatches, versionBody("/r", 5)...)
	other.ok(opSetData, setBody("/p", "", -1)...)
	other.ok(opDelete, versionBody("/r", -1)...)
	w.ok(opPing)
}

// TestSetWatches tells what was missed before it answers, and arms the rest.
func TestSetWatches(t *testing.T) {
	r := startDefault(t)
	w := r.wire(5 * time.Second)
	for _, path := range []string{"/same", "/changed", "/gone", "/kids"} {
		w.ok(opCreate, createBody(path, nil, 0)...)
	}
	seen := w.ask(opPing).zxid
	w.ok(opSetData, setBody("/changed", "x", -1)...)
	w.ok(opDelete, versionBody("/gone", -1)...)
	w.ok(opCreate, createBody("/kids/x", nil, 0)...)
	w.ok(opCreate, createBody("/born", nil, 0)...)

	body := jute.AppendLong(nil, seen)
	body = jute.AppendUStrings(body, []string{"/same", "/changed", "/gone"})
	body = jute.AppendUStrings(body, []string{"/born", "/unborn"})
	body = jute.AppendUStrings(body, []string{"/same", "/kids", "/gone"})
	body = jute.AppendUStrings(body, []string{"/persistent"})
	body = jute.AppendUStrings(body, []string{"/tree"})
	w.send(opSetWatches2, body...)
	var got []string
	for range 5 {
		kind, path := w.event()
		got = append(got, fmt.Sprintf("%d%s", kind, path))
	}
	if want := []string{"3/changed", "2/gone", "1/born", "4/kids", "2/gone"}; !slices.Equal(got, want) {
		t.Fatalf("missed events %q, want %q", got, want)
	}
	if reply := w.recv(); reply.xid != w.xid || reply.err != 0 {
		t.Fatalf("reply %d, error %d", reply.xid, reply.err)
	}
	other := r.wire(5 * time.Second)
	for _, path := range []string{"/unborn", "/persistent", "/tree", "/tree/leaf", "/same/x"} {
		other.ok(opCreate, createBody(path, nil, 0)...)
		if _, heard := w.event(); !strings.HasPrefix(path, heard) {
			t.Fatalf("after creating %s heard of %s", path, heard)
		}
	}
}

// TestEventsNeedREAD: who may not read a node is not told of it (CVE-2024-23944), but the watch is used up.
func TestEventsNeedREAD(t *testing.T) {
	r := startDefault(t)
	w, alice := r.wire(5*time.Second), r.wire(5*time.Second)
	auth := jute.AppendBuffer(jute.AppendUString(jute.AppendInt(nil, 0), "digest"), []byte("alice:secret"))
	if got := alice.ask(opAuth, auth...); got.err != 0 || got.zxid != 0 {
		t.Fatalf("auth: %d, zxid %d", got.err, got.zxid)
	}
	w.ask(opExists, watchBody("/secret")...)
	acl := []tree.ACL{{Perms: tree.PermAll, Scheme: "auth"}}
	body := jute.AppendBuffer(jute.AppendUString(nil, "/secret"), nil)
	alice.ok(opCreate, jute.AppendInt(tree.AppendACLs(body, acl), 0)...)
	if got := w.ask(opGetData, watchBody("/secret")...); got.err != int32(tree.NoAuth) {
		t.Fatalf("getData: %d", got.err)
	}
	if got := w.ask(opExists, watchBody("/secret")...); got.err != int32(tree.NoAuth) {
		t.Fatalf("exists: %d", got.err)
	}
	alice.ok(opSetData, setBody("/secret", "x", -1)...)
	w.ok(opPing)
	who := alice.ok(opWhoAmI)
	if n := who.Int(); n != 2 || who.UString() != "ip" || who.UString() != "127.0.0.1" || who.UString() != "digest" || who.UString() != "alice" {
		t.Fatal("whoAmI")
	}
}

func TestAuthentication(t *testing.T) {
	cfg := testConfig(t)
	cfg.SuperDigest = "super:D/InIHSb7yEEbrWz8b9l71RjZJU="
	r := start(t, cfg, Options{})
	auth := func(scheme, secret string) []byte {
		return jute.AppendBuffer(jute.AppendUString(jute.AppendInt(nil, 0), scheme), []byte(secret))
	}
	w := r.wire(5 * time.Second)
	if got := w.ask(opSetData, setBody("/zookeeper/config", "x", -1)...); got.err != int32(tree.NoAuth) {
		t.Fatalf("error %d", got.err)
	}
	w.ok(opAuth, auth("digest", "super:test")...)
	w.ok(opSetData, setBody("/zookeeper/config", "x", -1)...)
	if token := w.ok(opSASL, jute.AppendBuffer(nil, []byte("x"))...).Buffer(); token != nil {
		t.Fatalf("SASL token %x", token)
	}
	if got := w.ask(opAuth, auth("kerberos", "x")...); got.err != int32(tree.AuthFailed) {
		t.Fatalf("error %d", got.err)
	}
	w.closed()
}

func TestConnectionsPerAddress(t *testing.T) {
	cfg := testConfig(t)
	cfg.MaxClientCnxns = 2
	r := start(t, cfg, Options{})
	a, _ := r.wire(5*time.Second), r.wire(5*time.Second)
	dialWire(t, r.addr).closed()
	a.ask(opCloseSession)
	a.closed()
	r.fact("session.closed")
	for deadline := time.Now().Add(patience); ; { // the place is free once the server has closed its end
		w := dialWire(t, r.addr)
		w.Write([]byte("ruok"))
		if b, _ := io.ReadAll(w); string(b) == "imok" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the place of a closed connection stays taken")
		}
	}
}

func TestLargePackets(t *testing.T) {
	cfg := testConfig(t)
	cfg.JuteMaxBuffer = 4<<20 + 100
	w := start(t, cfg, Options{}).wire(5 * time.Second)
	data := bytes.Repeat([]byte("0123456789abcdef"), 4<<20/16)
	w.ok(opCreate, createBody("/big", data, 0)...)
	if got := w.ok(opGetData, append(pathBody("/big"), 0)...).Buffer(); !bytes.Equal(got, data) {
		t.Fatalf("%d bytes came back", len(got))
	}
	w.Write(jute.AppendInt(nil, int32(cfg.JuteMaxBuffer)+1))
	w.closed()
}

// TestSlowReader does not answer for a while: the server stops reading from it, serves others, and loses nothing.
func TestSlowReader(t *testing.T) {
	r := startDefault(t)
	slow, quick := r.wire(20*time.Second), r.wire(20*time.Second)
	slow.ok(opCreate, createBody("/big", make([]byte, 1<<19), 0)...)
	const reads = 64
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for range reads {
			slow.send(opGetData, append(pathBody("/big"), 0)...)
		}
	}()
	for range 100 {
		quick.ok(opExists, append(pathBody("/big"), 0)...)
	}
	for range reads {
		if r := slow.recv(); r.err != 0 || r.body.Len() < 1<<19 {
			t.Fatalf("reply %d: error %d, %d bytes", r.xid, r.err, r.body.Len())
		}
	}
	<-sent
}

// TestFrameAllocatesWhatArrives, not what its length claims.
func TestFrameAllocatesWhatArrives(t *testing.T) {
	claimed := append(jute.AppendInt(nil, math.MaxInt32), make([]byte, 10)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	frame, err := readFrame(bufio.NewReader(bytes.NewReader(claimed)), math.MaxInt32)
	runtime.ReadMemStats(&after)
	if err == nil || frame != nil || after.TotalAlloc-before.TotalAlloc > 1<<20 {
		t.Fatalf("%d bytes, %v, %d allocated", len(frame), err, after.TotalAlloc-before.TotalAlloc)
	}
}
