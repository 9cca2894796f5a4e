package tree

import "fmt"

// An Op is one operation of a write: Create, Delete, SetData, SetACL, Check or Reap.
type Op interface {
	// plan decides, without changing anything, what the operation does to t: a change, nothing (nil, OK), or an error.
	plan(t *Tree, by Caller) (*Change, Code)
}

// A Caller is who asks for a write.
type Caller struct {
	Session    int64 // owns the ephemerals it creates
	Identities []Identity
}

// A Mode is a kind of node to create.
type Mode int

// The modes of create requests. The zero Mode is none of them and is refused with BadArguments.
const (
	Persistent Mode = iota + 1
	PersistentSequential
	Ephemeral
	EphemeralSequential
	Container
	TTL
	TTLSequential
)

func (m Mode) sequential() bool {
	return m == PersistentSequential || m == EphemeralSequential || m == TTLSequential
}

// Create makes a node. For a sequential mode ten digits are appended to Path.
type Create struct {
	Path string
	Data []byte // nil is ZooKeeper's null
	ACL  []ACL
	Mode Mode
	TTL  int64 // ms, 1 to 0xffffffffff; for the TTL modes only
}

func (op Create) plan(t *Tree, by Caller) (*Change, Code) {
	owner, code := op.owner(t, by)
	if code != OK {
		return nil, code
	}
	parentPath, _, ok := split(op.Path)
	if !ok {
		return nil, BadArguments
	}
	acl, code := normalACL(op.ACL, by.Identities)
	if code != OK {
		return nil, code
	}
	parent := t.nodes[parentPath]
	switch {
	case parent == nil:
		return nil, NoNode
	case !t.allows(parent.acl, PermCreate, by.Identities):
		return nil, NoAuth
	}
	path := op.Path
	if op.Mode.sequential() {
		path += fmt.Sprintf("%010d", parent.creates)
	}
	if code := t.vacant(path, parent); code != OK {
		return nil, code
	}
	if t.exceedsQuota(path, 1, int64(len(op.Data))) {
		return nil, QuotaExceeded
	}
	return &Change{Kind: KindCreate, Path: path, Data: op.Data, ACL: acl, Owner: owner, Version: parent.creates + 1}, OK
}

// owner returns the stored owner field of the node to create.
func (op Create) owner(t *Tree, by Caller) (int64, Code) {
	switch op.Mode {
	case Persistent, PersistentSequential:
		return 0, OK
	case Ephemeral, EphemeralSequential:
		return by.Session, OK
	case Container:
		return OwnerContainer, OK
	case TTL, TTLSequential:
		switch {
		case !t.opt.ExtendedTypes:
			return 0, Unimplemented
		case op.TTL <= 0 || op.TTL > maxTTL:
			return 0, BadArguments
		}
		return OwnerTTL(op.TTL), OK
	}
	return 0, BadArguments
}

func (t *Tree) vacant(path string, parent *node) Code {
	switch {
	case !validPath(path):
		return BadArguments
	case t.nodes[path] != nil:
		return NodeExists
	case isEphemeral(parent.owner):
		return NoChildrenForEphemerals
	}
	return OK
}

// Delete removes a node without children. Version -1 is any version.
type Delete struct {
	Path    string
	Version int32
}

func (op Delete) plan(t *Tree, by Caller) (*Change, Code) {
	parentPath, _, ok := split(op.Path)
	if !ok || op.Path == rootPath || op.Path == systemPath || op.Path == quotaPath || op.Path == configPath {
		return nil, BadArguments
	}
	parent := t.nodes[parentPath]
	switch {
	case parent == nil:
		return nil, NoNode
	case !t.allows(parent.acl, PermDelete, by.Identities):
		return nil, NoAuth
	}
	n := t.nodes[op.Path]
	switch {
	case n == nil:
		return nil, NoNode
	case op.Version != -1 && op.Version != n.version:
		return nil, BadVersion
	case len(n.children) > 0:
		return nil, NotEmpty
	}
	return &Change{Kind: KindDelete, Path: op.Path}, OK
}

// SetData replaces a node's data. Version -1 is any version.
type SetData struct {
	Path    string
	Data    []byte
	Version int32
}

func (op SetData) plan(t *Tree, by Caller) (*Change, Code) {
	if !validPath(op.Path) {
		return nil, BadArguments
	}
	n, code := t.readable(op.Path, PermWrite, by.Identities)
	switch {
	case code != OK:
		return nil, code
	case t.exceedsQuota(op.Path, 0, int64(len(op.Data)-len(n.data))):
		return nil, QuotaExceeded
	case op.Version != -1 && op.Version != n.version:
		return nil, BadVersion
	}
	return &Change{Kind: KindSetData, Path: op.Path, Data: op.Data, Version: nextVersion(n.version)}, OK
}

// SetACL replaces a node's list. Version is compared with aversion; -1 is any.
type SetACL struct {
	Path    string
	ACL     []ACL
	Version int32
}

func (op SetACL) plan(t *Tree, by Caller) (*Change, Code) {
	if !validPath(op.Path) {
		return nil, BadArguments
	}
	acl, code := normalACL(op.ACL, by.Identities)
	if code != OK {
		return nil, code
	}
	n, code := t.readable(op.Path, PermAdmin, by.Identities)
	switch {
	case code != OK:
		return nil, code
	case op.Version != -1 && op.Version != n.aversion:
		return nil, BadVersion
	}
	return &Change{Kind: KindSetACL, Path: op.Path, ACL: acl, Version: nextVersion(n.aversion)}, OK
}

// Check asserts that a node is there and has a version; -1 is any. It changes nothing.
type Check struct {
	Path    string
	Version int32
}

func (op Check) plan(t *Tree, by Caller) (*Change, Code) {
	if !validPath(op.Path) {
		return nil, BadArguments
	}
	n, code := t.readable(op.Path, PermRead, by.Identities)
	switch {
	case code != OK:
		return nil, code
	case op.Version != -1 && op.Version != n.version:
		return nil, BadVersion
	}
	return nil, OK
}
