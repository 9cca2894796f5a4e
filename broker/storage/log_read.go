package storage

import (
	"io"
	"sort"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/batch"
)

// ReadResult is what a read found.
type ReadResult struct {
	Records     []byte // whole batches; the first may begin below the asked offset
	FirstOffset int64  // of the first batch; the asked offset if there is none
	NextOffset  int64  // after the last batch; the asked offset if there is none
}

// Read returns whole batches from the one that holds offset on: at most
// maxBytes, but the first in any case if minOne, and none that ends at or above
// limit (the high watermark, last stable offset or log end that the caller may show). An offset
// below the log's start or above its end is ErrOffsetOutOfRange. It never
// waits for an append or a sync.
func (l *Log) Read(offset int64, maxBytes int, limit int64, minOne bool) (ReadResult, error) {
	return l.ReadInto(func(n int) []byte { return make([]byte, n) }, offset, maxBytes, limit, minOne)
}

// ReadInto is Read into room(n), n bytes long, for callers that use memory again. It may ask more than once; Records is a
// part of the last answer, or nil.
func (l *Log) ReadInto(room func(n int) []byte, offset int64, maxBytes int, limit int64, minOne bool) (ReadResult, error) {
	for {
		if err := l.usable(); err != nil {
			return ReadResult{}, err
		}
		generation := l.settledGeneration()
		r, err := l.read(room, offset, maxBytes, limit, minOne)
		if l.generation.Load() != generation {
			continue // files changed under the read
		}
		if err != nil {
			return ReadResult{}, l.readFailure(err)
		}
		return r, nil
	}
}

// readFailure sorts an error of a read: of the offset, of the bytes, or of the disk.
func (l *Log) readFailure(err error) error {
	if isKafka(err) {
		return err
	}
	if unusable := l.usable(); unusable != nil {
		return unusable
	}
	return l.dir.fail(err)
}

func (l *Log) read(room func(n int) []byte, offset int64, maxBytes int, limit int64, minOne bool) (ReadResult, error) {
	none := ReadResult{FirstOffset: offset, NextOffset: offset}
	start, end := l.start.Load(), l.end.Load()
	if offset < start || offset > end {
		return ReadResult{}, errorf(kerr.OffsetOutOfRange, "offset %d of %v is not in [%d, %d]", offset, l.tp, start, end)
	}
	if limit = min(limit, end); offset >= limit {
		return none, nil
	}
	for _, s := range l.segmentsFrom(offset) {
		out, next, err := s.readOn(room, offset, maxBytes, limit)
		if err == nil && len(out) == 0 {
			var p place
			if p, err = s.find(offset); err == io.EOF {
				continue // a gap at the end of a compacted segment
			}
			if err == nil && (minOne || p.size <= int64(maxBytes)) {
				out, next, err = s.read(room, p, maxBytes, limit)
			}
		}
		switch {
		case err != nil:
			return ReadResult{}, err
		case len(out) == 0:
			return none, nil
		}
		return ReadResult{out, batch.Batch(out).BaseOffset(), next}, nil
	}
	return none, nil
}

// segmentsFrom are the segments from the one on that may hold offset.
func (l *Log) segmentsFrom(offset int64) []*segment {
	segments := *l.segments.Load()
	above := sort.Search(len(segments), func(i int) bool { return segments[i].base > offset })
	return segments[max(above-1, 0):]
}

// OffsetForTimestamp finds the first record whose timestamp (ms since 1970) is
// ts or later: its offset, timestamp and leader epoch (-1 if unknown). ok is
// false if there is none.
func (l *Log) OffsetForTimestamp(ts int64) (offset, timestamp int64, epoch int32, ok bool, err error) {
	err = l.search(func() error {
		for _, s := range *l.segments.Load() {
			latest, _, err := s.maxTimestamp()
			if err != nil {
				return err
			}
			if latest < ts {
				continue
			}
			var r batch.Stamp
			if r, epoch, ok, err = s.atTimestamp(ts, l.start.Load()); ok || err != nil {
				offset, timestamp = r.Offset, r.Timestamp
				return err
			}
		}
		return nil
	})
	return offset, timestamp, epoch, ok, err
}

// MaxTimestamp finds the record with the largest timestamp, the first if there are
// several: its timestamp, offset and leader epoch (KIP-734). ok is false if no
// record has one.
func (l *Log) MaxTimestamp() (ts, offset int64, epoch int32, ok bool, err error) {
	err = l.search(func() error {
		ts = -1
		for _, s := range *l.segments.Load() {
			t, _, err := s.maxTimestamp()
			if err != nil {
				return err
			}
			ts = max(ts, t)
		}
		return nil
	})
	if err != nil || ts < 0 {
		return -1, -1, -1, false, err
	}
	offset, ts, epoch, ok, err = l.OffsetForTimestamp(ts)
	return ts, offset, epoch, ok, err
}

// search runs a read of several files, again if files changed under it.
func (l *Log) search(f func() error) error {
	for {
		if err := l.usable(); err != nil {
			return err
		}
		generation := l.settledGeneration()
		err := f()
		if l.generation.Load() != generation {
			continue
		}
		if err != nil {
			return l.readFailure(err)
		}
		return nil
	}
}

// FirstUnstableOffset is the first offset of the earliest transaction that is open.
func (l *Log) FirstUnstableOffset() (int64, bool) {
	l.states.Lock()
	defer l.states.Unlock()
	return l.states.firstOpen()
}

// LastStableOffset is what a READ_COMMITTED consumer may read up to, given the
// high watermark: the first offset of the earliest transaction that is open or
// whose marker is not below the high watermark yet, else the high watermark itself.
func (l *Log) LastStableOffset(highWatermark int64) int64 {
	l.states.Lock()
	defer l.states.Unlock()
	stable := highWatermark
	if first, ok := l.states.firstOpen(); ok {
		stable = min(stable, first)
	}
	waiting := l.states.ended[:0]
	for _, t := range l.states.ended {
		if t.lastOffset >= highWatermark {
			waiting = append(waiting, t)
			stable = min(stable, t.firstOffset)
		}
	}
	if l.states.ended = waiting; len(waiting) == 0 {
		l.states.ended = nil
	}
	return max(stable, min(l.start.Load(), highWatermark)) // a transaction may have begun before the log's start
}

// AbortedTransactions lists the aborted transactions that overlap [from, to).
func (l *Log) AbortedTransactions(from, to int64) (out []AbortedTransaction, err error) {
	err = l.search(func() error {
		out = nil
		for _, s := range l.segmentsFrom(from) {
			var more bool
			if out, more, err = s.abortedIn(from, to, out); err != nil || !more {
				return err
			}
		}
		return nil
	})
	return out, err
}

// ActiveProducer describes one producer that the log knows (DescribeProducers).
type ActiveProducer struct {
	ID               int64
	Epoch            int16
	LastSequence     int32 // -1 if its last batch is not known
	LastTimestamp    int64
	CoordinatorEpoch int32 // -1 if it never ended a transaction
	TxnStartOffset   int64 // -1 if it has no open transaction
}

// ActiveProducers lists the producers that the log knows, by id.
func (l *Log) ActiveProducers() []ActiveProducer {
	l.states.Lock()
	defer l.states.Unlock()
	var out []ActiveProducer
	for _, p := range l.states.sorted() {
		last, _ := p.last()
		out = append(out, ActiveProducer{p.id, p.epoch, last.lastSeq, p.timestamp, p.coordinatorEpoch, p.txnFirst})
	}
	return out
}
