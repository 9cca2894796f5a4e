package tui

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

const (
	tailBacklog     = 100      // records of each partition that a new tail begins with, so that it is not empty
	maxMatches      = 10_000   // records that a filtered tail keeps
	maxMatchedBytes = 16 << 20 // payload bytes of them
	perTick         = 20_000   // records that a filter looks at in one tick; at more, it passes some over and says so
	rateSeconds     = 30       // of the sparkline
)

// tail shows records as they come in, with pause, scroll-back and a filter.
type tail struct {
	filter
	topic     string
	partition int32 // -1: all
	records   Tail
	rows      cell.List // over [first, last], or over matched while a filter is active
	following bool      // the newest record stays in sight
	first     int64     // Seq of the oldest record when rows were last looked at
	paused    bool

	matched []cluster.Record // copies of what the filter let through, oldest first
	cursor  int64            // Seq up to which records were filtered
	passed  int64            // records that the filter did not look at
	applied string           // the filter that matched was made with

	rates    []float64 // records of each of the last seconds
	counted  int64     // Read at the last second
	second   int64
	lastRead int64
}

// openTail begins to tail a topic and shows it.
func openTail(e *env, topic string, partition int32, from cluster.Position) effect {
	o := cluster.TailOptions{Topic: topic, From: from}
	if partition >= 0 {
		o.Partitions = []int32{partition}
	}
	src := e.src
	return operate{label: e.format(words.OpeningTail, topic), do: func(ctx context.Context) effect {
		records, err := src.Tail(ctx, o)
		if err != nil {
			return failed(err)
		}
		return open{newTail(topic, partition, records)}
	}}
}

func newTail(topic string, partition int32, records Tail) *tail {
	first, _ := records.Bounds()
	return &tail{topic: topic, partition: partition, records: records, first: first, following: true}
}

func (t *tail) close() { t.records.Close() }

func (t *tail) scope() keymap.Scope {
	if t.typing {
		return keymap.Search
	}
	return keymap.Tail
}

func (t *tail) typed(e *env) effect {
	t.changed()
	t.match()
	return nil
}

func (t *tail) can(e *env, intent keymap.Intent) safe.Text {
	switch {
	case isMove(intent), t.typing, intent == keymap.Filter, intent == keymap.PauseTail, intent == keymap.FromStart:
		return possible()
	case intent == keymap.Open && t.count() == 0:
		return e.text(words.WhyNoRecord)
	case intent == keymap.Open, intent == keymap.Produce:
		return possible()
	}
	return e.otherwise()
}

func (t *tail) act(e *env, intent keymap.Intent) effect {
	switch {
	case t.filter.act(intent):
		t.match()
	case moveRows(&t.rows, intent):
		t.following = t.rows.Cursor >= t.count()-1
	case intent == keymap.PauseTail:
		t.pause()
	case intent == keymap.FromStart:
		return all{goBack{}, openTail(e, t.topic, t.partition, cluster.FromBeginning())}
	case intent == keymap.Produce:
		return open{newProduceForm(e, t.topic, t.partition)}
	case intent == keymap.Open:
		return open{newRecord(t, t.rows.Cursor)}
	}
	return nil
}

// place is where a record is among those that can be scrolled through; negative: it has left.
func (t *tail) place(r *cluster.Record) int {
	if t.text() != "" {
		i, found := slices.BinarySearchFunc(t.matched, r.Seq, func(m cluster.Record, seq int64) int { return cmp.Compare(m.Seq, seq) })
		if !found {
			return -1
		}
		return i
	}
	first, _ := t.records.Bounds()
	return int(r.Seq - first)
}

func (t *tail) pause() {
	t.paused = !t.paused
	if t.paused {
		t.records.Pause()
	} else {
		t.records.Resume()
	}
}

// follow takes what came in since the last tick.
func (t *tail) follow(e *env) bool {
	stats := t.records.Stats()
	changed := stats.Read != t.lastRead
	t.lastRead = stats.Read
	if second := e.now.Unix(); second != t.second {
		if t.second > 0 {
			t.rates = append(t.rates, float64(stats.Read-t.counted)/float64(second-t.second))
			t.rates = t.rates[max(len(t.rates)-rateSeconds, 0):]
		}
		t.second, t.counted = second, stats.Read
	}
	t.match()
	t.shift()
	return changed
}

// shift keeps the same records in sight while older ones leave.
func (t *tail) shift() {
	first, _ := t.records.Bounds()
	if t.text() == "" && !t.following {
		t.rows.Shift(int(first - t.first))
	}
	t.first = first
}

// match applies the filter to the records that it has not seen, or to all when it is a new one.
func (t *tail) match() {
	if t.text() == "" {
		t.matched, t.applied = nil, ""
		return
	}
	first, last := t.records.Bounds()
	if t.applied != t.text() {
		t.applied, t.matched, t.cursor, t.passed = t.text(), nil, first-1, 0
	}
	if behind := last - t.cursor; behind > perTick && t.cursor >= first {
		t.passed += behind - perTick
		t.cursor = last - perTick
	}
	records, next, _ := t.records.Since(t.cursor, perTick)
	t.cursor = next
	had := len(t.matched)
	for i := range records {
		if r := &records[i]; t.matches(string(r.Key), string(r.Value)) || matchesHeader(&t.filter, r) {
			t.matched = append(t.matched, *r)
		}
	}
	if len(t.matched) > had {
		t.keepNewest(had)
	}
}

// keepNewest lets the oldest matches go until the others are within the bounds, and takes copies of those after the first had.
func (t *tail) keepNewest(had int) {
	first, size := len(t.matched)-1, t.matched[len(t.matched)-1].Size()
	for first > 0 && len(t.matched)-first < maxMatches {
		if size += t.matched[first-1].Size(); size > maxMatchedBytes {
			break
		}
		first--
	}
	t.matched = slices.Delete(t.matched, 0, first)
	for i := max(had-first, 0); i < len(t.matched); i++ {
		t.matched[i] = copied(t.matched[i])
	}
	if !t.following {
		t.rows.Shift(first)
	}
}

// copied is a record with bytes of its own. What a tail hands out lies in the buffer of a whole fetch, which one record that
// is kept would keep.
func copied(r cluster.Record) cluster.Record {
	r.Key, r.Value, r.Headers = bytes.Clone(r.Key), bytes.Clone(r.Value), slices.Clone(r.Headers)
	for i := range r.Headers {
		r.Headers[i].Value = bytes.Clone(r.Headers[i].Value)
	}
	return r
}

func matchesHeader(f *filter, r *cluster.Record) bool {
	return slices.ContainsFunc(r.Headers, func(h cluster.Header) bool { return f.matches(h.Key, string(h.Value)) })
}

// count is the number of records that can be scrolled through.
func (t *tail) count() int {
	if t.text() != "" {
		return len(t.matched)
	}
	first, last := t.records.Bounds()
	return int(max(last-first+1, 0))
}

// window returns at most n records from the i-th on.
func (t *tail) window(i, n int) []cluster.Record {
	if t.text() != "" {
		i = min(max(i, 0), len(t.matched))
		return t.matched[i:min(i+n, len(t.matched))]
	}
	first, _ := t.records.Bounds()
	return t.records.Window(first+int64(i), n)
}

func (t *tail) title(c *cell.Canvas, b cell.Box, e *env) {
	x, end := b.X, b.X+b.W
	x += c.Text(x, b.Y, b.W/3, cell.Strong, safe.CleanHead(t.topic, 249)) + 2
	where := e.text(words.AllPartitions)
	if t.partition >= 0 {
		where = e.format(words.PartitionN, t.partition)
	}
	x += c.Text(x, b.Y, end-x, cell.Plain, where) + 2
	stats := t.records.Stats()
	state, style := e.text(words.Live), cell.OK
	if t.paused {
		state, style = e.format(words.PausedWaiting, num.Count(stats.Waiting)), cell.Warn
	}
	x += c.Text(x, b.Y, end-x, style, state) + 2
	x += c.Text(x, b.Y, end-x, cell.Plain, e.format(words.PerSecond, num.Count(int64(stats.PerSec+0.5)))) + 1
	spark := cell.Box{X: x, Y: b.Y, W: min(len(t.rates), max(end-x-1, 0), 12), H: 1}
	c.Sparkline(spark, cell.Muted, t.rates)
	x += spark.W + 2
	counts := e.format(words.ReadDropped, num.Count(stats.Read), num.Count(stats.Dropped))
	c.Text(x, b.Y, end-x, cell.Muted, counts)
}

func tailColumns(e *env) []cell.Column {
	return []cell.Column{
		{Title: safe.Const("p"), Width: 3, Right: true},
		{Title: e.text(words.ColOffset), Width: 9, Right: true},
		{Title: e.text(words.ColTime), Width: 12},
		{Title: e.text(words.ColKey), Width: 10, Grow: 1, Least: 6},
		{Title: e.text(words.ColValue), Width: 20, Grow: 5, Least: 10},
	}
}

func (t *tail) draw(c *cell.Canvas, b cell.Box, e *env) {
	b = t.filter.draw(c, b, e)
	head, rows := inner(b).Top(1)
	count := t.count()
	if t.following {
		t.rows.Cursor = count - 1
	}
	t.rows.Fit(count, rows.H)
	from, to := t.rows.Visible()
	records := t.window(from, to-from)
	drawTable(c, b, &t.rows, count, !t.following, tailColumns(e), func(i int) []cell.Entry {
		if i-from >= len(records) { // they left between two looks at the ring
			return nil
		}
		return recordRow(&records[i-from], rows.W)
	})
	t.drawNotes(c, head, rows, e, count)
}

// drawNotes says why nothing is shown, why nothing comes, and what was passed over.
func (t *tail) drawNotes(c *cell.Canvas, head, rows cell.Box, e *env, count int) {
	stats := t.records.Stats()
	switch {
	case stats.Err != nil:
		drawEmpty(c, rows, e.format(words.TailStuck, safe.CleanHead(stats.Err.Error(), 300)))
	case count == 0 && t.text() != "":
		drawEmpty(c, rows, e.format(words.NoMatch, stats.Read))
	case count == 0:
		drawEmpty(c, rows, e.format(words.TailEmpty, keymap.KeyOf(keymap.Tail, keymap.Produce)))
	}
	note := safe.Text{}
	if t.passed > 0 {
		note = e.format(words.FilterPassed, num.Count(t.passed))
	} else if !t.following {
		note = e.format(words.NthOf, t.rows.Cursor+1, count)
	}
	c.Right(head.X, head.Y, head.W, cell.Muted, note)
}

// recordRow is a record in at most so many cells.
func recordRow(r *cluster.Record, cells int) []cell.Entry {
	return []cell.Entry{
		{Style: cell.Muted, Text: num.ID(r.Partition)},
		{Text: num.Count(r.Offset)},
		{Style: cell.Muted, Text: num.Clock(r.Time)},
		payloadEntry(r.Key, cells),
		payloadEntry(r.Value, cells),
	}
}

// payloadEntry is the start of a payload; null is a sign of its own, which no payload can be.
func payloadEntry(payload []byte, cells int) cell.Entry {
	if payload == nil {
		return cell.Entry{Style: cell.Muted, Text: safe.Const("∅")}
	}
	return cell.Entry{Text: safe.CleanHead(payload, cells)}
}
