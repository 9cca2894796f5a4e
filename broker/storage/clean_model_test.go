package storage

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

// written is one record or marker as it was appended.
type written struct {
	batch.Record
	producer int64 // of a transaction, or batch.None
	txn      int   // counts transactions; 0: none
	marker   bool
	first    time.Time // when it was first rewritten, zero before
}

// history drives a compacted log and a plain list of everything that was ever written to it.
type history struct {
	t     *rapid.T
	outer *testing.T
	c     LogConfig
	fs    fsys.FS
	*Dir
	log *Log

	all     map[int64]*written // by offset
	outcome map[int]string     // of a transaction: "open", "commit", "abort"
	open    map[int64]int      // transactions by producer
	seq     map[int64]int32
	epoch   map[int64]int16
	newest  map[int64]int64 // the offset of a producer's last record
	txns    int
	now     time.Time
	cleaned int64 // everything below was cleaned, with room for all keys
	last    time.Time
}

const testDeleteRetention = 1000

func newHistory(outer *testing.T, t *rapid.T, f fsys.FS) *history {
	c := DefaultLogConfig()
	c.CleanupPolicy = []string{"compact"}
	c.SegmentBytes = int64(rapid.IntRange(300, 1500).Draw(t, "segment.bytes"))
	c.IndexIntervalBytes = int64(rapid.IntRange(0, 300).Draw(t, "index.interval.bytes"))
	c.DeleteRetentionMs, c.ProducerIDExpirationMs = testDeleteRetention, 1<<62
	c.FileDeleteDelayMs = int64(rapid.SampledFrom([]int{0, 60_000}).Draw(t, "file.delete.delay.ms"))
	h := &history{t: t, outer: outer, c: c, fs: f, all: map[int64]*written{}, outcome: map[int]string{}, open: map[int64]int{},
		seq: map[int64]int32{}, epoch: map[int64]int16{}, newest: map[int64]int64{}, now: testTime}
	d := openDisk(outer, f, c)
	h.Dir, h.log = d.Dir, d.create(orders0, c)
	return h
}

func (h *history) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatalf("%+v", err)
	}
}

// write appends a batch of a producer, within its transaction if it has one.
func (h *history) write(producer int64, transactional bool) {
	o := batch.NewOptions()
	o.Codec = batch.Codec(rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3, 4}).Draw(h.t, "codec"))
	n := rapid.IntRange(1, 5).Draw(h.t, "records")
	if producer >= 0 {
		for _, p := range h.log.ActiveProducers() { // one that is known by a marker alone has to begin at 0
			if p.ID == producer && h.newest[producer] < h.log.StartOffset() {
				h.seq[producer] = p.LastSequence + 1
			}
		}
		o.ProducerID, o.ProducerEpoch, o.BaseSequence, o.Transactional = producer, h.epoch[producer], h.seq[producer], transactional
		h.seq[producer] += int32(n)
	}
	records := make([]batch.Record, n)
	for i := range records {
		records[i] = batch.Record{Timestamp: h.now.UnixMilli() + int64(i), Key: fmt.Appendf(nil, "k%d", rapid.IntRange(0, 5).Draw(h.t, "key"))}
		if rapid.IntRange(0, 3).Draw(h.t, "tombstone") > 0 {
			records[i].Value = fmt.Appendf(nil, "v%d", len(h.all)+i)
			records[i].Headers = []batch.Header{{Key: "h", Value: []byte("x")}}
		}
	}
	info, err := h.log.AppendAsLeader(build(h.outer, o, records...), 0, Client, h.now)
	h.must(err)
	h.newest[producer] = info.LastOffset
	for i, r := range records {
		r.Offset = info.FirstOffset + int64(i)
		w := &written{Record: r, producer: batch.None}
		if transactional {
			w.producer, w.txn = producer, h.open[producer]
		}
		h.all[r.Offset] = w
	}
}

func (h *history) plain()      { h.write(batch.None, false) }
func (h *history) idempotent() { h.write(int64(rapid.IntRange(10, 12).Draw(h.t, "producer")), false) }

func (h *history) transactional() {
	id := int64(rapid.IntRange(1, 3).Draw(h.t, "producer"))
	if h.open[id] == 0 {
		h.txns++
		h.open[id] = h.txns
		h.outcome[h.txns] = "open"
	}
	h.write(id, true)
}

func (h *history) end() {
	ids := slices.Sorted(maps.Keys(h.open))
	if len(ids) == 0 {
		return
	}
	id := rapid.SampledFrom(ids).Draw(h.t, "ends")
	m := batch.Marker{Type: batch.Commit, CoordinatorEpoch: 1}
	outcome := "commit"
	if rapid.Bool().Draw(h.t, "abort") {
		m.Type, outcome = batch.Abort, "abort"
		if rapid.Bool().Draw(h.t, "fence") { // an abort by the coordinator raises the epoch
			h.epoch[id]++
			h.seq[id] = 0
		}
	}
	info, err := h.log.AppendAsLeader(batch.BuildMarker(m, id, h.epoch[id], h.now.UnixMilli()), 0, Coordinator, h.now)
	h.must(err)
	h.all[info.FirstOffset] = &written{Record: batch.Record{Offset: info.FirstOffset, Timestamp: h.now.UnixMilli()}, producer: id, txn: h.open[id], marker: true}
	h.outcome[h.open[id]] = outcome
	delete(h.open, id)
}

func (h *history) clean() {
	buffer := int64(rapid.SampledFrom([]int{keySlotSize * 4, 1 << 20, 1 << 20}).Draw(h.t, "buffer"))
	hw := rapid.Int64Range(h.log.StartOffset(), h.log.EndOffset()).Draw(h.t, "high watermark")
	if rapid.Bool().Draw(h.t, "all") {
		hw = h.log.EndOffset()
	}
	producers, end := h.log.ActiveProducers(), h.log.EndOffset()
	segments := h.log.Segments()
	stats, err := h.log.Clean(context.Background(), hw, buffer, h.now)
	h.must(err)
	if stats.SegmentsBefore == 0 {
		return
	}
	if got := h.log.EndOffset(); got != end || !slices.Equal(h.log.ActiveProducers(), producers) {
		h.t.Fatalf("a clean changed the end from %d to %d, or the producers", end, got)
	}
	if stats.To > hw || stats.To > segments[len(segments)-1].BaseOffset {
		h.t.Fatalf("cleaned to %d, the high watermark is %d, segments %+v", stats.To, hw, segments)
	}
	if buffer == 1<<20 {
		h.cleaned = max(h.cleaned, stats.To)
	}
	h.last = h.now
	rewritten := stats.To // and the rest of the segment in which the map was full
	for _, s := range segments {
		if s.BaseOffset < stats.To {
			rewritten = end
		} else {
			rewritten = min(rewritten, s.BaseOffset)
		}
	}
	for _, w := range h.all {
		if w.Offset < rewritten && w.first.IsZero() {
			w.first = h.now
		}
	}
}

// look reads the log as it is: what is left, as a read_committed consumer and raw.
func (h *history) look() (committed, raw []batch.Record, stable int64) {
	l := h.log
	stable = l.LastStableOffset(l.EndOffset())
	aborted, err := l.AbortedTransactions(l.StartOffset(), stable)
	h.must(err)
	slices.SortFunc(aborted, func(a, b AbortedTransaction) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) }) // as consumers do
	skipping := map[int64]bool{}
	for at := l.StartOffset(); at < l.EndOffset(); {
		r, err := l.Read(at, 1<<20, l.EndOffset(), true)
		h.must(err)
		if len(r.Records) == 0 {
			break
		}
		for b, err := range batch.All(r.Records) {
			h.must(err)
			h.must(b.Check())
			for len(aborted) > 0 && aborted[0].FirstOffset <= b.LastOffset() {
				skipping[aborted[0].ProducerID] = true
				aborted = aborted[1:]
			}
			if m, ok, _ := b.Marker(); b.Control() && ok && m.Type == batch.Abort {
				delete(skipping, b.ProducerID())
			}
			for rec, err := range b.Records() {
				h.must(err)
				rec.Key, rec.Value, rec.Headers = bytes.Clone(rec.Key), bytes.Clone(rec.Value), slices.Clone(rec.Headers)
				raw = append(raw, rec)
				if !b.Control() && !(b.Transactional() && skipping[b.ProducerID()]) && rec.Offset < stable {
					committed = append(committed, rec)
				}
			}
		}
		at = r.NextOffset
	}
	return committed, raw, stable
}

func (h *history) check() {
	committed, raw, stable := h.look()
	h.checkPreserved(raw)
	left := map[int64]bool{}
	for _, r := range raw {
		left[r.Offset] = true
	}
	h.checkCommitted(committed, stable)
	h.checkTombstones(left, stable)
	h.checkMarkers(left)
	checkIndexes(h.t, h.log)
}

// checkPreserved: what is left is what was written, in order; nothing that was never cleaned is gone.
func (h *history) checkPreserved(raw []batch.Record) {
	last := int64(-1)
	seen := map[int64]bool{}
	for _, r := range raw {
		w := h.all[r.Offset]
		if r.Offset <= last || w == nil || r.Timestamp != w.Timestamp || !w.marker && (!bytes.Equal(r.Key, w.Key) || !bytes.Equal(r.Value, w.Value) || len(r.Headers) != len(w.Headers)) {
			h.t.Fatalf("offset %d after %d holds %+v, written was %+v", r.Offset, last, r, w)
		}
		last, seen[r.Offset] = r.Offset, true
	}
	for offset, w := range h.all {
		if w.first.IsZero() && !seen[offset] && !(w.txn > 0 && h.outcome[w.txn] == "abort" && h.cleaned > 0) && h.last.IsZero() {
			h.t.Fatalf("offset %d is gone and was never cleaned", offset)
		}
	}
}

// checkCommitted: no aborted record is seen, and of each key the last committed value is.
func (h *history) checkCommitted(committed []batch.Record, stable int64) {
	got, want := map[string]string{}, map[string]string{}
	perKey := map[string]int{}
	for _, r := range committed {
		if w := h.all[r.Offset]; w.txn > 0 && h.outcome[w.txn] != "commit" {
			h.t.Fatalf("offset %d is seen; its transaction is %s", r.Offset, h.outcome[w.txn])
		}
		note(got, r)
		if r.Offset < h.cleaned {
			if perKey[string(r.Key)]++; perKey[string(r.Key)] > 1 {
				h.t.Fatalf("key %s is there twice below %d", r.Key, h.cleaned)
			}
		}
	}
	for _, offset := range slices.Sorted(maps.Keys(h.all)) {
		if w := h.all[offset]; offset < stable && !w.marker && (w.txn == 0 || h.outcome[w.txn] == "commit") {
			note(want, w.Record)
		}
	}
	if !maps.Equal(got, want) {
		h.t.Fatalf("a reader sees %v, want %v", got, want)
	}
}

func note(m map[string]string, r batch.Record) {
	if r.Value == nil {
		delete(m, string(r.Key))
		return
	}
	m[string(r.Key)] = string(r.Value)
}

// expired reports whether what was first rewritten then may be gone by the last clean.
func (h *history) expired(w *written) bool {
	return !w.first.IsZero() && !h.last.Before(w.first.Add(testDeleteRetention*time.Millisecond))
}

// checkTombstones: the last tombstone of a key stays until its horizon.
func (h *history) checkTombstones(left map[int64]bool, stable int64) {
	last := map[string]*written{}
	for _, offset := range slices.Sorted(maps.Keys(h.all)) {
		if w := h.all[offset]; offset < stable && !w.marker && (w.txn == 0 || h.outcome[w.txn] == "commit") {
			last[string(w.Key)] = w
		}
	}
	for key, w := range last {
		if w.Value == nil && !left[w.Offset] && !h.expired(w) {
			h.t.Fatalf("the tombstone of %s at %d is gone before its horizon", key, w.Offset)
		}
	}
}

// checkMarkers: a marker outlives the data of its transaction, and stays until its horizon.
func (h *history) checkMarkers(left map[int64]bool) {
	data := map[int]bool{}
	for offset := range left {
		if w := h.all[offset]; !w.marker && w.txn > 0 {
			data[w.txn] = true
		}
	}
	for offset, w := range h.all {
		if w.marker && !left[offset] && (data[w.txn] || !h.expired(w)) {
			h.t.Fatalf("the marker at %d of transaction %d (%s) is gone; data is left: %v", offset, w.txn, h.outcome[w.txn], data[w.txn])
		}
	}
}

func (h *history) reopen(kill bool) {
	before := h.log.ActiveProducers()
	if kill {
		h.must(h.Dir.Abandon())
	} else {
		h.must(h.Dir.Close())
	}
	h.Dir = openDisk(h.outer, h.fs, h.c).Dir
	l, ok := h.Dir.Log(orders0)
	if !ok {
		h.t.Fatal("the log is gone")
	}
	end := h.log.EndOffset()
	h.log = l
	if after := l.ActiveProducers(); l.EndOffset() != end || !h.remembers(before, after) {
		h.t.Fatalf("the end was %d and is %d, it starts at %d, producers were\n%+v\nand are\n%+v", end, l.EndOffset(), l.StartOffset(), before, after)
	}
}

// remembers reports whether the producers after a reopening are those before it. What lies below the start of the log may be
// forgotten, as Kafka forgets it with its snapshots, and be found again in the segment's file: a producer, or where its
// transaction began.
func (h *history) remembers(before, after []ActiveProducer) bool {
	start := h.log.StartOffset()
	for _, a := range after {
		if h.newest[a.ID] >= start && !slices.ContainsFunc(before, func(b ActiveProducer) bool { return b.ID == a.ID }) {
			return false
		}
	}
	for _, b := range before {
		if h.newest[b.ID] < start {
			continue
		}
		i := slices.IndexFunc(after, func(a ActiveProducer) bool { return a.ID == b.ID })
		if i < 0 || after[i].Epoch != b.Epoch || after[i].LastSequence != b.LastSequence {
			return false
		}
		began := after[i].TxnStartOffset
		if began != b.TxnStartOffset && (b.TxnStartOffset < 0 || b.TxnStartOffset >= start) {
			return false
		}
	}
	return true
}

func TestCompactionAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(t, rt, fsys.NewMem())
		step := func(f func()) func(*rapid.T) { return func(*rapid.T) { f() } }
		rt.Repeat(map[string]func(*rapid.T){
			"plain":              step(h.plain),
			"idempotent":         step(h.idempotent),
			"transactional":      step(h.transactional),
			"transactional more": step(h.transactional),
			"end":                step(h.end),
			"end more":           step(h.end),
			"clean":              step(h.clean),
			"clean more":         step(h.clean),
			"roll":               step(func() { h.must(h.log.Roll()) }),
			"time":               step(func() { h.now = h.now.Add(testDeleteRetention * time.Millisecond * 2 / 3) }),
			"close":              step(func() { h.reopen(false) }),
			"kill":               step(func() { h.reopen(true) }),
			"": func(rt *rapid.T) {
				if h.Dir.Failed() != nil {
					rt.Fatalf("%+v", h.Dir.Failed())
				}
				h.check()
			},
		})
		h.must(h.Dir.Abandon())
	})
}
