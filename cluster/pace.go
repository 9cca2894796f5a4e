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
	all                                    bool // offsets of every topic
	watched                                bool // offsets of the watched topics
}

func (w work) offsets() bool { return w.all || w.watched }

// pace decides when to read what. Times are those of the last reading.
type pace struct {
	host, metadata, all, watched, sizes, starts, configs time.Time
}

// due returns what to read at now, and how long to wait before asking again. busy: something has just happened; watched:
// somebody watches a topic; partitions: how many there are.
func (p *pace) due(now time.Time, busy, watched bool, partitions int) (work, time.Duration) {
	stretch := time.Duration(partitions) * perPartition
	brisk, calm := idly, seldom
	if busy {
		brisk, calm = quickly, idly
	}
	look := brisk
	if watched {
		look, calm = quickly, idly
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
		sizes:    due(&p.sizes, max(calm, 5*stretch)),
		starts:   due(&p.starts, max(calm, 5*stretch)),
		configs:  due(&p.configs, max(rarely, 5*stretch)),
	}
	if watched {
		w.watched = due(&p.watched, quickly)
	}
	return w, next
}
