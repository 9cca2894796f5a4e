package storage

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

// retain has retention go over the log once, with whatever limits, and holds where the log starts then against the model.
func (h *history) retain() {
	c := h.c
	c.RetentionMs = rapid.SampledFrom([]int64{-1, 0, 500, 2000, 10_000}).Draw(h.t, "retention.ms")
	c.RetentionBytes = int64(rapid.SampledFrom([]int{-1, -1, 0, 700, 3000}).Draw(h.t, "retention.bytes"))
	hw := rapid.Int64Range(h.log.StartOffset(), h.log.EndOffset()).Draw(h.t, "high watermark")
	if rapid.Bool().Draw(h.t, "all is replicated") {
		hw = h.log.EndOffset()
	}
	want := h.startAfterRetention(c, hw)
	h.log.SetConfig(c)
	h.Dir.Maintain(h.now, func(TopicPartition) int64 { return hw })
	h.log.SetConfig(h.c)
	if got := h.log.StartOffset(); got != want {
		h.t.Fatalf("the log starts at %d after retention of %d ms and %d bytes below %d at %d, want %d; segments %+v",
			got, c.RetentionMs, c.RetentionBytes, hw, h.now.UnixMilli(), want, h.log.Segments())
	}
}

// startAfterRetention is Kafka's rule as Kafka states it (kafka-formats B.10): three passes from the oldest segment on, each
// of which ends at the first segment that it lets stay. Ages come from what was written, not from any index.
func (h *history) startAfterRetention(c LogConfig, hw int64) int64 {
	type piece struct {
		base, upper, size, newest int64
		active                    bool
	}
	var pieces []piece
	var total int64
	for i, s := range *h.log.segments.Load() {
		p := piece{base: s.base, upper: h.log.EndOffset(), size: s.size.Load(), newest: -1}
		if i > 0 {
			pieces[i-1].upper = p.base
		}
		total += p.size
		pieces = append(pieces, p)
	}
	pieces[len(pieces)-1].active = true
	for i := range pieces {
		p := &pieces[i]
		for offset := p.base; offset < p.upper; offset++ {
			p.newest = max(p.newest, h.all[offset].Timestamp)
		}
	}
	start := h.log.StartOffset()
	pass := func(lets func(piece) bool) {
		for len(pieces) > 0 && pieces[0].upper <= hw && !(pieces[0].active && pieces[0].size == 0) && lets(pieces[0]) {
			start = max(start, pieces[0].upper)
			total -= pieces[0].size
			pieces = pieces[1:]
		}
	}
	before := start
	pass(func(p piece) bool { return !p.active && p.upper <= before })
	if excess := total - c.RetentionBytes; c.deletes() && c.RetentionBytes >= 0 {
		pass(func(p piece) bool { excess -= p.size; return excess >= 0 })
	}
	if c.deletes() && c.RetentionMs >= 0 {
		pass(func(p piece) bool { return h.now.UnixMilli()-p.newest > c.RetentionMs })
	}
	return start
}

// checkRetained: from its start on the log holds all that was written, and a consumer sees what was committed of it.
func (h *history) checkRetained() {
	committed, raw, stable := h.look()
	var wantRaw, wantCommitted []int64
	for _, offset := range slices.Sorted(maps.Keys(h.all)) {
		if offset < h.log.StartOffset() {
			continue
		}
		wantRaw = append(wantRaw, offset)
		if w := h.all[offset]; offset < stable && !w.marker && (w.txn == 0 || h.outcome[w.txn] == "commit") {
			wantCommitted = append(wantCommitted, offset)
		}
	}
	if got := offsetsFrom(h.log.StartOffset(), raw); !slices.Equal(got, wantRaw) {
		h.t.Fatalf("the log holds %v, want %v", got, wantRaw)
	}
	if got := offsetsFrom(h.log.StartOffset(), committed); !slices.Equal(got, wantCommitted) {
		h.t.Fatalf("a reader of what is committed sees %v, want %v", got, wantCommitted)
	}
	checkIndexes(h.t, h.log)
}

// offsetsFrom are the offsets of what a consumer that begins at start takes: it passes over what the first batch holds below.
func offsetsFrom(start int64, records []batch.Record) (out []int64) {
	for _, r := range records {
		if r.Offset >= start {
			out = append(out, r.Offset)
		}
	}
	return out
}

func TestRetentionAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(t, rt, fsys.NewMem())
		h.c.CleanupPolicy = []string{"delete"}
		h.c.RetentionMs = -1
		h.log.SetConfig(h.c)
		start := func() int64 { return h.log.StartOffset() }
		step := func(f func()) func(*rapid.T) { return func(*rapid.T) { f() } }
		rt.Repeat(map[string]func(*rapid.T){
			"plain":         step(h.plain),
			"idempotent":    step(h.idempotent),
			"transactional": step(h.transactional),
			"end":           step(h.end),
			"end more":      step(h.end),
			"retain":        step(h.retain),
			"retain more":   step(h.retain),
			"roll":          step(func() { h.must(h.log.Roll()) }),
			"advance": step(func() {
				h.must(h.log.AdvanceStartOffset(rapid.Int64Range(start(), h.log.EndOffset()).Draw(rt, "advance to")))
			}),
			"time":  step(func() { h.now = h.now.Add(time.Duration(rapid.IntRange(-300, 3000).Draw(rt, "ms")) * time.Millisecond) }),
			"close": step(func() { h.reopen(false) }),
			"kill":  step(func() { h.reopen(true) }),
			"": func(rt *rapid.T) {
				if h.Dir.Failed() != nil {
					rt.Fatalf("%+v", h.Dir.Failed())
				}
				h.checkRetained()
			},
		})
		h.must(h.Dir.Abandon())
	})
}
