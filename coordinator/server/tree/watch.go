package tree

import "slices"

// An EventType is the kind of change a watch reports, numbered as on the wire.
type EventType int32

// The event types.
const (
	NodeCreated         EventType = 1
	NodeDeleted         EventType = 2
	NodeDataChanged     EventType = 3
	NodeChildrenChanged EventType = 4
)

// An Event is one change that watches may wait for. ACL is the list of the node it is about (for a deleted one, its
// last), for the shell to ask MayRead before it tells anyone.
type Event struct {
	Type EventType
	Path string
	ACL  []ACL
}

// appendEvents adds what a change will cause, seen from the tree before it: setACL causes nothing.
func (t *Tree) appendEvents(events []Event, c Change) []Event {
	switch c.Kind {
	case KindSetData:
		return append(events, Event{NodeDataChanged, c.Path, t.nodes[c.Path].acl})
	case KindCreate:
		parent, _, _ := split(c.Path)
		return append(events, Event{NodeCreated, c.Path, c.ACL},
			Event{NodeChildrenChanged, parent, t.nodes[parent].acl})
	case KindDelete:
		parent, _, _ := split(c.Path)
		return append(events, Event{NodeDeleted, c.Path, t.nodes[c.Path].acl},
			Event{NodeChildrenChanged, parent, t.nodes[parent].acl})
	}
	return events
}

// A WatchKind is a set of ways to watch a path.
type WatchKind uint8

// The ways to watch. Data and child watches are used up by the first event; the others stay.
const (
	WatchData       WatchKind = 1 << iota // created, deleted, data changed
	WatchChildren                         // deleted, children changed
	WatchPersistent                       // both of the above
	WatchRecursive                        // created, deleted, data changed, of the node and of all below it
	WatchAny        = WatchData | WatchChildren | WatchPersistent | WatchRecursive
)

// listeners tells, for each event type, which kinds of watch at its path it meets.
func (e EventType) listeners() WatchKind {
	switch e {
	case NodeCreated, NodeDataChanged:
		return WatchData | WatchPersistent
	case NodeDeleted:
		return WatchData | WatchChildren | WatchPersistent
	case NodeChildrenChanged:
		return WatchChildren | WatchPersistent
	}
	return 0
}

// Watches remembers who watches which path, in clients' own words: the empty path, which reads take for the root, is
// watched in vain, as in ZooKeeper. W identifies a watcher: a connection.
type Watches[W comparable] struct {
	byPath    map[string]map[W]WatchKind
	byWatcher map[W]map[string]struct{}
	recursive int // watches with WatchRecursive: without any, only the path itself is looked at
}

// NewWatches returns an empty table.
func NewWatches[W comparable]() *Watches[W] {
	return &Watches[W]{byPath: map[string]map[W]WatchKind{}, byWatcher: map[W]map[string]struct{}{}}
}

// Add arms a watch. Arming the same twice is arming it once.
func (w *Watches[W]) Add(path string, who W, kind WatchKind) {
	w.set(path, who, w.byPath[path][who]|kind)
}

// Has tells whether who has a watch of one of these kinds at path.
func (w *Watches[W]) Has(path string, who W, kind WatchKind) bool {
	return w.byPath[path][who]&kind != 0
}

// Remove disarms the watches of these kinds that who has at path.
func (w *Watches[W]) Remove(path string, who W, kind WatchKind) {
	w.set(path, who, w.byPath[path][who]&^kind)
}

// Forget disarms everything that who has.
func (w *Watches[W]) Forget(who W) {
	for path := range w.byWatcher[who] {
		w.set(path, who, 0)
	}
}

// Fire returns who is to hear of an event, each once, in no order, and disarms the one-shot watches it uses up.
func (w *Watches[W]) Fire(e Event) []W {
	var hear []W
	kinds := e.Type.listeners()
	for who, has := range w.byPath[e.Path] {
		if has&kinds != 0 {
			hear = append(hear, who)
		}
	}
	for _, who := range hear {
		w.Remove(e.Path, who, kinds&(WatchData|WatchChildren))
	}
	if w.recursive == 0 || e.Type == NodeChildrenChanged {
		return hear
	}
	for path := range ancestors(e.Path) {
		for who, has := range w.byPath[path] {
			if has&WatchRecursive != 0 && !slices.Contains(hear, who) {
				hear = append(hear, who)
			}
		}
	}
	return hear
}

// Totals counts watchers, watched paths, and pairs of them.
func (w *Watches[W]) Totals() (watchers, paths, total int) {
	for _, paths := range w.byWatcher {
		total += len(paths)
	}
	return len(w.byWatcher), len(w.byPath), total
}

// Paths returns, sorted, the paths that who watches.
func (w *Watches[W]) Paths(who W) []string {
	var paths []string
	for path := range w.byWatcher[who] {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

func (w *Watches[W]) set(path string, who W, kind WatchKind) {
	old := w.byPath[path][who]
	if old&WatchRecursive != 0 {
		w.recursive--
	}
	if kind&WatchRecursive != 0 {
		w.recursive++
	}
	if kind == 0 {
		w.drop(path, who)
		return
	}
	if w.byPath[path] == nil {
		w.byPath[path] = map[W]WatchKind{}
	}
	if w.byWatcher[who] == nil {
		w.byWatcher[who] = map[string]struct{}{}
	}
	w.byPath[path][who] = kind
	w.byWatcher[who][path] = struct{}{}
}

func (w *Watches[W]) drop(path string, who W) {
	if delete(w.byPath[path], who); len(w.byPath[path]) == 0 {
		delete(w.byPath, path)
	}
	if delete(w.byWatcher[who], path); len(w.byWatcher[who]) == 0 {
		delete(w.byWatcher, who)
	}
}
