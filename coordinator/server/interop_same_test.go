//go:build interop

package server

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

// TestSameAnswersAsApache sends the same random requests to this server and to Apache ZooKeeper 3.8 and compares every
// reply and event. Masked are zxids, times and session ids (a failed write uses a zxid there, and none here). Left out
// is exists on nodes that may not be read, which ZooKeeper answers differently since 3.8.4.
func TestSameAnswersAsApache(t *testing.T) {
	needFile(t, zkJar, "zookeeper")
	needFile(t, slf4j, "libslf4j-java")
	ours := start(t, interopConfig(t), Options{}).wire(20 * time.Second)
	theirs := dialWire(t, startApache(t, t.TempDir()).client.Server())
	theirs.hello(20*time.Second, 0, 0, make([]byte, 16))
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 2))
	for step := range 4000 {
		op, body := randomRequest(rng)
		a, b := ours.transcript(op, body), theirs.transcript(op, body)
		if !slices.Equal(a, b) {
			t.Fatalf("seed %d, step %d: request %d %q\nours   %q\ntheirs %q", seed, step, op, body, a, b)
		}
	}
}

// transcript sends a request and returns what comes up to its reply, events included, in words.
func (w *wire) transcript(op int32, body []byte) []string {
	w.Helper()
	w.send(op, body...)
	var lines []string
	for {
		r := w.recv()
		if r.xid == xidNotification {
			lines = append(lines, fmt.Sprintf("event %d state %d %s", r.body.Int(), r.body.Int(), r.body.UString()))
			continue
		}
		line := fmt.Sprintf("error %d", r.err)
		if r.err == 0 {
			line += w.words(op, r.body)
		}
		if r.body.Len() > 0 {
			line += " rest " + hex.EncodeToString(r.body.Rest())
		}
		return append(lines, line)
	}
}

// words renders a reply's body without what may differ.
func (w *wire) words(op int32, b *jute.Reader) string {
	switch op {
	case opCreate, opSync:
		return " " + b.UString()
	case opCreate2, opCreateContainer, opCreateTTL:
		return " " + b.UString() + w.statWords(b)
	case opExists, opSetData, opSetACL:
		return w.statWords(b)
	case opGetData:
		return fmt.Sprintf(" %#v", b.Buffer()) + w.statWords(b)
	case opGetACL:
		return fmt.Sprint(tree.ReadACLs(b)) + w.statWords(b)
	case opGetChildren:
		return fmt.Sprint(sorted(b.UStrings()))
	case opGetChildren2:
		return fmt.Sprint(sorted(b.UStrings())) + w.statWords(b)
	case opGetEphemerals:
		return fmt.Sprint(sorted(b.UStrings()))
	case opGetChildrenNumber, opAddWatch:
		return fmt.Sprint(" ", b.Int())
	case opMulti, opMultiRead:
		return w.multiWords(b)
	}
	return ""
}

func (w *wire) multiWords(b *jute.Reader) string {
	var s strings.Builder
	for {
		kind, done, code := b.Int(), b.Bool(), b.Int()
		fmt.Fprintf(&s, " [%d %v %d", kind, done, code)
		switch {
		case done || b.Err() != nil:
			return s.String() + "]"
		case kind == -1:
			fmt.Fprintf(&s, " %d]", b.Int())
		default:
			fmt.Fprintf(&s, "%s]", w.words(kind, b))
		}
	}
}

func (w *wire) statWords(b *jute.Reader) string {
	s := readStat(b)
	return fmt.Sprintf(" v%d c%d a%d mine=%v owner=%v len%d kids%d changed=%v listed=%v", s.Version, s.Cversion, s.Aversion,
		s.EphemeralOwner == w.session, s.EphemeralOwner != 0, s.DataLength, s.NumChildren, s.Mzxid > s.Czxid, s.Pzxid > s.Czxid)
}

// Paths that are watched in one lasting way only: 3.8.0 forgets a lasting watch when another is set at its path
// (ZOOKEEPER-4466).
const (
	persistentAt = "/a/y"
	recursiveAt  = "/b"
)

func randomRequest(rng *rand.Rand) (op int32, body []byte) {
	path := randomPath(rng)
	watch := func() []byte {
		return jute.AppendBool(pathBody(path), rng.IntN(3) == 0 && path != persistentAt && path != recursiveAt)
	}
	switch op := []int32{opExists, opGetData, opGetACL, opGetChildren, opGetChildren2, opSync, opMulti, opMultiRead, opGetEphemerals,
		opGetChildrenNumber, opAddWatch, opRemoveWatches, opPing, 0, 0, 0, 0, 0, 0, 0, 0}[rng.IntN(21)]; op {
	case opExists, opGetData, opGetChildren, opGetChildren2:
		return op, watch()
	case opGetChildrenNumber:
		return op, pathBody(canonicalRoot(path))
	case opGetACL, opSync, opGetEphemerals:
		return op, pathBody(path)
	case opAddWatch:
		if rng.IntN(2) == 0 {
			return op, versionBody(persistentAt, 0)
		}
		return op, versionBody(recursiveAt, 1)
	case opRemoveWatches:
		return op, versionBody(path, 3)
	case opMulti:
		var ops []multiOp
		for range rng.IntN(4) + 1 {
			kind, body := randomWrite(rng, randomPath(rng))
			if kind != opSetACL && !bytes.HasSuffix(body, []byte{5}) && !bytes.HasSuffix(body, []byte{6}) {
				ops = append(ops, multiOp{kind, body})
			}
		}
		return op, multiBody(ops...)
	case opMultiRead:
		return op, multiBody(multiOp{opGetData, jute.AppendBool(pathBody(path), false)},
			multiOp{opGetChildren, jute.AppendBool(pathBody(randomPath(rng)), false)})
	case opPing:
		return op, nil
	}
	return randomWrite(rng, path)
}

func randomPath(rng *rand.Rand) string {
	return []string{"/", "/a", "/a", "/b", "/a/x", "/a/y", "/a/x/z", "/b/x", "/b/", "/a//x", "/a/..", "nope", "", "/zookeeper",
		"/zookeeper/quota", "/a/x/"}[rng.IntN(16)]
}

// canonicalRoot avoids the empty path where ZooKeeper counts its root, which it has twice, once too often.
func canonicalRoot(path string) string { return cmp.Or(path, "/") }

func randomWrite(rng *rand.Rand, path string) (op int32, body []byte) {
	version := int32(rng.IntN(4) - 1)
	data := [][]byte{nil, {}, []byte("data")}[rng.IntN(3)]
	switch rng.IntN(9) {
	case 0:
		return opDelete, versionBody(path, version)
	case 1:
		return opDelete, versionBody(path, -1)
	case 2:
		return opSetData, jute.AppendInt(jute.AppendBuffer(pathBody(path), data), version)
	case 3:
		acl := [][]tree.ACL{tree.OpenACL(), nil, {{Perms: 31, Scheme: "nonsense", ID: "x"}}, {{Perms: 31, Scheme: "ip", ID: "127.0.0.1"}},
			{{Perms: 31, Scheme: "auth", ID: ""}}, append(tree.OpenACL(), tree.OpenACL()...)}[rng.IntN(6)]
		return opSetACL, jute.AppendInt(tree.AppendACLs(pathBody(path), acl), version)
	case 4:
		return opCreate2, createBody(path, data, int32(rng.IntN(4)))
	case 5:
		return opCreateContainer, createBody(path, data, 4)
	case 6:
		return opCreateTTL, jute.AppendLong(createBody(path, data, int32(rng.IntN(7))), 60_000)
	}
	return opCreate, createBody(path, data, int32(rng.IntN(8)))
}
