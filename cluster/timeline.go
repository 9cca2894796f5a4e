package cluster

import (
	"sync"
	"time"
)

// timelineSize bounds how many facts a timeline keeps.
const timelineSize = 10_000

// Timeline is an append-only sequence of facts with cursors. It is safe for concurrent use; an append never waits for a
// reader. The oldest facts are dropped when it is full, which a reader with an older cursor sees as a gap.
type Timeline struct {
	mu    sync.Mutex
	limit int
	facts []Fact // ring: facts[(seq-1) % limit] holds fact seq
	last  int64  // Seq of the newest fact; 0: none
	link  linker
	grown chan struct{} // closed and replaced with every append
}

// NewTimeline makes an empty timeline that keeps the newest limit facts (at least 1).
func NewTimeline(limit int) *Timeline {
	return &Timeline{limit: max(1, limit), link: newLinker(), grown: make(chan struct{})}
}

// Append gives f its place and its cause, and returns it with both. A Cause that the source named wins over the one that
// would be found here.
func (t *Timeline) Append(f Fact) Fact {
	t.mu.Lock()
	defer t.mu.Unlock()
	named, known := t.get(f.Cause)
	t.last++
	f.Seq = t.last
	t.link.link(&f)
	if known {
		f.Cause, f.SinceCause = named.Seq, max(0, f.Time.Sub(named.Time))
	}
	if len(t.facts) < t.limit {
		t.facts = append(t.facts, f)
	} else {
		t.facts[(f.Seq-1)%int64(t.limit)] = f
	}
	close(t.grown)
	t.grown = make(chan struct{})
	return f
}

// Appended returns a channel that is closed when the next fact is appended. Call it again for the one after.
func (t *Timeline) Appended() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.grown
}

// Since returns the facts after cursor, the cursor to ask with next time, and whether facts between the two were dropped
// before this reader came. Cursor 0 is the beginning, where a gap counts as well.
func (t *Timeline) Since(cursor int64) (facts []Fact, next int64, gap bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.last - int64(len(t.facts)) // Seq before the oldest one kept
	if gap = cursor < first; gap {
		cursor = first
	}
	if cursor >= t.last {
		return nil, t.last, gap
	}
	facts = make([]Fact, 0, t.last-cursor)
	for seq := cursor + 1; seq <= t.last; seq++ {
		facts = append(facts, t.facts[(seq-1)%int64(t.limit)])
	}
	return facts, t.last, gap
}

// Last returns at most the n newest facts, oldest first.
func (t *Timeline) Last(n int) []Fact {
	facts, _, _ := t.Since(max(0, t.Cursor()-int64(max(0, n))))
	return facts[max(0, len(facts)-n):]
}

// Cursor is the cursor of a reader who has read everything.
func (t *Timeline) Cursor() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// Get returns the fact with this Seq, unless it was dropped.
func (t *Timeline) Get(seq int64) (Fact, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.get(seq)
}

// get is Get for a caller that holds mu.
func (t *Timeline) get(seq int64) (Fact, bool) {
	if seq <= max(0, t.last-int64(len(t.facts))) || seq > t.last {
		return Fact{}, false
	}
	return t.facts[(seq-1)%int64(t.limit)], true
}

// Quiet is how long ago, at now, the newest fact was appended by its own time; a large value when there is none.
func (t *Timeline) Quiet(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == 0 {
		return 1 << 62
	}
	return now.Sub(t.facts[(t.last-1)%int64(t.limit)].Time)
}
