package storage

import (
	"errors"
	"fmt"
	"io"

	"klab/broker/storage/batch"
)

// place is where a batch lies in a segment.
type place struct {
	position int64
	size     int64  // of the batch
	base     int64  // the batch's first offset
	cuts     uint32 // of the segment when the search began
}

// find returns the first batch that ends at or after offset; io.EOF if there is
// none.
func (s *segment) find(offset int64) (place, error) {
	from, cuts, err := s.nearest(offset)
	if err != nil {
		return place{}, err
	}
	w := openWindow(&smallWindows, s, s.size.Load())
	defer w.close(&smallWindows)
	for {
		h, err := w.header(from)
		if err != nil {
			return place{}, s.readError(err, from)
		}
		if h.LastOffset() >= offset {
			return place{from, h.Size(), h.BaseOffset(), cuts}, nil
		}
		from += h.Size()
	}
}

// nearest is a position at or before the batch that holds offset: the end of
// an earlier read, or what the index says.
func (s *segment) nearest(offset int64) (position int64, cuts uint32, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if position, ok := s.leftOff(offset); ok {
		return position, s.cuts, nil
	}
	err = s.loadIndexes()
	return s.offsets.lookup(offset), s.cuts, err
}

// leftOff is where an earlier read ended, if one ended before offset. mu is held.
func (s *segment) leftOff(offset int64) (position int64, ok bool) {
	for _, f := range s.found {
		if f.offset == offset {
			return f.position, true
		}
	}
	return 0, false
}

// leaveOff remembers that the batch with offset begins at position, if that was
// learnt since the last truncation.
func (s *segment) leaveOff(offset, position int64, cuts uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cuts != cuts {
		return
	}
	s.found[s.next%uint8(len(s.found))] = foundAt{offset, position}
	s.next++
}

// readError says where a read failed. A batch that claims more bytes than the file has is damaged, and the disk is not.
func (s *segment) readError(err error, at int64) error {
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, batch.ErrShort):
		return errorf(errCorrupt, "the batch at position %d of %s is cut off", at, s.path(logSuffix))
	}
	return fmt.Errorf("cannot read %s at position %d: %w", s.path(logSuffix), at, err)
}

// read reads into room(n) whole batches that end below limit, from p on, at most
// maxBytes but one at least, and returns the offset after the last.
func (s *segment) read(room func(n int) []byte, p place, maxBytes int, limit int64) (out []byte, next int64, err error) {
	want := min(max(int64(maxBytes), p.size), s.size.Load()-p.position)
	if want <= 0 {
		return nil, 0, nil // truncated since p was found: the caller looks again
	}
	out = room(int(want))
	n, err := s.ReadAt(out, p.position)
	if err != nil && (!errors.Is(err, io.EOF) || n == 0) {
		return nil, 0, s.readError(err, p.position)
	}
	used := 0
	for b, err := range batch.All(out[:n]) {
		if err != nil || b.LastOffset() >= limit {
			break
		}
		used += len(b)
		next = b.NextOffset()
	}
	if used > 0 {
		s.leaveOff(next, p.position+int64(used), p.cuts)
	}
	return out[:used], next, nil
}

// readOn is read from where an earlier one ended, if one ended before offset: who follows the log needs no search. A batch of
// more than maxBytes it does not find.
func (s *segment) readOn(room func(n int) []byte, offset int64, maxBytes int, limit int64) (out []byte, next int64, err error) {
	s.mu.Lock()
	position, ok := s.leftOff(offset)
	p := place{position: position, cuts: s.cuts}
	s.mu.Unlock()
	if !ok || position == s.size.Load() {
		return nil, 0, nil
	}
	return s.read(room, p, maxBytes, limit)
}

// eachBatch calls f with the header of every batch from a position on, until f
// returns false or the segment ends.
func (s *segment) eachBatch(from int64, f func(at int64, h batch.Batch, w *window) (bool, error)) error {
	w := openWindow(&largeWindows, s, s.size.Load())
	defer w.close(&largeWindows)
	for {
		h, err := w.header(from)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return s.readError(err, from)
		}
		size := h.Size()
		if more, err := f(from, h, w); err != nil || !more {
			return err
		}
		from += size
	}
}

// maxTimestamp is the segment's largest timestamp and the last offset of the
// first batch that has it; (-1, base) if no record has one.
func (s *segment) maxTimestamp() (ts, offset int64, err error) {
	s.mu.Lock()
	ts, offset, known, cuts := s.maxTs, s.maxTsAt, s.timed, s.cuts
	s.mu.Unlock()
	if known {
		return ts, offset, nil
	}
	var from int64
	err = s.indexed(func() error {
		ts, offset = s.times.last()
		from = s.offsets.lookup(s.offsets.last())
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	err = s.eachBatch(from, func(_ int64, h batch.Batch, _ *window) (bool, error) {
		if h.MaxTimestamp() > ts && h.Count() > 0 {
			ts, offset = h.MaxTimestamp(), h.LastOffset()
		}
		return true, nil
	})
	if err != nil && !isKafka(err) { // behind a damaged batch nobody reads: the index and what comes before it count
		return 0, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.timed && s.cuts == cuts {
		if s.maxTs < ts { // an appender may have seen a larger one since
			s.maxTs, s.maxTsAt = ts, offset
		}
		s.timed = true
	}
	return s.maxTs, s.maxTsAt, nil // if it was truncated meanwhile, whoever asked will ask again
}

// atTimestamp finds the first record from start on with a timestamp of at least ts.
func (s *segment) atTimestamp(ts, start int64) (found batch.Stamp, epoch int32, ok bool, err error) {
	var from int64
	err = s.indexed(func() error {
		from = s.offsets.lookup(max(s.times.lookup(ts), start))
		return nil
	})
	if err != nil {
		return found, 0, false, err
	}
	err = s.eachBatch(from, func(at int64, h batch.Batch, w *window) (bool, error) {
		if h.MaxTimestamp() < ts || h.LastOffset() < start {
			return true, nil
		}
		epoch = h.LeaderEpoch()
		found, ok, err = firstStamp(w, at, h, func(r batch.Stamp) bool { return r.Timestamp >= ts && r.Offset >= start })
		return !ok, err
	})
	return found, epoch, ok, err
}

// firstStamp finds the first record of a batch that satisfies want. The inside
// of a legacy message set is not looked at: its last message stands for it.
func firstStamp(w *window, at int64, h batch.Batch, want func(batch.Stamp) bool) (batch.Stamp, bool, error) {
	if h.Legacy() {
		r := batch.Stamp{Offset: h.LastOffset(), Timestamp: h.MaxTimestamp()}
		return r, want(r), nil
	}
	b, err := w.whole(at, h.Size())
	if err != nil {
		return batch.Stamp{}, false, err
	}
	for r, err := range b.Stamps() {
		if err != nil || want(r) {
			return r, err == nil, err
		}
	}
	return batch.Stamp{}, false, nil
}

// abortedIn lists aborted transactions that overlap [from, to). more is false
// once no later segment can hold another.
func (s *segment) abortedIn(from, to int64, out []AbortedTransaction) (_ []AbortedTransaction, more bool, err error) {
	more = true
	err = s.indexed(func() error {
		for i := range s.aborted.count() {
			t := s.aborted.at(i)
			if t.LastOffset >= from && t.FirstOffset < to {
				out = append(out, t)
			}
			if t.LastStableOffset >= to {
				more = false
				break
			}
		}
		return nil
	})
	return out, more, err
}
