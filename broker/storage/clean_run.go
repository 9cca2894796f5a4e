package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"klab/broker/storage/batch"
)

// CleanStats tells what one clean of a log did.
type CleanStats struct {
	From, To                int64 // the offsets that were dirty and no longer are
	Keys                    int   // different ones in [From, To)
	RecordsRead             int   // of the segments that were rewritten
	RecordsKept             int
	BytesRead, BytesWritten int64 // of the segments that were rewritten
	SegmentsBefore          int
	SegmentsAfter           int
}

// errCleanAborted ends a clean that truncation, deletion or shutdown overtook. What it replaced so far stays.
var errCleanAborted = errors.New("the clean was aborted")

// cleanRun is one clean of one log. The log's cleaning mutex is held.
type cleanRun struct {
	*Log
	ctx      context.Context
	config   *LogConfig
	plan     cleanPlan
	keys     *keyMap
	txns     *cleanedTxns
	last     map[int64]lastRecord // of the producers that the log knows
	now      int64                // ms since 1970
	throttle func(ctx context.Context, bytes int) error
	stats    CleanStats
}

// lastRecord is what must stay of an active producer: the batch with its last sequence, or its last epoch's marker.
type lastRecord struct {
	dataOffset int64 // last offset of its last batch, -1 if that is of an earlier epoch
	epoch      int16
}

// run cleans the log: it maps the keys of the dirty part, and rewrites everything below its end group by group.
func (r *cleanRun) run() error {
	if err := r.flushTo(r.plan.end); err != nil { // what is dropped is superseded by what must survive a crash
		return err
	}
	if err := r.mapKeys(); err != nil {
		return r.failure(err)
	}
	end := r.keys.latest + 1
	r.stats.From, r.stats.To, r.stats.Keys = r.plan.dirty, max(end, r.plan.dirty), r.keys.used
	var segments []*segment
	for _, s := range *r.segments.Load() {
		if s.base < min(end, r.plan.end) {
			segments = append(segments, s)
		}
	}
	horizon := r.legacyHorizon(segments)
	r.txns = newCleanedTxns()
	groups := groupSegments(segments, r.config, r.plan.end)
	for i, g := range groups {
		upper := r.plan.end
		if i+1 < len(groups) {
			upper = groups[i+1][0].base
		}
		if err := r.rewrite(g, upper, horizon); err != nil {
			return r.failure(err)
		}
	}
	return nil
}

// overtaken reports whether the clean is to end, or the log was truncated, deleted or closed under it: then what it learnt is
// void, and files that were cut or are gone are no trouble.
func (r *cleanRun) overtaken() bool {
	return r.ctx.Err() != nil || r.usable() != nil || r.cuts.Load() != r.plan.cuts
}

// failure tells an abort from trouble.
func (r *cleanRun) failure(err error) error {
	if r.overtaken() {
		return errCleanAborted
	}
	return err
}

// diskFailure is failure for trouble with files, which the directory does not survive.
func (r *cleanRun) diskFailure(err error) error {
	if r.overtaken() {
		return errCleanAborted
	}
	return r.dir.fail(err)
}

// checkpoint notes where the log is dirty from now on.
func (r *cleanRun) checkpoint() error {
	r.mu.Lock() // keeps truncation away, which takes the checkpoint back
	defer r.mu.Unlock()
	if r.cuts.Load() != r.plan.cuts {
		return errCleanAborted
	}
	return r.dir.checkpointClean(r.Log, r.stats.To)
}

// mapKeys notes the last offset of each key in [dirty, end), or as far as the map has room. Aborted records do not count.
func (r *cleanRun) mapKeys() error {
	r.txns = newCleanedTxns()
	aborted, err := r.AbortedTransactions(r.plan.dirty, r.plan.end)
	if err != nil {
		return err
	}
	r.txns.add(aborted)
	segments := r.segmentsFrom(r.plan.dirty)
	for i, s := range segments {
		if s.base >= r.plan.end {
			break
		}
		next := r.plan.end
		if i+1 < len(segments) {
			next = min(next, segments[i+1].base)
		}
		full, err := r.mapSegment(s)
		if err != nil || full {
			return err
		}
		r.keys.cover(next - 1)
	}
	return nil
}

func (r *cleanRun) mapSegment(s *segment) (full bool, err error) {
	var at int64
	err = s.indexed(func() error { at = s.offsets.lookup(r.plan.dirty); return nil })
	if err != nil {
		return false, err
	}
	err = r.eachWhole(s, at, func(b batch.Batch) (bool, error) {
		full, err = r.mapBatch(b)
		if !full && b.LastOffset() >= r.plan.dirty {
			r.keys.cover(b.LastOffset())
		}
		return !full, err
	})
	return full, err
}

func (r *cleanRun) mapBatch(b batch.Batch) (full bool, err error) {
	if b.Control() {
		_, _, err := r.txns.readMarker(b)
		return false, err
	}
	if r.txns.readData(b) {
		return false, nil
	}
	for rec, err := range b.Records() {
		if err != nil {
			return false, err
		}
		if rec.Key != nil && rec.Offset >= r.plan.dirty && !r.keys.put(rec.Key, rec.Offset) {
			return true, nil
		}
	}
	return false, nil
}

// eachWhole calls f with every batch of a segment, verified, from a position on, at the pace that is allowed.
func (r *cleanRun) eachWhole(s *segment, from int64, f func(b batch.Batch) (bool, error)) error {
	return s.eachBatch(from, func(at int64, h batch.Batch, w *window) (bool, error) {
		if err := r.throttle(r.ctx, int(h.Size())); err != nil {
			return false, err
		}
		if r.overtaken() {
			return false, errCleanAborted
		}
		b, err := w.whole(at, h.Size())
		if err == nil {
			err = b.Check()
		}
		if err != nil {
			return false, fmt.Errorf("cannot clean the batch at position %d of %s: %w", at, s.path(logSuffix), err)
		}
		return f(b)
	})
}

// legacyHorizon is the time, in ms since 1970, until which segments were changed whose tombstones of format 0 and 1 may
// go: those formats have no horizon of their own.
func (r *cleanRun) legacyHorizon(segments []*segment) (ms int64) {
	for _, s := range segments {
		if s.base >= r.plan.dirty {
			break
		}
		if info, err := r.dir.fs.Stat(s.path(logSuffix)); err == nil {
			ms = info.ModTime.UnixMilli() - r.config.DeleteRetentionMs
		}
	}
	return ms
}

// activeProducers is what must stay of the producers that the log knows.
func (l *Log) activeProducers() map[int64]lastRecord {
	l.states.Lock()
	defer l.states.Unlock()
	out := make(map[int64]lastRecord, len(l.states.byID))
	for id, p := range l.states.byID {
		last, _ := p.last()
		out[id] = lastRecord{last.lastOffset, p.epoch}
	}
	return out
}

// rewrite makes one segment of a group that ends below upper, with what is kept of it, and puts it in their place.
func (r *cleanRun) rewrite(group []*segment, upper, legacyHorizon int64) error {
	dest, err := createSegmentAs(r.folder, group[0].base, cleanedSuffix, r.dir.clock())
	if err != nil {
		return r.diskFailure(err)
	}
	r.last = r.activeProducers()
	if err := r.fill(dest, group, upper, legacyHorizon); err != nil {
		return errors.Join(err, r.removeCleaned(dest))
	}
	if err := r.replaceSegments(dest, group); err != nil {
		return errors.Join(err, r.removeCleaned(dest))
	}
	r.stats.SegmentsBefore, r.stats.SegmentsAfter = r.stats.SegmentsBefore+len(group), r.stats.SegmentsAfter+1
	return nil
}

// fill writes what is kept of a group into dest, and makes it durable. Its file keeps the age of the last one.
func (r *cleanRun) fill(dest *segment, group []*segment, upper, legacyHorizon int64) error {
	var modified time.Time
	for i, s := range group {
		info, err := r.dir.fs.Stat(s.path(logSuffix))
		if err != nil {
			return err
		}
		modified = info.ModTime
		next := upper
		if i+1 < len(group) {
			next = group[i+1].base
		}
		aborted, err := r.AbortedTransactions(s.base, next)
		if err != nil {
			return err
		}
		r.txns.add(aborted)
		if err := r.copyKept(dest, s, modified.UnixMilli() > legacyHorizon); err != nil {
			return err
		}
	}
	err := dest.seal()
	if err == nil {
		err = dest.sync(true)
	}
	if err == nil {
		err = r.dir.fs.SetModTime(dest.path(logSuffix), modified)
	}
	if err != nil {
		return r.diskFailure(err)
	}
	return nil
}

// cleanChunk is how many bytes are collected before they are written.
const cleanChunk = 256 << 10

// copyKept appends to dest what is kept of a segment.
func (r *cleanRun) copyKept(dest, s *segment, keepLegacyTombstones bool) error {
	var chunk []byte
	flush := func() error {
		if len(chunk) == 0 {
			return nil
		}
		n := len(chunk)
		r.stats.BytesWritten += int64(n)
		if err := dest.append(chunk, r.config.IndexIntervalBytes); err != nil {
			return r.diskFailure(err)
		}
		chunk = chunk[:0]
		return r.throttle(r.ctx, n)
	}
	err := r.eachWhole(s, 0, func(b batch.Batch) (more bool, err error) {
		r.stats.BytesRead += int64(len(b))
		chunk, err = r.filter(chunk, dest, b, keepLegacyTombstones)
		if err == nil && len(chunk) >= cleanChunk {
			err = flush()
		}
		return true, err
	})
	if err != nil {
		return err
	}
	return flush()
}

// filter appends to chunk what is kept of a batch.
func (r *cleanRun) filter(chunk []byte, dest *segment, b batch.Batch, keepLegacyTombstones bool) ([]byte, error) {
	over, err := r.note(dest, b)
	if err != nil {
		return chunk, err
	}
	expired := b.DeleteHorizon() && b.BaseTimestamp() <= r.now
	drop := over && (!b.Control() || expired)
	f := batch.Filter{
		KeepEmpty: !b.Legacy() && (r.lastOfProducer(b) || b.NextOffset() == r.keys.latest+1),
		Expires:   over && b.Control(),
		Horizon:   r.now + r.config.DeleteRetentionMs,
	}
	if drop && !f.KeepEmpty {
		r.stats.RecordsRead += int(b.Count())
		return chunk, nil
	}
	keepTombstones := !expired
	if b.Legacy() {
		keepTombstones = keepLegacyTombstones
	}
	f.Keep = func(rec batch.Record) bool {
		return !drop && (b.Control() || r.keeps(rec, keepTombstones))
	}
	chunk, done, err := b.Filter(chunk, f)
	r.stats.RecordsRead, r.stats.RecordsKept = r.stats.RecordsRead+done.Read, r.stats.RecordsKept+done.Kept
	return chunk, err
}

// note follows the transactions. over says that the batch's data was aborted, or that it is a marker without data.
func (r *cleanRun) note(dest *segment, b batch.Batch) (over bool, err error) {
	if !b.Control() {
		return r.txns.readData(b), nil
	}
	over, aborted, err := r.txns.readMarker(b)
	if err == nil && aborted != nil {
		err = dest.addAborted(*aborted)
	}
	return over, err
}

// keeps reports whether a record is the last of its key and, if it is a tombstone, must still be seen.
func (r *cleanRun) keeps(rec batch.Record, keepTombstones bool) bool {
	if rec.Offset > r.keys.latest {
		return true
	}
	return rec.Key != nil && rec.Offset >= r.keys.get(rec.Key) && (rec.Value != nil || keepTombstones)
}

// lastOfProducer reports whether a batch holds what must be remembered of an active producer.
func (r *cleanRun) lastOfProducer(b batch.Batch) bool {
	last, ok := r.last[b.ProducerID()]
	switch {
	case !ok || b.ProducerID() == batch.None:
		return false
	case last.dataOffset >= 0:
		return b.LastOffset() == last.dataOffset
	}
	return b.Control() && b.ProducerEpoch() == last.epoch
}
