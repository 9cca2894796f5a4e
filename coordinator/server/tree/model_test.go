package tree

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawOp draws an operation on a small set of paths, so that operations meet.
func drawOp(t *rapid.T) Op {
	path := rapid.SampledFrom([]string{"/a", "/b", "/a/x", "/a/y", "/a/x/z", "/b/x", "/zookeeper/quota/a",
		"/zookeeper/quota/a/zookeeper_limits", "/zookeeper/quota/a/zookeeper_stats"}).Draw(t, "path")
	version := rapid.SampledFrom([]int32{-1, -1, 0, 1}).Draw(t, "version")
	data := rapid.SampledFrom([][]byte{nil, {}, []byte("d"), []byte("count=2,bytes=9=;countHardLimit=4")}).Draw(t, "data")
	acl := rapid.SampledFrom([][]ACL{OpenACL(), {{PermAll, SchemeIP, "10.0.0.1"}, {PermRead, schemeWorld, "anyone"}}}).Draw(t, "acl")
	switch rapid.IntRange(0, 7).Draw(t, "op") {
	case 0, 1, 2, 3:
		mode := rapid.SampledFrom([]Mode{Persistent, Persistent, PersistentSequential, Ephemeral, EphemeralSequential,
			Container, TTL, TTLSequential}).Draw(t, "mode")
		return Create{Path: path, Data: data, ACL: acl, Mode: mode, TTL: 1000}
	case 4:
		return Delete{path, version}
	case 5:
		return SetData{path, data, version}
	case 6:
		return SetACL{path, acl, version}
	}
	return Check{path, version}
}

func image(t *Tree) *Image {
	im := t.Image()
	im.Sort()
	return im
}

// TestTreeProperties drives a tree with random multis and sessions, and holds after each step: a failed write changes
// nothing; replaying the logged changes gives the same tree; so does saving and restoring it; all indexes agree with
// the nodes.
func TestTreeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		opt := Options{ExtendedTypes: true, EnforceQuota: true}
		live, replica := New(opt), New(opt)
		session := int64(1)
		at := func() Stamp { return Stamp{live.LastZxid() + 1, 5000 + live.LastZxid()} }
		live.OpenSession(at(), session, 4000)
		replica.Replay(Txn{Stamp{1, 5000}, session, 0, []Change{{Kind: KindOpenSession, Timeout: 4000}}})
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				ops := make([]Op, rapid.IntRange(1, 4).Draw(t, "ops"))
				for i := range ops {
					ops[i] = drawOp(t)
				}
				before, stamp := image(live), at()
				out := live.Write(stamp, Caller{Session: session, Identities: []Identity{{SchemeIP, "10.0.0.1"}}}, ops...)
				if len(out.Changes) > 0 {
					replica.Replay(Txn{stamp, session, 0, out.Changes})
				} else if !reflect.DeepEqual(before, image(live)) {
					t.Fatalf("%v changed the tree without a change:\n%+v\n%+v", out.Code, before, image(live))
				}
			},
			"next session": func(t *rapid.T) {
				stamp := at()
				change, _ := live.CloseSession(stamp, session)
				replica.Replay(Txn{stamp, session, 0, []Change{change}})
				session++
				stamp = at()
				change = live.OpenSession(stamp, session, 4000)
				replica.Replay(Txn{stamp, session, 0, []Change{change}})
			},
			"": func(t *rapid.T) {
				if !reflect.DeepEqual(image(live), image(replica)) {
					t.Fatalf("replay differs:\n%+v\n%+v", image(live), image(replica))
				}
				restored, err := Restore(image(live), opt)
				if err != nil || !reflect.DeepEqual(image(live), image(restored)) {
					t.Fatalf("restored differs: %v\n%+v\n%+v", err, image(live), image(restored))
				}
				checkIndexes(t, live)
				checkIndexes(t, restored)
			},
		})
	})
}

// checkIndexes derives every index again from the nodes.
func checkIndexes(t *rapid.T, tree *Tree) {
	var size int64
	ephemerals, reapable := map[int64]map[string]struct{}{}, map[string]struct{}{}
	children := map[string]int{}
	for path, n := range tree.nodes {
		size += int64(len(path) + len(n.data))
		switch {
		case isEphemeral(n.owner):
			if ephemerals[n.owner] == nil {
				ephemerals[n.owner] = map[string]struct{}{}
			}
			ephemerals[n.owner][path] = struct{}{}
		case n.owner != 0:
			reapable[path] = struct{}{}
		}
		if path != "/" {
			parent, name, _ := split(path)
			children[parent]++
			if _, ok := tree.nodes[parent].children[name]; !ok {
				t.Fatalf("%s is not among its parent's children", path)
			}
		}
	}
	for path, n := range tree.nodes {
		if len(n.children) != children[path] {
			t.Fatalf("%s lists %d children and has %d", path, len(n.children), children[path])
		}
	}
	if size != tree.dataSize || !reflect.DeepEqual(ephemerals, tree.ephemerals) || !reflect.DeepEqual(reapable, tree.reapable) {
		t.Fatalf("size %d/%d, ephemerals %v/%v, reapable %v/%v", tree.dataSize, size, tree.ephemerals, ephemerals, tree.reapable, reapable)
	}
	for subject, q := range tree.quotas {
		if fresh := tree.measure(subject); fresh.nodes != q.nodes || fresh.bytes != q.bytes {
			t.Fatalf("quota of %s counts %d nodes, %d bytes; there are %d, %d", subject, q.nodes, q.bytes, fresh.nodes, fresh.bytes)
		}
	}
}

// TestMatchesPlainModel compares what reads show with a map from path to data and version.
func TestMatchesPlainModel(t *testing.T) {
	type entry struct {
		data    string
		version int32
	}
	rapid.Check(t, func(t *rapid.T) {
		tree, model := New(Options{}), map[string]entry{}
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				path := "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b"}), 1, 3).Draw(t, "path"), "/")
				parent, _, _ := split(path)
				old, exists := model[path]
				_, hasParent := model[parent]
				hasParent = hasParent || parent == "/"
				data := rapid.StringN(0, 3, 9).Draw(t, "data")
				hasChild := slices.ContainsFunc(slices.Collect(maps.Keys(model)), func(p string) bool { return p != path && within(p, path) })
				want, stamp := OK, Stamp{tree.LastZxid() + 1, 1}
				var got Code
				switch rapid.IntRange(0, 2).Draw(t, "op") {
				case 0:
					got = tree.Write(stamp, Caller{}, Create{Path: path, Data: []byte(data), ACL: OpenACL(), Mode: Persistent}).Code
					switch {
					case !hasParent:
						want = NoNode
					case exists:
						want = NodeExists
					default:
						model[path] = entry{data, 0}
					}
				case 1:
					got = tree.Write(stamp, Caller{}, Delete{path, -1}).Code
					switch {
					case !exists:
						want = NoNode
					case hasChild:
						want = NotEmpty
					default:
						delete(model, path)
					}
				case 2:
					version := rapid.Int32Range(-1, 2).Draw(t, "version")
					got = tree.Write(stamp, Caller{}, SetData{path, []byte(data), version}).Code
					switch {
					case !exists:
						want = NoNode
					case version != -1 && version != old.version:
						want = BadVersion
					default:
						model[path] = entry{data, old.version + 1}
					}
				}
				if got != want {
					t.Fatalf("%s: got %v, want %v", path, got, want)
				}
			},
			"": func(t *rapid.T) {
				if got := tree.Counts().Nodes; got != len(model)+4 {
					t.Fatalf("%d nodes, want %d", got, len(model)+4)
				}
				for path, want := range model {
					data, stat, code := tree.Get(path, nil)
					if code != OK || string(data) != want.data || stat.Version != want.version {
						t.Fatalf("%s: %q version %d %v, want %+v", path, data, stat.Version, code, want)
					}
				}
			},
		})
	})
}

func TestRestoreRefusesNonsense(t *testing.T) {
	for name, nodes := range map[string][]ImageNode{
		"no root":         {},
		"orphan":          {{Path: "/"}, {Path: "/a/b"}},
		"twice":           {{Path: "/"}, {Path: "/a"}, {Path: "/a"}},
		"no slash":        {{Path: "/"}, {Path: "a"}},
		"child is first":  {{Path: "/a"}, {Path: "/"}},
		"unnamed":         {{Path: "/"}, {Path: ""}},
		"NUL in the path": {{Path: "/"}, {Path: "/\x00"}},
	} {
		if _, err := Restore(&Image{Nodes: nodes}, Options{}); err == nil {
			t.Errorf("%s: restored", name)
		}
	}
}

// TestReplayForgives replays what the log holds next to a snapshot that was taken while it was written.
func TestReplayForgives(t *testing.T) {
	tree := New(Options{})
	replay := func(zxid int64, changes ...Change) {
		tree.Replay(Txn{Stamp: Stamp{zxid, zxid}, Session: 3, Changes: changes})
	}
	create := func(path string, creates int32) Change {
		return Change{Kind: KindCreate, Path: path, ACL: openACL, Version: creates}
	}
	replay(1, create("/a", 1), create("/a/b", 1))
	replay(2, create("/a", 1), Change{Kind: KindDelete, Path: "/none"}, Change{Kind: KindSetData, Path: "/none"})
	replay(3, create("/none/x", 1), Change{Kind: KindDelete, Path: "/"}, Change{Kind: KindCloseSession, Paths: []string{"/none"}})
	replay(4, Change{Kind: KindDelete, Path: "/a"}) // its child is from the future
	if _, code := tree.Exists("/a/b", nil); code != NoNode || tree.LastZxid() != 4 {
		t.Fatalf("%v at %d", code, tree.LastZxid())
	}
	replay(5, create("/a", 2), create("/a/b", 1))
	if n, _ := tree.CountDescendants("/a", nil); n != 1 {
		t.Fatalf("%d nodes below /a", n)
	}
}

// TestReplayedDeleteIsSeenByTheParent: the snapshot has the parent as it was before a deletion, and the child, read later,
// no more. The parent's pzxid must be raised all the same, or a watch of its children that is set again misses it.
func TestReplayedDeleteIsSeenByTheParent(t *testing.T) {
	for name, change := range map[string]Change{
		"delete":       {Kind: KindDelete, Path: "/p/gone"},
		"closeSession": {Kind: KindCloseSession, Paths: []string{"/p/gone"}},
	} {
		w := newWorld(t, Options{})
		w.ok(plainNode("/p"))
		w.tree.Replay(Txn{Stamp: w.at(), Session: 3, Changes: []Change{change}})
		if got := w.stat("/p").Pzxid; got != 2 {
			t.Errorf("%s: pzxid %d, want 2", name, got)
		}
		w.tree.Replay(Txn{Stamp: w.at(), Changes: []Change{{Kind: KindDelete, Path: "/none/gone"}}})
	}
}
