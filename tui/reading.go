package tui

import (
	"time"

	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// oldReading is the age from which a number that a broker told is shown as old: no broker that answers is asked less often,
// unless the cluster is large.
const oldReading = 5 * time.Second

// How much seldomer package cluster reads a large cluster: its offsets a partition, its groups a group.
const (
	offsetsPace = 500 * time.Microsecond
	groupsPace  = time.Millisecond
)

// offsetsEvery is how seldom the offsets of a cluster of this size may be read.
func (e *env) offsetsEvery() time.Duration {
	return time.Duration(e.snap.Health.Partitions) * offsetsPace
}

// groupsEvery is how seldom its groups may be read.
func (e *env) groupsEvery() time.Duration { return time.Duration(len(e.snap.Groups)) * groupsPace }

// old reports whether what was read at a time, and is read again every so often, is no longer of now. What was never read
// is unknown rather than old.
func (e *env) old(at time.Time, every time.Duration) bool {
	age, read := e.since(at)
	return read && age > max(oldReading, 2*every)
}

// ageNote says in brackets how old a reading is; nothing while it is of now.
func (e *env) ageNote(at time.Time, every time.Duration) safe.Text {
	if !e.old(at, every) {
		return safe.Text{}
	}
	age, _ := e.since(at)
	return e.format(words.AgeOf, num.Span(age))
}

// drawFacts draws numbers and, as a note that is never cut, how old the oldest of them is when it is old.
func drawFacts(c *cell.Canvas, x, y, limit int, facts, age safe.Text) {
	if age.Empty() {
		c.Text(x, y, limit, cell.Plain, facts)
		return
	}
	x += c.Text(x, y, limit-age.Width()-1, cell.Plain, facts) + 1
	c.Text(x, y, age.Width(), cell.Muted, age)
}

// styleAt is the style of a number that was read at a time: muted when it is old.
func (e *env) styleAt(at time.Time, every time.Duration, style cell.Style) cell.Style {
	if e.old(at, every) {
		return cell.Muted
	}
	return style
}

// tableRow is one row of a table while it is made. It knows how old the numbers in it are.
type tableRow struct {
	e       *env
	every   time.Duration // how seldom what it shows may be read
	entries []cell.Entry
	oldest  time.Time // when the oldest of its numbers was read; zero: none was
}

func newRow(e *env, every time.Duration, columns int) *tableRow {
	return &tableRow{e: e, every: every, entries: make([]cell.Entry, 0, columns)}
}

// put adds what has no age of its own: metadata, whose age is in the header.
func (r *tableRow) put(style cell.Style, text safe.Text) {
	r.entries = append(r.entries, cell.Entry{Style: style, Text: text})
}

// sign adds a sign.
func (r *tableRow) sign(style cell.Style, sign rune) { r.put(style, safe.Clean(string(sign))) }

// read adds a number with the time at which it was read; an old one is muted.
func (r *tableRow) read(at time.Time, style cell.Style, text safe.Text) {
	r.put(r.e.styleAt(at, r.every, style), text)
	r.oldest = older(r.oldest, at)
}

// age adds how old the row's oldest number is, if that is old. Its column is [ageColumn].
func (r *tableRow) age() {
	if r.e.old(r.oldest, r.every) {
		r.ageAlways()
		return
	}
	r.put(cell.Muted, safe.Text{})
}

// ageAlways adds how old the row's oldest number is.
func (r *tableRow) ageAlways() {
	text := safe.Const("-")
	if age, read := r.e.since(r.oldest); read {
		text = num.Span(age)
	}
	r.put(cell.Muted, text)
}

// ageColumn is the last column of a table of numbers that were read: it is there while one of them is old.
func ageColumn(e *env) cell.Column {
	return cell.Column{Title: e.text(words.ColRead), Width: 4, Right: true, Spare: true}
}

// older is the earlier of two times; the zero time is none.
func older(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// recordsAt is when the oldest of a topic's high watermarks was read.
func recordsAt(t *cluster.Topic) time.Time {
	var at time.Time
	for i := range t.Partitions {
		at = older(at, t.Partitions[i].At)
	}
	return at
}

// logsAt is when the oldest of a topic's log ends was read. Their sizes are told by the same brokers, some seconds apart.
func logsAt(t *cluster.Topic) time.Time {
	var at time.Time
	for i := range t.Partitions {
		at = older(at, lagAt(&t.Partitions[i]))
	}
	return at
}

// lagAt is when the oldest of a partition's log ends was read.
func lagAt(p *cluster.Partition) time.Time {
	var at time.Time
	for i := range p.Logs {
		at = older(at, p.Logs[i].At)
	}
	return at
}

// leaderAt is when the log end of a partition's leader was read; zero: never, or there is no leader.
func leaderAt(p *cluster.Partition) time.Time {
	log, _ := p.LogOf(p.Leader)
	return log.At
}

// groupLagAt is when the oldest of what a group's lag is made from was read: its offsets, and the ends of their logs.
func groupLagAt(g *cluster.Group) time.Time {
	at := g.OffsetsAt
	for i := range g.Partitions {
		if p := &g.Partitions[i]; p.Lag >= 0 {
			at = older(at, p.EndAt)
		}
	}
	return at
}
