package fsys

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// page is the unit in which a crash keeps or loses unsynced bytes.
const page = 512

// CrashClone returns the file system as a crash at this moment could leave it,
// unlocked and with everything on it synced. Whatever was synced survives.
// Each unsynced name and each unsynced page survives with probability survive:
// 1 is the death of the process (the system still holds its writes), 0 the
// cruellest loss of power. The two names of a rename share their fate, as in
// any journal. rng may be nil when survive is 0 or 1.
func (m *Mem) CrashClone(survive float64, rng *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := crash{survive: survive, rng: rng, seen: map[*node]*node{}}
	clone := NewMem()
	clone.now = m.now
	clone.root = c.clone(m.root)
	return clone
}

type crash struct {
	survive float64
	rng     *rand.Rand
	seen    map[*node]*node // a node that was moved may have two names on the disk
}

func (c *crash) keeps() bool {
	return c.survive >= 1 || c.survive > 0 && c.rng.Float64() < c.survive
}

func (c *crash) clone(n *node) *node {
	if done := c.seen[n]; done != nil {
		return done
	}
	out := &node{dir: n.dir, modTime: n.modTime}
	c.seen[n] = out
	if n.dir {
		out.names = c.names(n)
		out.syncedNames = maps.Clone(out.names)
		return out
	}
	out.data = c.data(n)
	out.syncedData = slices.Clone(out.data)
	return out
}

func (c *crash) names(n *node) map[string]*node {
	all := maps.Clone(n.syncedNames)
	maps.Copy(all, n.names)
	fate, kept := fates(n.renames), map[string]bool{}
	out := map[string]*node{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		child := n.names[name]
		if synced := n.syncedNames[name]; synced != child {
			group := fate(name)
			if _, decided := kept[group]; !decided {
				kept[group] = c.keeps()
			}
			if !kept[group] {
				child = synced
			}
		}
		if child != nil {
			out[name] = c.clone(child)
		}
	}
	return out
}

// fates tells for each name one that stands for all that renames connect with it.
func fates(renames [][2]string) func(name string) string {
	of := map[string]string{}
	find := func(name string) string {
		for of[name] != "" {
			name = of[name]
		}
		return name
	}
	for _, r := range renames {
		if a, b := find(r[0]), find(r[1]); a != b {
			of[a] = b
		}
	}
	return find
}

func (c *crash) data(n *node) []byte {
	size := len(n.syncedData)
	if c.keeps() {
		size = len(n.data)
	}
	out := make([]byte, size)
	for at := 0; at < size; at += page {
		from := n.syncedData
		if c.keeps() {
			from = n.data
		}
		if at < len(from) {
			copy(out[at:min(at+page, size)], from[at:])
		}
	}
	return out
}
