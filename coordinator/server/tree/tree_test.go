package tree

import (
	"slices"
	"testing"
)

// A world is a tree with a counter for zxids; its clock shows 1000 times the zxid.
type world struct {
	*testing.T
	tree *Tree
	by   Caller
}

func newWorld(t *testing.T, opt Options) *world {
	return &world{t, New(opt), Caller{Session: 7, Identities: []Identity{{SchemeIP, "127.0.0.1"}}}}
}

func (w *world) at() Stamp {
	zxid := w.tree.LastZxid() + 1
	return Stamp{Zxid: zxid, Time: 1000 * zxid}
}

func (w *world) do(ops ...Op) Outcome { return w.tree.Write(w.at(), w.by, ops...) }

// ok does operations that must succeed and returns the path the first created.
func (w *world) ok(ops ...Op) string {
	w.Helper()
	out := w.do(ops...)
	if out.Code != OK {
		w.Fatalf("%+v: %v", ops, out.Code)
	}
	return out.Results[0].Path
}

func (w *world) stat(path string) Stat {
	w.Helper()
	s, code := w.tree.Exists(path, w.by.Identities)
	if code != OK {
		w.Fatalf("exists %s: %v", path, code)
	}
	return s
}

func plainNode(path string) Create {
	return Create{Path: path, Data: []byte{}, ACL: OpenACL(), Mode: Persistent}
}

func nodeIn(path string, mode Mode) Create {
	c := plainNode(path)
	c.Mode = mode
	return c
}

func nodeFor(path string, acl ...ACL) Create {
	c := plainNode(path)
	c.ACL = acl
	return c
}

func TestFreshTree(t *testing.T) {
	w := newWorld(t, Options{})
	if got, want := w.stat("/"), (Stat{Cversion: -1, NumChildren: 1}); got != want {
		t.Errorf("/ is %+v, want %+v", got, want)
	}
	if got, want := w.stat("/zookeeper"), (Stat{Cversion: -2, NumChildren: 2}); got != want {
		t.Errorf("/zookeeper is %+v, want %+v", got, want)
	}
	if got := w.stat("/zookeeper/config").Aversion; got != -1 {
		t.Errorf("aversion of /zookeeper/config is %d, want -1", got)
	}
	if code := w.do(SetData{"/zookeeper/config", nil, -1}).Code; code != NoAuth {
		t.Errorf("setting /zookeeper/config: %v, want NoAuth", code)
	}
	if data, _, code := w.tree.Get("", nil); code != OK || data == nil || len(data) != 0 {
		t.Errorf("the empty path must be the root, with empty data: %v %v", data, code)
	}
}

// TestOrderOfErrors gives each operation a request with several faults; the first in ZooKeeper's order must show.
func TestOrderOfErrors(t *testing.T) {
	locked := ACL{PermRead, schemeWorld, "anyone"}
	bad := ACL{PermAll, "nonsense", "x"}
	for name, tt := range map[string]struct {
		op   Op
		want Code
	}{
		"create: mode before path":             {Create{Path: "x", Mode: 0}, BadArguments},
		"create: TTL without extended types":   {Create{Path: "/ttl", ACL: OpenACL(), Mode: TTL, TTL: 5}, Unimplemented},
		"create: no slash":                     {plainNode("x"), BadArguments},
		"create: NUL":                          {plainNode("/a\x00b"), BadArguments},
		"create: ACL before parent":            {nodeFor("/none/x", bad), InvalidACL},
		"create: empty ACL":                    {nodeFor("/x"), InvalidACL},
		"create: parent before full path":      {plainNode("/none/.."), NoNode},
		"create: trailing slash misses parent": {plainNode("/plain/x/"), NoNode},
		"create: empty component":              {plainNode("/plain//x"), NoNode},
		"create: dots":                         {plainNode("/plain/.."), BadArguments},
		"create: permission before path":       {plainNode("/locked/.."), NoAuth},
		"create: the root":                     {plainNode("/"), NodeExists},
		"create: exists":                       {plainNode("/plain"), NodeExists},
		"create: below an ephemeral":           {plainNode("/ephemeral/x"), NoChildrenForEphemerals},
		"create: control character":            {plainNode("/a\x01"), BadArguments},
		"create: beyond the BMP":               {plainNode("/\U0001F600"), BadArguments},
		"delete: root":                         {Delete{"/", -1}, BadArguments},
		"delete: quota":                        {Delete{"/zookeeper/quota", -1}, BadArguments},
		"delete: no slash":                     {Delete{"x", -1}, BadArguments},
		"delete: parent missing":               {Delete{"/none/x", -1}, NoNode},
		"delete: permission before existence":  {Delete{"/locked/none", -1}, NoAuth},
		"delete: missing":                      {Delete{"/none", -1}, NoNode},
		"delete: version before children":      {Delete{"/plain", 9}, BadVersion},
		"delete: children":                     {Delete{"/plain", 0}, NotEmpty},
		"setData: path":                        {SetData{"/x/", nil, -1}, BadArguments},
		"setData: missing":                     {SetData{"/none", nil, 9}, NoNode},
		"setData: permission before version":   {SetData{"/locked", nil, 9}, NoAuth},
		"setData: version":                     {SetData{"/plain", nil, 9}, BadVersion},
		"setACL: path":                         {SetACL{"x", OpenACL(), -1}, BadArguments},
		"setACL: ACL before existence":         {SetACL{"/none", nil, -1}, InvalidACL},
		"setACL: missing":                      {SetACL{"/none", OpenACL(), -1}, NoNode},
		"setACL: permission before version":    {SetACL{"/locked", OpenACL(), 9}, NoAuth},
		"setACL: version":                      {SetACL{"/plain", OpenACL(), 9}, BadVersion},
		"check: path":                          {Check{"", 0}, BadArguments},
		"check: missing":                       {Check{"/none", 0}, NoNode},
		"check: version":                       {Check{"/plain", 9}, BadVersion},
		"check: right":                         {Check{"/plain", 0}, OK},
		"reap: plain node":                     {Reap{"/plain"}, BadVersion},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.ok(plainNode("/plain"), plainNode("/plain/child"), nodeIn("/ephemeral", Ephemeral), nodeFor("/locked", locked))
			zxid := w.tree.LastZxid()
			out := w.do(tt.op)
			if out.Code != tt.want || out.Results[0].Code != tt.want {
				t.Fatalf("got %v, want %v", out.Code, tt.want)
			}
			if len(out.Changes) != 0 || len(out.Events) != 0 || w.tree.LastZxid() != zxid {
				t.Fatalf("a write without effect left %+v", out)
			}
		})
	}
}

func TestStatFollowsZooKeeper(t *testing.T) {
	w := newWorld(t, Options{})
	w.ok(plainNode("/p"))                 // 1
	w.ok(plainNode("/p/a"))               // 2
	w.ok(plainNode("/p/b"))               // 3
	w.ok(Delete{"/p/a", 0})               // 4
	w.ok(SetData{"/p", []byte("xyz"), 0}) // 5
	w.ok(SetACL{"/p", OpenACL(), 0})      // 6
	want := Stat{Czxid: 1, Mzxid: 5, Ctime: 1000, Mtime: 5000, Version: 1, Cversion: 3, Aversion: 1,
		DataLength: 3, NumChildren: 1, Pzxid: 4}
	if got := w.stat("/p"); got != want {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
	if path := w.ok(nodeIn("/p/s-", PersistentSequential)); path != "/p/s-0000000002" {
		t.Fatalf("the suffix counts creations: got %s", path)
	}
	if path := w.ok(nodeIn("/p/", PersistentSequential)); path != "/p/0000000003" {
		t.Fatalf("a sequential path may end in a slash: got %s", path)
	}
}

func TestVersionSkipsAny(t *testing.T) {
	if nextVersion(-2) != 0 || nextVersion(0) != 1 {
		t.Fatal("version -1 means any and must never be a node's")
	}
}

func TestMulti(t *testing.T) {
	w := newWorld(t, Options{})
	out := w.do(plainNode("/a"), SetData{"/a", []byte("1"), 0}, nodeIn("/a/s", PersistentSequential),
		nodeIn("/a/s", PersistentSequential), Check{"/a", 1})
	if out.Code != OK || len(out.Changes) != 4 || w.tree.LastZxid() != 1 {
		t.Fatalf("%+v", out)
	}
	if out.Results[2].Path != "/a/s0000000000" || out.Results[3].Path != "/a/s0000000001" {
		t.Fatalf("sequential names in one multi: %+v", out.Results)
	}
	out = w.do(plainNode("/b"), Check{"/a", 99}, Delete{"/a", -1})
	codes := []Code{out.Results[0].Code, out.Results[1].Code, out.Results[2].Code}
	if !slices.Equal(codes, []Code{OK, BadVersion, RuntimeInconsistency}) || out.Code != BadVersion {
		t.Fatalf("codes of a failed multi: %v", codes)
	}
	if _, code := w.tree.Exists("/b", nil); code != NoNode || w.tree.LastZxid() != 1 {
		t.Fatal("a failed multi left something behind")
	}
	if out := w.do(); out.Code != OK || len(out.Changes) != 0 {
		t.Fatalf("empty multi: %+v", out)
	}
}

func TestSessionsOwnEphemerals(t *testing.T) {
	w := newWorld(t, Options{})
	w.tree.OpenSession(w.at(), 7, 6000)
	w.ok(plainNode("/ids"))
	w.ok(nodeIn("/ids/2", Ephemeral))
	w.ok(nodeIn("/ids/1", Ephemeral))
	if owner := w.stat("/ids/1").EphemeralOwner; owner != 7 {
		t.Fatalf("owner is %d", owner)
	}
	if got := w.tree.Ephemerals(7, "/ids"); !slices.Equal(got, []string{"/ids/1", "/ids/2"}) {
		t.Fatalf("ephemerals %v", got)
	}
	change, events := w.tree.CloseSession(w.at(), 7)
	if !slices.Equal(change.Paths, []string{"/ids/1", "/ids/2"}) || len(events) != 4 {
		t.Fatalf("%+v %+v", change, events)
	}
	if w.stat("/ids").NumChildren != 0 || w.stat("/ids").Pzxid != w.tree.LastZxid() || w.tree.Counts().Sessions != 0 {
		t.Fatal("the ephemerals or the session are still there")
	}
	if got := w.tree.LastSession(); got != 7 {
		t.Fatalf("last session %d: ids must never come again", got)
	}
}

func TestContainersAndTTL(t *testing.T) {
	w := newWorld(t, Options{ExtendedTypes: true})
	ttl := func(path string, mode Mode, ttl int64) Create {
		c := nodeIn(path, mode)
		c.TTL = ttl
		return c
	}
	for _, bad := range []int64{0, -1, 0xffffffffff + 1} {
		if code := w.do(ttl("/bad", TTL, bad)).Code; code != BadArguments {
			t.Errorf("TTL %d: %v", bad, code)
		}
	}
	w.ok(nodeIn("/used", Container), plainNode("/used/x"), nodeIn("/unused", Container), ttl("/ttl", TTL, 5000))
	if path := w.ok(ttl("/t", TTLSequential, 5000)); path != "/t0000000003" {
		t.Fatalf("got %s", path)
	}
	if w.stat("/used").EphemeralOwner != 0 || w.stat("/ttl").EphemeralOwner != 0 {
		t.Error("containers and TTL nodes must show no owner")
	}
	if due := w.tree.Reapable(6000, 0); len(due) != 0 {
		t.Fatalf("due too early: %v", due)
	}
	w.ok(Delete{"/used/x", -1}) // zxid 3
	if due := w.tree.Reapable(6001, 0); !slices.Equal(due, []string{"/ttl", "/used"}) {
		t.Fatalf("due %v", due)
	}
	if due := w.tree.Reapable(9000, 1); !slices.Equal(due, []string{"/t0000000003", "/ttl", "/unused", "/used"}) {
		t.Fatalf("due %v", due)
	}
	w.ok(plainNode("/used/y"))
	if code := w.do(Reap{"/used"}).Code; code != NotEmpty {
		t.Errorf("a container with a child was reaped: %v", code)
	}
	w.ok(Reap{"/ttl"}, Reap{"/unused"}, Reap{"/t0000000003"}, Delete{"/used/y", -1}, Reap{"/used"})
	if w.tree.HasReapable() {
		t.Error("something is still listed for reaping")
	}
}

func TestQuota(t *testing.T) {
	w := newWorld(t, Options{EnforceQuota: true})
	w.ok(plainNode("/q"), plainNode("/q/a"), plainNode("/zookeeper/quota/q"))
	limits := plainNode("/zookeeper/quota/q/zookeeper_limits")
	limits.Data = []byte("count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=3")
	w.ok(limits, plainNode("/zookeeper/quota/q/zookeeper_stats"))
	usage := func() string {
		data, _, _ := w.tree.Get("/zookeeper/quota/q/zookeeper_stats", nil)
		return string(data)
	}
	if usage() != "count=2,bytes=0" {
		t.Fatalf("usage at first: %s", usage())
	}
	w.ok(SetData{"/q/a", []byte("12345678"), -1}, plainNode("/q/b"))
	if usage() != "count=3,bytes=8" {
		t.Fatalf("usage: %s", usage())
	}
	if code := w.do(plainNode("/q/c")).Code; code != QuotaExceeded {
		t.Errorf("a node above the hard limit: %v", code)
	}
	if code := w.do(SetData{"/q/b", []byte("123"), -1}).Code; code != QuotaExceeded {
		t.Errorf("bytes above the hard limit: %v", code)
	}
	if out := w.do(Delete{"/q/b", -1}, plainNode("/q/c"), Check{"/none", 0}); out.Code != NoNode || usage() != "count=3,bytes=8" {
		t.Errorf("an undone multi must not count: %v %s", out.Code, usage())
	}
	w.ok(SetData{"/q/b", []byte("12"), -1}) // up to the limit
	for limits, want := range map[string]Code{"countHardLimit=-1": OK, "countHardLimit=0": QuotaExceeded, "byteHardLimit=0": OK, "count=1,bytes=1": OK} {
		w.ok(SetData{"/zookeeper/quota/q/zookeeper_limits", []byte(limits), -1})
		if code := w.do(plainNode("/q/c"), Delete{"/q/c", -1}).Code; code != want {
			t.Errorf("an empty node under %s: %v, want %v", limits, code, want)
		}
	}
	w.ok(Delete{"/zookeeper/quota/q/zookeeper_limits", -1})
	w.ok(plainNode("/q/c"))
}

func TestCountDescendants(t *testing.T) {
	w := newWorld(t, Options{})
	w.ok(plainNode("/a"), plainNode("/a/b"), plainNode("/a/b/c"), plainNode("/ab"))
	for path, want := range map[string]int{"/": 7, "/a": 2, "/a/b/c": 0} {
		if got, code := w.tree.CountDescendants(path, nil); got != want || code != OK {
			t.Errorf("%s: %d %v, want %d", path, got, code, want)
		}
	}
	if _, code := w.tree.CountDescendants("/none", nil); code != NoNode {
		t.Errorf("missing node: %v", code)
	}
}

// TestCharactersOfPaths is at the edges of what ZooKeeper's PathUtils.validatePath lets through.
func TestCharactersOfPaths(t *testing.T) {
	for _, r := range []rune{' ', '~', 0xa0, 0xd7ff, 0xf900, 0xffef} {
		if !validPath("/a" + string(r)) {
			t.Errorf("%U is refused", r)
		}
	}
	for _, s := range []string{"\x00", "\x01", "\x1f", "\x7f", "\u009f", "\ue000", "\uf8ff", "\ufff0", "\uffff", "\U00010000", "\xff"} {
		if validPath("/a" + s) {
			t.Errorf("%q is taken", s)
		}
	}
}
