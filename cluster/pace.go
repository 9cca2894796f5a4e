package cluster

import "time"

// How often things are read. A cluster in which nothing happens costs little to look at; one in which something happens is
// looked at as often as the screen is drawn.
const (
	quickly   = 100 * time.Millisecond
	idly      = time.Second
	seldom    = 5 * time.Second
	rarely    = 30 * time.Second
	busyAfter = 3 * time.Second // a fact keeps the pace quick for so long

	// perPartition stretches every interval in a large cluster, so that looking costs about the same.
	perPartition = 100 * time.Microsecond

	// together: what is due this soon is read now, so that one round of requests does for all.
	together = quickly / 4
)

// work is what to read now.
type work struct {
	host, metadata, sizes, starts, configs bool
	groups                                 bool // list them, read some in depth
	moves                                  bool // reassignments under way
	all                                    bool // offsets of every topic
	watched                                bool // offsets of the watched topics
}

func (w work) offsets() bool { return w.all || w.watched }

// load is how much there is to read, and what of it is looked at.
type load struct {
	partitions, groups int
	lookingAtGroups    bool
	moving             bool // partitions are being reassigned
	now                bool // groups and reassignments are due: somebody begins to look, or has just changed something
}

// pace decides when to read what. Times are those of the last reading.
type pace struct {
	host, metadata, all, watched, sizes, starts, configs, groups, moves time.Time
}

// due returns what to read at now, and how long to wait before asking again. busy: something has just happened; watched:
// somebody watches a topic; of is what there is, and what somebody looks at.
func (p *pace) due(now time.Time, busy, watched bool, of load) (work, time.Duration) {
	partitions := of.partitions
	if of.now {
		p.groups, p.moves = time.Time{}, time.Time{}
	}
	stretch := time.Duration(partitions) * perPartition
	brisk, calm := idly, seldom
	if busy {
		brisk, calm = quickly, idly
	}
	look := brisk
	if watched {
		look, calm = quickly, idly
	}
	sizes := calm
	if of.moving {
		sizes = idly
	}
	next := rarely
	due := func(last *time.Time, every time.Duration) bool {
		if left := every - now.Sub(*last); !last.IsZero() && left > together {
			next = min(next, left)
			return false
		}
		*last = now
		next = min(next, every)
		return true
	}
	w := work{
		host:     due(&p.host, max(brisk, idly/2)),
		metadata: due(&p.metadata, max(look, stretch)),
		all:      due(&p.all, max(brisk, 5*stretch)),
		sizes:    due(&p.sizes, max(sizes, 5*stretch)),
		starts:   due(&p.starts, max(calm, 5*stretch)),
		configs:  due(&p.configs, max(rarely, 5*stretch)),
		groups:   due(&p.groups, of.groupsEvery(calm)),
		moves:    due(&p.moves, of.movesEvery(calm)),
	}
	if watched {
		w.watched = due(&p.watched, quickly)
	}
	return w, next
}

// perGroup stretches the reading of groups, as perPartition does that of partitions.
const perGroup = time.Millisecond

func (l load) groupsEvery(calm time.Duration) time.Duration {
	if l.lookingAtGroups {
		calm = idly
	}
	return max(calm, time.Duration(l.groups)*perGroup)
}

func (l load) movesEvery(calm time.Duration) time.Duration {
	if l.moving {
		return idly
	}
	return calm
}

// again makes due what shows that something happened.
func (p *pace) again() { p.host, p.metadata, p.all = time.Time{}, time.Time{}, time.Time{} }
