package server

import (
	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
)

// addWatchCall arms a persistent watch, or one for a whole subtree. The node need not exist.
type addWatchCall struct {
	path string
	mode int32
}

func (w addWatchCall) serve(p *processor, c *conn, a *answer) {
	switch w.mode {
	case 0:
		p.watches.Add(w.path, c, tree.WatchPersistent)
	case 1:
		p.watches.Add(w.path, c, tree.WatchRecursive)
	default:
		a.code = tree.MarshallingError
	}
	a.body = jute.AppendInt(a.body, 0)
}

// findWatchesCall is checkWatches or removeWatches.
type findWatchesCall struct {
	path   string
	kind   int32
	remove bool
}

func (w findWatchesCall) serve(p *processor, c *conn, a *answer) {
	kinds := [...]tree.WatchKind{0, tree.WatchChildren, tree.WatchData, tree.WatchAny, tree.WatchPersistent, tree.WatchRecursive}
	switch {
	case w.kind < 1 || int(w.kind) >= len(kinds):
		a.code = tree.MarshallingError
	case !p.watches.Has(w.path, c, kinds[w.kind]):
		a.code = tree.NoWatcher
	case w.remove:
		p.watches.Remove(w.path, c, kinds[w.kind])
	}
}

// setWatchesCall arms the watches that a client had on an earlier connection. What happened after the zxid it saw last is
// told at once instead.
type setWatchesCall struct {
	seen                                      int64
	data, exist, child, persistent, recursive []string
}

func readSetWatches(op int32, r *jute.Reader) call {
	w := setWatchesCall{seen: r.Long(), data: r.UStrings(), exist: r.UStrings(), child: r.UStrings()}
	if op == opSetWatches2 {
		w.persistent, w.recursive = r.UStrings(), r.UStrings()
	}
	return w
}

func (w setWatchesCall) serve(p *processor, c *conn, _ *answer) {
	for _, path := range w.data {
		node, ok := p.tree.Peek(path)
		p.tellOrWatch(c, path, tree.WatchData, node, missedData(node, ok, w.seen))
	}
	for _, path := range w.exist {
		var missed tree.EventType
		node, ok := p.tree.Peek(path)
		if ok {
			missed = tree.NodeCreated
		}
		p.tellOrWatch(c, path, tree.WatchData, node, missed)
	}
	for _, path := range w.child {
		node, ok := p.tree.Peek(path)
		p.tellOrWatch(c, path, tree.WatchChildren, node, missedChildren(node, ok, w.seen))
	}
	for _, path := range w.persistent {
		p.watches.Add(path, c, tree.WatchPersistent)
	}
	for _, path := range w.recursive {
		p.watches.Add(path, c, tree.WatchRecursive)
	}
}

// missedData returns the event that a data watch set at zxid seen would have had, or 0.
func missedData(node tree.Peek, exists bool, seen int64) tree.EventType {
	switch {
	case !exists:
		return tree.NodeDeleted
	case node.Mzxid > seen:
		return tree.NodeDataChanged
	}
	return 0
}

func missedChildren(node tree.Peek, exists bool, seen int64) tree.EventType {
	switch {
	case !exists:
		return tree.NodeDeleted
	case node.Pzxid > seen:
		return tree.NodeChildrenChanged
	}
	return 0
}

func (p *processor) tellOrWatch(c *conn, path string, kind tree.WatchKind, node tree.Peek, missed tree.EventType) {
	switch {
	case missed == 0:
		p.watches.Add(path, c, kind)
	case p.tree.MayRead(node.ACL, c.identities):
		p.notify(c, missed, path)
	}
}
