package storage

import (
	"errors"
	"fmt"
	"io"
	"math"

	"klab/broker/storage/batch"
)

// noteFunc takes note of a sound batch, given by its header, and of its marker
// if it is a control batch.
type noteFunc func(h batch.Batch, m *batch.Marker) error

// recover reads a whole segment, verifies every batch, rebuilds the indexes and
// cuts the file at the first batch that is not sound. It returns how many bytes it cut.
func (s *segment) recover(fileSize, intervalBytes int64, note noteFunc) (cut int64, err error) {
	if err := s.resetIndexes(); err != nil {
		return 0, err
	}
	s.size.Store(fileSize)
	w := openWindow(&largeWindows, s, fileSize)
	defer w.close(&largeWindows)
	at, last := int64(0), s.base-1
	for {
		h, m, err := s.sound(w, at, last)
		if err == io.EOF {
			break
		}
		if _, bad := errors.AsType[*batch.Error](err); bad || errors.Is(err, batch.ErrShort) {
			return s.cutAt(at, fileSize)
		}
		if err != nil {
			return 0, fmt.Errorf("cannot recover %s: %w", s.path(logSuffix), err)
		}
		if at == 0 {
			s.firstTs, s.firstKnown = h.MaxTimestamp(), true
		}
		s.mu.Lock()
		s.note(h, at, intervalBytes)
		s.mu.Unlock()
		if err := note(h, m); err != nil {
			return 0, err
		}
		at, last = at+h.Size(), h.LastOffset()
	}
	s.dirty.Store(true) // the kill may have come before the sync
	return 0, nil
}

// sound returns a copy of the header at a position if the batch is whole and its
// offsets go on from last; the error is a *batch.Error or batch.ErrShort if not.
func (s *segment) sound(w *window, at, last int64) (batch.Batch, *batch.Marker, error) {
	view, err := w.header(at)
	if err != nil {
		return nil, nil, err
	}
	h := append(batch.Batch(nil), view...)
	if err := w.check(at, h); err != nil {
		return nil, nil, err
	}
	if h.LastOffset() <= last || h.LastOffset()-s.base > math.MaxInt32 {
		return nil, nil, errorf(errCorrupt, "offset %d follows %d in a segment that begins at %d", h.LastOffset(), last, s.base)
	}
	m, err := markerAt(w, at, h)
	return h, m, err
}

// markerAt reads the marker of a control batch; nil for other batches.
func markerAt(w *window, at int64, h batch.Batch) (*batch.Marker, error) {
	if !h.Control() {
		return nil, nil
	}
	b, err := w.whole(at, h.Size())
	if err != nil {
		return nil, err
	}
	m, ok, err := b.Marker()
	if err != nil || !ok {
		return nil, err
	}
	return &m, nil
}

func (s *segment) resetIndexes() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folder.fs
	s.maxTs, s.maxTsAt, s.timed = -1, s.base, true
	s.sinceEntry, s.firstKnown = 0, false
	s.forget()
	err := errors.Join(
		s.offsets.reset(f, s.path(indexSuffix)),
		s.times.reset(f, s.path(timeIndexSuffix)))
	if s.aborted.count() > 0 {
		err = errors.Join(err, s.aborted.reset(f, s.path(txnIndexSuffix)))
	}
	return err
}

// cutAt ends the file at a position, durably: bytes from behind the cut must not
// come back after a crash, among those written since.
func (s *segment) cutAt(at, fileSize int64) (int64, error) {
	s.size.Store(at)
	file, err := s.open()
	if err == nil {
		err = file.Truncate(at)
	}
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		return 0, fmt.Errorf("cannot truncate %s to %d bytes: %w", s.path(logSuffix), at, err)
	}
	return fileSize - at, nil
}

// truncate drops every batch that ends at or after offset, and returns the end
// that this gives the log: offset, or the start of a batch that it lay within.
func (s *segment) truncate(offset int64) (end int64, err error) {
	p, err := s.find(offset)
	if err == io.EOF {
		return offset, nil
	}
	if err != nil {
		return 0, err
	}
	return min(offset, p.base), s.truncateAt(p.position, offset)
}

func (s *segment) truncateAt(position, offset int64) error {
	f := s.folder.fs
	size := s.size.Load()
	s.size.Store(position)
	err := s.indexed(func() error {
		s.forget()
		s.cuts++
		s.sinceEntry, s.maxTs, s.maxTsAt, s.timed = 0, -1, s.base, position == 0
		s.firstKnown = s.firstKnown && position > 0
		return errors.Join(
			s.offsets.truncate(f, s.path(indexSuffix), s.offsets.below(offset)),
			s.times.truncate(f, s.path(timeIndexSuffix), s.times.below(offset)),
			s.aborted.truncate(f, s.path(txnIndexSuffix), s.aborted.below(offset)))
	})
	if err != nil {
		return err
	}
	if _, err := s.cutAt(position, size); err != nil {
		return err
	}
	_, _, err = s.maxTimestamp()
	return err
}

// endOffset reads where the segment ends: the batches after the last index
// entry. whole is false if the file holds more than whole batches.
func (s *segment) endOffset() (end int64, whole bool, err error) {
	end, from := s.base, int64(0)
	err = s.indexed(func() error {
		if !s.offsets.sane(s.size.Load()) || !s.times.sane() {
			return errInsane
		}
		from = s.offsets.lookup(s.offsets.last())
		return nil
	})
	if err == nil {
		err = s.eachBatch(from, func(_ int64, h batch.Batch, _ *window) (bool, error) {
			end = h.NextOffset()
			return true, nil
		})
	}
	_, bad := errors.AsType[*batch.Error](err)
	if bad || errors.Is(err, batch.ErrShort) || err == errInsane {
		return 0, false, nil
	}
	return end, true, err
}

// errInsane says that an index holds what no index can.
var errInsane = errors.New("the index is damaged")
