package tree

import (
	"iter"
	"maps"
	"slices"
)

// OpenSession adds a session. The timeout is in milliseconds; it is kept for the next start of the server.
func (t *Tree) OpenSession(at Stamp, id int64, timeout int32) Change {
	t.addSession(id, timeout)
	t.zxid = at.Zxid
	return Change{Kind: KindOpenSession, Timeout: timeout}
}

// CloseSession ends a session, whether its client asked or its time ran out: all its ephemerals go, with one zxid.
func (t *Tree) CloseSession(at Stamp, id int64) (Change, []Event) {
	c := Change{Kind: KindCloseSession, Paths: t.Ephemerals(id, "")}
	var events []Event
	for _, path := range c.Paths {
		events = t.appendEvents(events, Change{Kind: KindDelete, Path: path})
	}
	t.removeSession(at, id, c.Paths)
	t.zxid = at.Zxid
	return c, events
}

// Sessions yields each session's id and timeout in milliseconds, in no order.
func (t *Tree) Sessions() iter.Seq2[int64, int32] { return maps.All(t.sessions) }

// LastSession returns the highest session id ever opened: a new id must be greater.
func (t *Tree) LastSession() int64 { return t.lastSession }

// Orphans returns, sorted, the owners of ephemerals that have no session. Only a tree from another server's files can
// have any.
func (t *Tree) Orphans() []int64 {
	var ids []int64
	for id := range t.ephemerals {
		if _, ok := t.sessions[id]; !ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (t *Tree) addSession(id int64, timeout int32) {
	t.sessions[id] = timeout
	t.lastSession = max(t.lastSession, id)
}

// removeSession removes the listed ephemerals, and any that a log without lists leaves to be found.
func (t *Tree) removeSession(at Stamp, id int64, paths []string) {
	delete(t.sessions, id)
	for _, path := range paths {
		t.remove(at, path)
	}
	for _, path := range t.Ephemerals(id, "") {
		t.remove(at, path)
	}
}
