package tree

import (
	"maps"
	"slices"
	"strings"
)

// Options switch ZooKeeper's optional behaviour. The zero value is ZooKeeper's default.
type Options struct {
	ExtendedTypes bool // zookeeper.extendedTypesEnabled: allow TTL nodes
	EnforceQuota  bool // zookeeper.enforceQuota: reject writes above a hard limit
	SkipACL       bool // zookeeper.skipACL: no ACL is checked
}

// A Tree is the whole state of a ZooKeeper server that outlives the process.
type Tree struct {
	opt   Options
	zxid  int64 // of the last change
	nodes map[string]*node

	sessions    map[int64]int32               // id -> timeout in ms
	lastSession int64                         // the highest session id ever opened
	ephemerals  map[int64]map[string]struct{} // session -> paths; follows nodes
	reapable    map[string]struct{}           // paths of containers and TTL nodes; follows nodes
	quotas      map[string]*quota             // by the path they limit; follows nodes
	dataSize    int64                         // bytes of paths and data of all nodes
}

// New returns the tree of a fresh server: "/" and "/zookeeper" with "config" and "quota".
func New(opt Options) *Tree {
	t := empty(opt)
	for _, path := range []string{rootPath, systemPath, quotaPath, configPath} {
		t.link(path, &node{data: []byte{}, acl: openACL})
	}
	config := t.nodes[configPath]
	config.acl, config.aversion = []ACL{{PermRead, schemeWorld, "anyone"}}, -1
	return t
}

func empty(opt Options) *Tree {
	return &Tree{
		opt:   opt,
		nodes: map[string]*node{}, sessions: map[int64]int32{}, ephemerals: map[int64]map[string]struct{}{},
		reapable: map[string]struct{}{}, quotas: map[string]*quota{},
	}
}

// LastZxid returns the zxid of the last change, 0 for a fresh tree.
func (t *Tree) LastZxid() int64 { return t.zxid }

// Counts are sizes of a tree, as the four-letter word mntr reports them.
type Counts struct {
	Nodes, Ephemerals, Sessions int
	DataSize                    int64 // bytes of paths and data
}

// Counts returns the sizes of the tree.
func (t *Tree) Counts() Counts {
	c := Counts{Nodes: len(t.nodes), Sessions: len(t.sessions), DataSize: t.dataSize}
	for _, paths := range t.ephemerals {
		c.Ephemerals += len(paths)
	}
	return c
}

func (t *Tree) lookup(path string) *node { return t.nodes[canonical(path)] }

// link puts a node into the tree and into every index. Its parent, unless it is the root, must be there.
func (t *Tree) link(path string, n *node) {
	t.nodes[path] = n
	t.dataSize += int64(len(path) + len(n.data))
	if path != rootPath {
		parent, name, _ := split(path)
		p := t.nodes[parent]
		if p.children == nil {
			p.children = map[string]struct{}{}
		}
		p.children[name] = struct{}{}
	}
	switch {
	case isEphemeral(n.owner):
		if t.ephemerals[n.owner] == nil {
			t.ephemerals[n.owner] = map[string]struct{}{}
		}
		t.ephemerals[n.owner][path] = struct{}{}
	case n.owner != 0:
		t.reapable[path] = struct{}{}
	}
	t.account(path, 1, int64(len(n.data)))
	t.quotaChanged(path, n)
}

// unlink takes a node without children out of the tree and of every index.
func (t *Tree) unlink(path string) {
	n := t.nodes[path]
	t.account(path, -1, -int64(len(n.data)))
	t.quotaChanged(path, nil)
	delete(t.nodes, path)
	t.dataSize -= int64(len(path) + len(n.data))
	parent, name, _ := split(path)
	p := t.nodes[parent]
	if delete(p.children, name); len(p.children) == 0 {
		p.children = nil
	}
	delete(t.reapable, path)
	if paths := t.ephemerals[n.owner]; paths != nil {
		if delete(paths, path); len(paths) == 0 {
			delete(t.ephemerals, n.owner)
		}
	}
}

// replaceData gives a node new data, keeping sizes and quotas right.
func (t *Tree) replaceData(path string, n *node, data []byte) {
	grown := int64(len(data) - len(n.data))
	n.data = data
	t.dataSize += grown
	t.account(path, 0, grown)
	t.quotaChanged(path, n)
}

// Get returns a node's data and Stat.
func (t *Tree) Get(path string, who []Identity) ([]byte, Stat, Code) {
	n, code := t.readable(path, PermRead, who)
	if code != OK {
		return nil, Stat{}, code
	}
	return n.data, n.stat(), OK
}

// Exists returns a node's Stat. READ is needed if the node is there (since ZooKeeper 3.8.4).
func (t *Tree) Exists(path string, who []Identity) (Stat, Code) {
	n, code := t.readable(path, PermRead, who)
	if code != OK {
		return Stat{}, code
	}
	return n.stat(), OK
}

// Children returns the names of a node's children, in no order, and its Stat.
func (t *Tree) Children(path string, who []Identity) ([]string, Stat, Code) {
	n, code := t.readable(path, PermRead, who)
	if code != OK {
		return nil, Stat{}, code
	}
	return slices.Collect(maps.Keys(n.children)), n.stat(), OK
}

// ACL returns a node's list and Stat. Either READ or ADMIN will do, but without ADMIN password hashes are masked.
func (t *Tree) ACL(path string, who []Identity) ([]ACL, Stat, Code) {
	n, code := t.readable(path, PermRead|PermAdmin, who)
	if code != OK {
		return nil, Stat{}, code
	}
	if !t.allows(n.acl, PermAdmin, who) {
		return maskDigests(n.acl), n.stat(), OK
	}
	return n.acl, n.stat(), OK
}

// CountDescendants returns how many nodes lie below path.
func (t *Tree) CountDescendants(path string, who []Identity) (int, Code) {
	n, code := t.readable(path, PermRead, who)
	if code != OK {
		return 0, code
	}
	return t.descendants(canonical(path), n), OK
}

func (t *Tree) descendants(path string, n *node) int {
	if path == rootPath {
		return len(t.nodes) - 1
	}
	count := len(n.children)
	for name := range n.children {
		child := path + "/" + name
		count += t.descendants(child, t.nodes[child])
	}
	return count
}

// Ephemerals returns, sorted, the paths of a session's ephemerals that begin with prefix.
func (t *Tree) Ephemerals(session int64, prefix string) []string {
	var paths []string
	for path := range t.ephemerals[session] {
		if strings.HasPrefix(path, prefix) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// readable finds a node that one of who may do one of perms to.
func (t *Tree) readable(path string, perms int32, who []Identity) (*node, Code) {
	n := t.lookup(path)
	switch {
	case n == nil:
		return nil, NoNode
	case !t.allows(n.acl, perms, who):
		return nil, NoAuth
	}
	return n, OK
}

// A Peek is what the server itself may see of a node, whatever its ACL.
type Peek struct {
	Mzxid, Pzxid int64
	ACL          []ACL
}

// Peek looks at a node without a caller.
func (t *Tree) Peek(path string) (Peek, bool) {
	n := t.lookup(path)
	if n == nil {
		return Peek{}, false
	}
	return Peek{n.mzxid, n.pzxid, n.acl}, true
}
