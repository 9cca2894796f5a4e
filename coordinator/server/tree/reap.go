package tree

import "slices"

// Reap removes a container or TTL node that Reapable named, unless it has got children since. It is the server's own
// operation: no ACL is asked.
type Reap struct{ Path string }

func (op Reap) plan(t *Tree, _ Caller) (*Change, Code) {
	n := t.nodes[op.Path]
	switch {
	case n == nil:
		return nil, NoNode
	case n.owner == 0 || isEphemeral(n.owner):
		return nil, BadVersion
	case len(n.children) > 0:
		return nil, NotEmpty
	}
	return &Change{Kind: KindDelete, Path: op.Path}, OK
}

// HasReapable tells whether there is any container or TTL node, due or not.
func (t *Tree) HasReapable() bool { return len(t.reapable) > 0 }

// Reapable returns, sorted, the nodes that are due for removal at a time in milliseconds: containers that have had a
// child and have none now, or have never had one for maxNeverUsed ms (0: such containers stay), and TTL nodes without
// children whose last change is longer ago than their TTL.
func (t *Tree) Reapable(now, maxNeverUsed int64) []string {
	var due []string
	for path := range t.reapable {
		if t.nodes[path].reapable(now, maxNeverUsed) {
			due = append(due, path)
		}
	}
	slices.Sort(due)
	return due
}

func (n *node) reapable(now, maxNeverUsed int64) bool {
	switch {
	case len(n.children) > 0:
		return false
	case TTLOf(n.owner) > 0:
		return now-n.mtime > TTLOf(n.owner)
	case n.creates > 0:
		return true
	}
	return maxNeverUsed > 0 && now-n.mtime > maxNeverUsed
}
