package txnlog

import (
	"encoding/hex"
	"fmt"
	"hash/adler32"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

// A history drives a store as the server does, and remembers the tree after each zxid.
type history struct {
	fs     FS
	store  *Store
	tree   *tree.Tree
	states map[int64]*tree.Image
	acked  int64
}

var treeOptions = tree.Options{ExtendedTypes: true}

func openStore(fs FS) (*Store, *tree.Tree, error) {
	return Open("/data", "/log", Options{FS: fs, Tree: treeOptions, Log: slog.New(slog.DiscardHandler)})
}

func begin(t testing.TB, fs FS) *history {
	t.Helper()
	s, tr, err := openStore(fs)
	if err != nil {
		t.Fatal(err)
	}
	h := &history{fs: fs, store: s, tree: tr, states: map[int64]*tree.Image{}}
	h.remember()
	return h
}

func (h *history) remember() {
	im := h.tree.Image()
	im.Sort()
	h.states[im.Zxid] = im
}

// write adds one transaction to the batch; which kind depends on its zxid.
func (h *history) write() {
	at := tree.Stamp{Zxid: h.tree.LastZxid() + 1, Time: 1_700_000_000_000 + h.tree.LastZxid()}
	session := int64(99)
	txn := tree.Txn{Stamp: at, Session: session, Cxid: int32(at.Zxid)}
	create := func(mode tree.Mode) tree.Op {
		return tree.Create{Path: fmt.Sprintf("/n%d-", at.Zxid), Data: []byte(strings.Repeat("x", int(at.Zxid%97))),
			ACL: []tree.ACL{{Perms: 31, Scheme: "ip", ID: "10.0.0.1"}}, Mode: mode, TTL: at.Zxid + 1}
	}
	var ops []tree.Op
	switch at.Zxid % 8 {
	case 1:
		txn.Changes = []tree.Change{h.tree.OpenSession(at, session, 6000)}
	case 2:
		ops = []tree.Op{create(tree.EphemeralSequential)}
	case 3:
		ops = []tree.Op{create(tree.Container), create(tree.TTLSequential), tree.SetData{Path: "/", Data: []byte("root"), Version: -1}}
	case 4:
		ops = []tree.Op{create(tree.PersistentSequential)}
	case 5:
		ops = []tree.Op{tree.SetACL{Path: "/", ACL: tree.OpenACL(), Version: -1}}
	case 6:
		ops = []tree.Op{create(tree.Persistent), tree.Delete{Path: fmt.Sprintf("/n%d-", at.Zxid), Version: -1}}
	case 7:
		change, _ := h.tree.CloseSession(at, session)
		txn.Changes = []tree.Change{change}
	case 0:
		ops = []tree.Op{tree.SetData{Path: "/", Data: nil, Version: -1}}
	}
	if ops != nil {
		txn.Changes = h.tree.Write(at, tree.Caller{Session: session}, ops...).Changes
	}
	h.store.Append(txn)
	h.remember()
}

func (h *history) commit() error {
	err := h.store.Commit()
	if err == nil {
		h.acked = h.tree.LastZxid()
	}
	return err
}

func (h *history) snapshot() error {
	im := h.tree.Image()
	if err := h.store.Roll(); err != nil {
		return err
	}
	return h.store.WriteSnapshot(im)
}

// check reopens the disk and holds that it has everything acknowledged and nothing but what happened. It returns the
// history from there on.
func (h *history) check(t testing.TB, fs FS) *history {
	t.Helper()
	next := begin(t, fs)
	zxid := next.tree.LastZxid()
	if zxid < h.acked {
		t.Fatalf("recovered up to 0x%x, but 0x%x was acknowledged", zxid, h.acked)
	}
	if !reflect.DeepEqual(next.states[zxid], h.states[zxid]) {
		t.Fatalf("the tree at 0x%x is\n%+v\nbut was\n%+v", zxid, next.states[zxid], h.states[zxid])
	}
	for z, im := range h.states {
		if z <= zxid {
			next.states[z] = im
		}
	}
	next.acked = zxid
	return next
}

// TestCutAtEveryByte cuts the log inside its last batch, at every byte, and also puts zeros where it was cut.
func TestCutAtEveryByte(t *testing.T) {
	disk := newMemFS()
	h := begin(t, disk)
	for range 9 {
		h.write()
		h.commit()
	}
	whole := h.store.off
	for range 5 {
		h.write()
	}
	if err := h.store.Commit(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("/log/version-2", "log.1")
	log, _ := disk.ReadFile(path)
	for end := whole; end <= h.store.off; end++ {
		for _, zeros := range []int{0, 1, 300} {
			cut := newMemFS()
			b := append(append([]byte{}, log[:end]...), make([]byte, zeros)...)
			cut.names[path] = &inode{data: b}
			next := h.check(t, cut)
			next.write()
			if err := next.commit(); err != nil {
				t.Fatal(err)
			}
			next.check(t, cut)
		}
	}
}

// TestCutInTheFirstBatch cuts a segment that has nothing acknowledged yet, its header included.
func TestCutInTheFirstBatch(t *testing.T) {
	disk := newMemFS()
	h := begin(t, disk)
	h.write()
	if err := h.store.Commit(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("/log/version-2", "log.1")
	log, _ := disk.ReadFile(path)
	for end := range h.store.off {
		cut := newMemFS()
		cut.names[path] = &inode{data: append([]byte{}, log[:end]...)}
		next := h.check(t, cut)
		next.write()
		if err := next.commit(); err != nil {
			t.Fatal(err)
		}
		next.check(t, cut)
	}
}

// TestDamageBeforeTheLastBatchIsRefused flips each byte of acknowledged batches: never may a start lose them quietly.
func TestDamageBeforeTheLastBatchIsRefused(t *testing.T) {
	disk := newMemFS()
	h := begin(t, disk)
	var last int64
	for range 9 {
		last = h.store.off
		h.write()
		h.write()
		h.commit()
	}
	path := filepath.Join("/log/version-2", "log.1")
	log, _ := disk.ReadFile(path)
	for at := range last {
		damaged := append([]byte{}, log...)
		damaged[at] ^= 0x20
		bad := newMemFS()
		bad.names[path] = &inode{data: damaged}
		s, tr, err := openStore(bad)
		if err != nil {
			continue
		}
		// The only bytes that nothing depends on are the header's database id.
		if at < 8 || at >= headerSize || tr.LastZxid() != h.acked {
			t.Fatalf("byte %d is damaged and the server starts at 0x%x of 0x%x", at, tr.LastZxid(), h.acked)
		}
		s.Close()
	}
}

func TestHoleInTheLastBatchIsCut(t *testing.T) {
	disk := newMemFS()
	h := begin(t, disk)
	h.write()
	h.commit()
	from := h.store.off
	for range 6 {
		h.write()
	}
	h.store.Commit()
	path := filepath.Join("/log/version-2", "log.1")
	log, _ := disk.ReadFile(path)
	for at := from; at < h.store.off-block; at += 16 {
		torn := append([]byte{}, log...)
		clear(torn[at : at+block])
		fs := newMemFS()
		fs.names[path] = &inode{data: torn}
		h.check(t, fs)
	}
}

// TestLossAtAnyTime runs random histories and ends them at a random change of the disk: the process is killed, or the
// power goes, or first the one and then, while the next start recovers or after it, the other. It goes on from there.
func TestLossAtAnyTime(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		disk := newMemFS()
		h := begin(t, disk)
		for range 6 {
			disk.killAt = disk.ops + rapid.IntRange(1, 60).Draw(rt, "kill")
			for alive := true; alive; {
				for range rapid.IntRange(1, 5).Draw(rt, "batch") {
					h.write()
				}
				alive = h.commit() == nil
				if alive && rapid.IntRange(0, 9).Draw(rt, "snapshot") == 0 {
					alive = h.snapshot() == nil
				}
			}
			disk.killAt = 0
			if rapid.Bool().Draw(rt, "recovery is cut off") {
				disk.killAt = disk.ops + rapid.IntRange(1, 4).Draw(rt, "after")
				openStore(disk)
				disk.killAt = 0
			}
			if rapid.Bool().Draw(rt, "power") {
				disk = disk.powerLoss(rng)
			}
			h = h.check(t, disk)
		}
	})
}

// TestWhatAStartShowedSurvivesALossOfPower: the process was killed between the write of a batch and its fsync. The next
// start reads the batch all the same, shows it and builds on it: by then it must be on disk, its segment's name too.
func TestWhatAStartShowedSurvivesALossOfPower(t *testing.T) {
	for seed := range uint64(100) {
		for _, before := range []int{0, 20} {
			disk := newMemFS()
			h := begin(t, disk)
			for range before {
				h.write()
			}
			h.commit()
			h.write()
			disk.killAt = disk.ops + map[int]int{0: 4, 20: 2}[before] // the fsync; a new segment is made and has a header first
			if h.commit() == nil {
				t.Fatal("was not killed")
			}
			disk.killAt = 0
			h = h.check(t, disk)
			if seed%2 == 0 {
				h.write()
				h.commit()
			}
			if h.acked < int64(before+1) {
				t.Fatalf("the start showed only 0x%x", h.acked)
			}
			h.check(t, disk.powerLoss(rand.New(rand.NewPCG(seed, 1))))
		}
	}
}

func TestSnapshotsAreKeptAndPurged(t *testing.T) {
	disk := newMemFS()
	h := begin(t, disk)
	for range 6 {
		h.write()
		h.write()
		h.commit()
		if err := h.snapshot(); err != nil {
			t.Fatal(err)
		}
	}
	snaps, _ := disk.ReadDir("/data/version-2")
	logs, _ := disk.ReadDir("/log/version-2")
	if !reflect.DeepEqual(snaps, []string{"snapshot.8", "snapshot.a", "snapshot.c"}) || !reflect.DeepEqual(logs, []string{"log.9", "log.b"}) {
		t.Fatalf("kept %v %v", snaps, logs)
	}
	for i, name := range []string{"snapshot.c", "snapshot.a"} { // the older ones and the log stand in
		damage(disk, "/data/version-2/"+name)
		if next := h.check(t, disk); next.tree.LastZxid() != 12 {
			t.Fatalf("%d damaged: recovered 0x%x", i+1, next.tree.LastZxid())
		}
	}
	damage(disk, "/data/version-2/snapshot.8")
	if _, _, err := openStore(disk); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Fatalf("all snapshots damaged: %v", err)
	}
}

func damage(disk *memFS, path string) { disk.names[path].data[30] ^= 1 }

func TestMissingSegmentIsRefused(t *testing.T) {
	disk := newMemFS()
	h := begin(t, disk)
	for range 3 {
		h.write()
		h.commit()
		h.store.Roll()
	}
	disk.Remove("/log/version-2/log.2")
	if _, _, err := openStore(disk); err == nil || !strings.Contains(err.Error(), "those between are missing") {
		t.Fatalf("got %v", err)
	}
	disk.Remove("/log/version-2/log.1")
	if _, _, err := openStore(disk); err == nil || !strings.Contains(err.Error(), "those between are missing") {
		t.Fatalf("without the beginning: %v", err)
	}
}

func TestTornSegmentThatIsNotTheLastIsRefused(t *testing.T) {
	disk := newMemFS()
	h := begin(t, disk)
	for range 2 {
		h.write()
		h.commit()
		h.store.Roll()
	}
	f := disk.names["/log/version-2/log.1"]
	f.data = f.data[:len(f.data)-1]
	if _, _, err := openStore(disk); err == nil || !strings.Contains(err.Error(), "later segments follow") {
		t.Fatalf("got %v", err)
	}
}

func TestFailedWriteBreaksTheStore(t *testing.T) {
	disk := newMemFS()
	h := begin(t, disk)
	h.write()
	h.commit()
	disk.killAt = disk.ops + 1
	h.write()
	first := h.store.Commit()
	disk.killAt = 0
	if again := h.store.Commit(); first == nil || again != first {
		t.Fatalf("first %v, then %v: nothing may be written after a failure", first, again)
	}
}

func TestSecretStays(t *testing.T) {
	disk := newMemFS()
	h := begin(t, disk)
	a, err := h.store.Secret()
	b, _ := begin(t, disk).store.Secret()
	if err != nil || len(a) != 32 || !reflect.DeepEqual(a, b) {
		t.Fatalf("%x, then %x, %v", a, b, err)
	}
}

func TestDirectoryIsLocked(t *testing.T) {
	dir := t.TempDir()
	opt := Options{FS: OS{}, Log: slog.New(slog.DiscardHandler)}
	s, _, err := Open(dir, dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(dir, dir, opt); err == nil || !strings.Contains(err.Error(), "another server is using") {
		t.Fatalf("a second server: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, _, err = Open(dir, dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

// TestBothDirectoriesAreLocked: servers that share one of the two directories are kept apart, however they spell it.
func TestBothDirectoriesAreLocked(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	opt := Options{FS: OS{}, Log: slog.New(slog.DiscardHandler)}
	s, _, err := Open(dir, filepath.Join(dir, "log"), opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, dirs := range [][2]string{{dir, dir}, {link, t.TempDir()}, {t.TempDir(), filepath.Join(link, "log")}} {
		if _, _, err := Open(dirs[0], dirs[1], opt); err == nil || !strings.Contains(err.Error(), "another server is using") {
			t.Errorf("%v beside %s: %v", dirs, dir, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, _, err = Open(dir, link, opt); err != nil { // one directory by two names
		t.Fatal(err)
	}
	s.Close()
}

func TestMkdirAll(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b", "version-2")
	for range 2 {
		if err := (OS{}).MkdirAll(deep); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(deep); err != nil || !info.IsDir() {
		t.Fatalf("%v %v", info, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "file"), filepath.Join(dir, "file", "x")} {
		if err := (OS{}).MkdirAll(path); err == nil {
			t.Errorf("%s was made", path)
		}
	}
}

// TestFailedWriteLeavesNoTemporaryFile: a full disk fails the write of a snapshot; the log needs the space it took.
func TestFailedWriteLeavesNoTemporaryFile(t *testing.T) {
	for name, write := range map[string]func(*history) error{
		"snapshot": (*history).snapshot,
		"secret":   func(h *history) error { _, err := h.store.Secret(); return err },
	} {
		for op := 1; ; op++ {
			disk := newMemFS()
			h := begin(t, disk)
			h.write()
			h.commit()
			h.store.Roll()
			disk.failAt = disk.ops + op
			err := write(h)
			if names, _ := disk.ReadDir("/data/version-2"); err != nil && slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, tempPrefix) }) {
				t.Errorf("%s: after the failure of change %d, %v, there are %v", name, op, err, names)
			}
			if disk.ops < disk.failAt {
				break
			}
			if err == nil {
				t.Errorf("%s: the failure of change %d is not reported", name, op)
			}
		}
	}
}

// TestReadsZooKeepersFiles recovers a log that Apache ZooKeeper 3.8.0 wrote (error transactions, multis, digests and
// preallocated zeros included) and compares the tree with the snapshot that it took itself of the same.
func TestReadsZooKeepersFiles(t *testing.T) {
	load := func(dir string) *tree.Image {
		t.Helper()
		copied := newMemFS()
		names, err := OS{}.ReadDir(filepath.Join(dir, "version-2"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			b, err := OS{}.ReadFile(filepath.Join(dir, "version-2", name))
			if err != nil {
				t.Fatal(err)
			}
			to := "/data/version-2/"
			if strings.HasPrefix(name, logPrefix) {
				to = "/log/version-2/"
			}
			copied.names[to+name] = &inode{data: b}
		}
		h := begin(t, copied)
		return h.states[h.tree.LastZxid()]
	}
	ours, theirs := load("testdata/zookeeper-3.8.0"), load("testdata/zookeeper-3.8.0-restarted")
	if ours.Zxid != 0x13 || len(ours.Nodes) != 9 || !reflect.DeepEqual(ours, theirs) {
		t.Fatalf("from its log  %+v\nfrom its snapshot %+v", ours, theirs)
	}
}

// TestLogBytes pins the format: header, checksum, length, TxnHeader, CreateTxn, batch mark, end mark.
func TestLogBytes(t *testing.T) {
	disk := newMemFS()
	h := begin(t, disk)
	at := tree.Stamp{Zxid: 1, Time: 2}
	out := h.tree.Write(at, tree.Caller{Session: 3}, tree.Create{Path: "/a", Data: []byte("d"), ACL: tree.OpenACL(), Mode: tree.Ephemeral})
	h.store.Append(tree.Txn{Stamp: at, Session: 3, Cxid: 4, Changes: out.Changes})
	h.store.Commit()
	h.store.Close()
	log, _ := disk.ReadFile("/log/version-2/log.1")
	want := "5a4b4c47" + "00000002" + "0000000000000000" +
		"00000000bda1077d" + "00000057" +
		"0000000000000003" + "00000004" + "0000000000000001" + "0000000000000002" + "00000001" +
		"00000002" + "2f61" + "00000001" + "64" +
		"00000001" + "0000001f" + "00000005" + "776f726c64" + "00000006" + "616e796f6e65" +
		"01" + "00000001" +
		"6b6c6162" + "0000000000000001" + "42"
	if got := hex.EncodeToString(log); got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
}

// TestUnknownACLIsNotOpen reads a snapshot that refers to a list it does not have, as ZooKeeper's may when they are taken
// while it writes (ZOOKEEPER-4846).
func TestUnknownACLIsNotOpen(t *testing.T) {
	mine := []tree.ACL{{Perms: tree.PermAll, Scheme: tree.SchemeIP, ID: "10.0.0.1"}}
	for _, logged := range []bool{true, false} {
		disk := newMemFS()
		im := tree.New(treeOptions).Image()
		im.Nodes = append(im.Nodes, tree.ImageNode{Path: "/secret", ACL: mine, Czxid: 1, Mzxid: 1, Pzxid: 1})
		im.Sort()
		disk.names["/data/version-2/snapshot.0"] = &inode{data: snapshotWithoutLists(im)}
		if logged {
			h := history{tree: tree.New(treeOptions), store: &Store{fs: disk, logDir: "/log/version-2"}}
			out := h.tree.Write(tree.Stamp{Zxid: 1}, tree.Caller{}, tree.Create{Path: "/secret", ACL: mine, Mode: tree.Persistent})
			h.store.Append(tree.Txn{Stamp: tree.Stamp{Zxid: 1}, Changes: out.Changes})
			if err := h.store.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		var warnings strings.Builder
		_, tr, err := Open("/data", "/log", Options{FS: disk, Tree: treeOptions, Log: slog.New(slog.NewTextHandler(&warnings, nil))})
		if err != nil {
			t.Fatal(err)
		}
		_, stranger := tr.Exists("/secret", nil)
		_, owner := tr.Exists("/secret", []tree.Identity{{Scheme: tree.SchemeIP, ID: "10.0.0.1"}})
		if stranger != tree.NoAuth || (owner == tree.OK) != logged || strings.Contains(warnings.String(), "/secret") == logged {
			t.Errorf("with its create in the log %v: a stranger gets %v, the owner %v; logged:\n%s", logged, stranger, owner, &warnings)
		}
	}
}

// snapshotWithoutLists writes an image whose nodes refer to lists by number and leaves out the table of lists.
func snapshotWithoutLists(im *tree.Image) []byte {
	numbers, _ := numberACLs(im.Nodes)
	b := appendHeader(nil, snapMagic, -1)
	b = jute.AppendInt(jute.AppendInt(b, 0), 0)
	for i := range im.Nodes {
		b = appendNode(b, &im.Nodes[i], numbers)
	}
	b = jute.AppendUString(b, "/")
	return jute.AppendUString(jute.AppendLong(b, int64(adler32.Checksum(b))), "/")
}
