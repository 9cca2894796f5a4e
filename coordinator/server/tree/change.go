package tree

// A Kind says what a Change does. The numbers are ZooKeeper's transaction types.
type Kind int32

// The kinds of changes.
const (
	KindCreate       Kind = 1
	KindDelete       Kind = 2
	KindSetData      Kind = 5
	KindSetACL       Kind = 7
	KindOpenSession  Kind = -10
	KindCloseSession Kind = -11
)

// A Change is the resolved effect of one operation: what to do, with nothing left to decide.
type Change struct {
	Kind    Kind
	Path    string
	Data    []byte   // create, setData
	ACL     []ACL    // create, setACL
	Owner   int64    // create: the stored owner field
	Version int32    // setData, setACL: the node's new version; create: the parent's number of creations after it
	Timeout int32    // openSession: ms
	Paths   []string // closeSession: the ephemerals to remove
}

// A Txn is one transaction: the changes that have one zxid.
type Txn struct {
	Stamp
	Session int64 // that asked for it, is opened or closed; 0 for the server's own
	Cxid    int32 // the client's number for the request
	Changes []Change
}

// Replay applies a logged transaction. It must have a zxid greater than LastZxid.
//
// It forgives what the fuzzy snapshots of other servers need forgiven: a change whose effect is there already (a node
// that exists, a node that is gone) leaves it in place, and only tells the parent. A node whose list the snapshot lost has
// it from its creation again.
func (t *Tree) Replay(txn Txn) {
	for _, c := range txn.Changes {
		switch c.Kind {
		case KindOpenSession:
			t.addSession(txn.Session, c.Timeout)
		case KindCloseSession:
			t.removeSession(txn.Stamp, txn.Session, c.Paths)
		default:
			t.apply(txn.Stamp, c)
		}
	}
	t.zxid = txn.Zxid
}

// apply performs a change of nodes and returns how to take it back.
func (t *Tree) apply(at Stamp, c Change) (undo func()) {
	switch c.Kind {
	case KindCreate:
		return t.create(at, c)
	case KindDelete:
		return t.remove(at, c.Path)
	}
	n := t.nodes[c.Path]
	if n == nil {
		return func() {}
	}
	old := *n
	if c.Kind == KindSetACL {
		n.acl, n.aversion = c.ACL, c.Version
		return func() { n.acl, n.aversion = old.acl, old.aversion }
	}
	t.replaceData(c.Path, n, c.Data)
	n.version, n.mzxid, n.mtime = c.Version, at.Zxid, at.Time
	return func() {
		t.replaceData(c.Path, n, old.data)
		n.version, n.mzxid, n.mtime = old.version, old.mzxid, old.mtime
	}
}

func (t *Tree) create(at Stamp, c Change) (undo func()) {
	parentPath, _, _ := split(c.Path)
	parent := t.nodes[parentPath]
	if parent == nil {
		return func() {}
	}
	creates, pzxid := parent.creates, parent.pzxid
	if c.Version > creates {
		parent.creates, parent.pzxid = c.Version, at.Zxid
	}
	if n := t.nodes[c.Path]; n != nil {
		if isLost(n.acl) {
			n.acl = c.ACL
		}
		return func() {}
	}
	t.link(c.Path, &node{
		data: c.Data, acl: c.ACL, owner: c.Owner,
		czxid: at.Zxid, mzxid: at.Zxid, pzxid: at.Zxid, ctime: at.Time, mtime: at.Time,
	})
	return func() {
		t.unlink(c.Path)
		parent.creates, parent.pzxid = creates, pzxid
	}
}

// remove takes a node out. It has children only if a fuzzy snapshot brought them from the future; the log will create
// them again.
func (t *Tree) remove(at Stamp, path string) (undo func()) {
	parentPath, _, _ := split(path)
	parent := t.nodes[parentPath]
	if parent == nil || path == rootPath {
		return func() {}
	}
	pzxid := parent.pzxid
	parent.pzxid = max(pzxid, at.Zxid)
	n := t.nodes[path]
	if n == nil {
		return func() { parent.pzxid = pzxid }
	}
	for name := range n.children {
		t.remove(at, path+"/"+name)
	}
	t.unlink(path)
	return func() {
		t.link(path, n)
		parent.pzxid = pzxid
	}
}
