package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

// model is what a log should hold: a plain slice.
type model struct {
	start, end int64
	batches    []batch.Batch // as they were written; some may be below start
}

func (m *model) clone() model {
	out := *m
	out.batches = slices.Clone(m.batches)
	return out
}

// at is the batch that ends at or after an offset.
func (m *model) at(offset int64) (int, bool) {
	i := slices.IndexFunc(m.batches, func(b batch.Batch) bool { return b.LastOffset() >= offset })
	return i, i >= 0
}

func (m *model) truncate(offset int64) {
	if offset >= m.end {
		return
	}
	m.end = offset
	if i, ok := m.at(offset); ok {
		m.end = min(offset, m.batches[i].BaseOffset())
		m.batches = m.batches[:i]
	}
	m.start = min(m.start, m.end)
}

func (m *model) read(offset int64, maxBytes int, limit int64, minOne bool) (out []byte) {
	i, ok := m.at(offset)
	if !ok || offset >= limit {
		return nil
	}
	for _, b := range m.batches[i:] {
		first := len(out) == 0 && minOne
		if b.LastOffset() >= limit || len(out)+len(b) > maxBytes && !first {
			break
		}
		out = append(out, b...)
	}
	return out
}

// world drives a log and its model through the same history.
type world struct {
	t     *rapid.T
	outer *testing.T
	fs    fsys.FS
	c     LogConfig
	*Dir
	log   *Log
	model model
	epoch int32
	next  map[int64]int32 // producers' sequences
	queue []func()
}

func newWorld(outer *testing.T, t *rapid.T, f fsys.FS) *world {
	c := DefaultLogConfig()
	c.SegmentBytes = int64(rapid.IntRange(300, 2000).Draw(t, "segment.bytes"))
	c.IndexIntervalBytes = int64(rapid.IntRange(0, 300).Draw(t, "index.interval.bytes"))
	if rapid.Bool().Draw(t, "compacted") {
		c.CleanupPolicy = []string{"compact", "delete"}
	}
	c.RetentionMs, c.ProducerIDExpirationMs = -1, math.MaxInt64
	if rapid.Bool().Draw(t, "flush.messages=1") {
		c.FlushMessages = 1
	}
	w := &world{t: t, outer: outer, fs: f, c: c, next: map[int64]int32{}}
	w.open()
	w.log = (&disk{outer, f, w.Dir}).create(orders0, c)
	w.drain()
	return w
}

func (w *world) open() {
	w.Dir = openDisk(w.outer, w.fs, w.c).Dir
	w.Dir.spawn = func(f func()) { w.queue = append(w.queue, f) }
}

// drain runs what the log wanted to have run in the background.
func (w *world) drain() {
	for len(w.queue) > 0 {
		f := w.queue[0]
		w.queue = w.queue[1:]
		f()
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%+v", err)
	}
}

func (w *world) reopen() {
	w.open()
	l, ok := w.Dir.Log(orders0)
	if !ok {
		w.t.Fatal("the log is gone")
	}
	w.log = l
	if n := len(w.model.batches); l.EndOffset() < w.model.end && (n == 0 || l.EndOffset() >= w.model.batches[n-1].NextOffset()) {
		w.model.end = l.EndOffset() // it ended in a gap, which nothing on disk remembers
	}
	w.model.start = l.StartOffset()
	w.next = map[int64]int32{}
	for _, p := range l.ActiveProducers() {
		w.next[p.ID] = p.LastSequence + 1
	}
}

// draw makes a batch as a producer would send it.
func (w *world) draw() batch.Batch {
	n := rapid.IntRange(1, 8).Draw(w.t, "records")
	o := batch.NewOptions()
	o.Codec = batch.Codec(rapid.SampledFrom([]int{0, 0, 0, 2, 4}).Draw(w.t, "codec"))
	if id := rapid.Int64Range(0, 2).Draw(w.t, "producer"); id > 0 {
		o.ProducerID, o.ProducerEpoch, o.BaseSequence = id, 0, w.next[id]
		w.next[id] += int32(n)
	}
	return build(w.outer, o, records(n, rapid.Int64Range(0, 500).Draw(w.t, "timestamp"))...)
}

func (w *world) append() {
	b := w.draw()
	info, err := w.log.AppendAsLeader(b, w.epoch, Client, testTime)
	w.must(err)
	if info.FirstOffset != w.model.end {
		w.t.Fatalf("appended at %d, want %d", info.FirstOffset, w.model.end)
	}
	w.model.batches = append(w.model.batches, slices.Clone(b))
	w.model.end = b.NextOffset()
}

func (w *world) follow() {
	var set []byte
	for range rapid.IntRange(1, 5).Draw(w.t, "batches") {
		b := w.draw()
		b.SetBaseOffset(w.model.end)
		if w.c.compacts() {
			b.SetBaseOffset(w.model.end + int64(rapid.SampledFrom([]int{0, 0, 0, 3}).Draw(w.t, "gap")))
		}
		b.SetLeaderEpoch(w.epoch)
		set = append(set, b...)
		w.model.batches = append(w.model.batches, b)
		w.model.end = b.NextOffset()
	}
	cut := rapid.IntRange(0, 20).Draw(w.t, "bytes of another batch")
	_, err := w.log.AppendAsFollower(append(set, plain(w.outer, 1, 0)[:cut]...))
	w.must(err)
}

// truncate cuts somewhere, and a new leader takes over.
func (w *world) truncate() {
	to := rapid.Int64Range(w.model.start, w.model.end+2).Draw(w.t, "truncate to")
	w.must(w.log.TruncateTo(to))
	w.model.truncate(to)
	w.next = map[int64]int32{}
	for _, p := range w.log.ActiveProducers() {
		w.next[p.ID] = p.LastSequence + 1
	}
	w.epoch++
}

func (w *world) restartElsewhere() {
	at := rapid.Int64Range(0, w.model.end+50).Draw(w.t, "start at")
	w.must(w.log.TruncateFullyAndStartAt(at))
	w.model = model{start: at, end: at}
	w.next = map[int64]int32{}
	w.epoch++
}

func (w *world) assignEpoch() {
	w.epoch++
	w.must(w.log.AssignEpoch(w.epoch, w.model.end))
}

func (w *world) advanceStart() {
	to := rapid.Int64Range(0, w.model.end).Draw(w.t, "advance to")
	w.must(w.log.AdvanceStartOffset(to))
	w.model.start = max(w.model.start, to)
}

// retain lets Maintain remove segments below the start, or above retention.bytes.
func (w *world) retain() {
	c := w.c
	c.RetentionBytes = int64(rapid.IntRange(-1, 3000).Draw(w.t, "retention.bytes"))
	w.log.SetConfig(c)
	hw := rapid.Int64Range(w.model.start, w.model.end).Draw(w.t, "high watermark")
	w.Dir.Maintain(testTime, func(TopicPartition) int64 { return hw })
	w.log.SetConfig(w.c)
	start := w.log.StartOffset()
	if start < w.model.start || start > max(hw, w.model.start) {
		w.t.Fatalf("retention moved the start from %d to %d, the high watermark is %d", w.model.start, start, hw)
	}
	if c.RetentionBytes >= 0 && hw == w.model.end && w.log.Size() > c.RetentionBytes+c.SegmentBytes {
		w.t.Fatalf("%d bytes are left, retention.bytes is %d", w.log.Size(), c.RetentionBytes)
	}
	w.model.start = start
}

func (w *world) check() {
	w.drain()
	l, m := w.log, &w.model
	if l.StartOffset() != m.start || l.EndOffset() != m.end {
		w.t.Fatalf("log [%d, %d), model [%d, %d)", l.StartOffset(), l.EndOffset(), m.start, m.end)
	}
	offset := rapid.Int64Range(m.start, m.end).Draw(w.t, "read at")
	maxBytes := rapid.IntRange(0, 3000).Draw(w.t, "max bytes")
	limit := rapid.Int64Range(m.start, m.end+1).Draw(w.t, "limit")
	minOne := rapid.Bool().Draw(w.t, "min one")
	w.checkReads(offset, maxBytes, limit, minOne)
	for _, beyond := range []int64{m.start - 1, m.end + 1} {
		if _, err := l.Read(beyond, 100, m.end, true); !errors.Is(err, kerr.OffsetOutOfRange) {
			w.t.Fatalf("read at %d of [%d, %d): %v", beyond, m.start, m.end, err)
		}
	}
	w.checkTimestamp(rapid.Int64Range(0, 510).Draw(w.t, "search"))
	checkIndexes(w.t, l)
}

// checkReads reads on from an offset, over segments, until there is nothing left.
func (w *world) checkReads(offset int64, maxBytes int, limit int64, minOne bool) {
	want := w.model.read(offset, 1<<30, min(limit, w.model.end), true)
	var got []byte
	for {
		r, err := w.log.Read(offset, maxBytes, limit, minOne)
		w.must(err)
		if len(r.Records) > maxBytes && (!minOne || r.NextOffset != batch.Batch(r.Records).NextOffset()) {
			w.t.Fatalf("read %d bytes, at most %d were asked for", len(r.Records), maxBytes)
		}
		if len(r.Records) == 0 {
			break
		}
		got = append(got, r.Records...)
		offset = r.NextOffset
	}
	if minOne && !bytes.Equal(got, want) || !bytes.HasPrefix(want, got) {
		w.t.Fatalf("read %d bytes, want %d", len(got), len(want))
	}
}

func (w *world) checkTimestamp(ts int64) {
	var want *batch.Record
	var latest int64 = -1
	for _, b := range w.model.batches {
		for r, err := range b.Records() {
			w.must(err)
			if r.Offset < w.model.start {
				continue
			}
			latest = max(latest, r.Timestamp)
			if want == nil && r.Timestamp >= ts {
				want = &batch.Record{Offset: r.Offset, Timestamp: r.Timestamp}
			}
		}
	}
	offset, got, _, ok, err := w.log.OffsetForTimestamp(ts)
	w.must(err)
	if ok != (want != nil) || ok && (offset != want.Offset || got != want.Timestamp) {
		w.t.Fatalf("search for %d: (%d, %d, %v), want %+v", ts, offset, got, ok, want)
	}
	max, _, _, ok, err := w.log.MaxTimestamp()
	w.must(err)
	if w.model.start == 0 && (ok != (latest >= 0) || ok && max != latest) {
		w.t.Fatalf("max timestamp (%d, %v), want %d", max, ok, latest)
	}
}

// checkIndexes holds every index lookup against a scan.
func checkIndexes(t interface{ Fatalf(string, ...any) }, l *Log) {
	segments := *l.segments.Load()
	for i, s := range segments {
		err := s.eachBatch(0, func(at int64, h batch.Batch, _ *window) (bool, error) {
			if i+1 < len(segments) && h.LastOffset() >= segments[i+1].base {
				return false, fmt.Errorf("offset %d is in the next segment, which begins at %d", h.LastOffset(), segments[i+1].base)
			}
			for _, offset := range []int64{h.BaseOffset(), h.LastOffset()} {
				p, err := s.find(offset)
				if err != nil || p.position != at || p.size != h.Size() {
					return false, fmt.Errorf("lookup of %d: %+v, %v; it is at %d", offset, p, err, at)
				}
			}
			return true, nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("segment %d: %v", s.base, err)
		}
		for i := 1; i < s.offsets.count(); i++ {
			o1, p1 := s.offsets.at(i - 1)
			o2, p2 := s.offsets.at(i)
			if o1 >= o2 || p1 >= p2 {
				t.Fatalf("offset index entries (%d, %d), (%d, %d)", o1, p1, o2, p2)
			}
		}
	}
}

func TestLogAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mem := fsys.NewMem()
		w := newWorld(t, rt, mem)
		step := func(f func()) func(*rapid.T) { return func(*rapid.T) { f() } }
		rt.Repeat(map[string]func(*rapid.T){
			"append":       step(w.append),
			"append more":  step(w.append),
			"follow":       step(w.follow),
			"truncate":     step(w.truncate),
			"restart":      step(w.restartElsewhere),
			"assign epoch": step(w.assignEpoch),
			"advance":      step(w.advanceStart),
			"retain":       step(w.retain),
			"roll":         step(func() { w.must(w.log.Roll()) }),
			"flush":        step(func() { w.must(w.log.Flush()) }),
			"close": step(func() {
				w.must(w.Dir.Close())
				start := w.model.start
				w.reopen()
				if w.model.start != start {
					rt.Fatalf("the start moved from %d to %d", start, w.model.start)
				}
			}),
			"kill": step(func() {
				w.must(w.Dir.Abandon())
				w.reopen()
			}),
			"": step(w.check),
		})
	})
}
