package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

// segment is one .log file and its indexes.
//
// Only the owner of the log's mutex appends and truncates; anybody may read up
// to size at any time. mu guards the descriptor and the indexes; it is never
// held while records are read, written or synced.
type segment struct {
	folder *folder
	base   int64
	state  string       // cleanedSuffix while a cleaner makes it and nobody else knows it, else ""
	size   atomic.Int64 // of the whole batches in the file
	dirty  atomic.Bool  // the file holds bytes that were not synced

	mu      sync.Mutex
	file    fsys.File // nil while nobody uses it
	used    bool      // since the last cool
	offsets offsetIndex
	times   timeIndex
	aborted abortedIndex
	maxTs   int64 // largest timestamp, or -1
	maxTsAt int64 // last offset of the first batch that had it
	timed   bool  // maxTs is known
	found   [4]foundAt
	next    uint8  // the entry of found to be overwritten next
	cuts    uint32 // counts truncations: what a reader learnt before one is void

	// What only the appender looks at.
	sinceEntry int64 // bytes since the last entry of the indexes
	firstTs    int64 // largest timestamp of the first batch; valid if firstKnown
	firstKnown bool
	created    time.Time
	jitterMs   int64
}

// foundAt remembers where a reader left off: the next read will begin there.
type foundAt struct{ offset, position int64 }

func (s *segment) path(suffix string) string { return s.folder.numbered(s.base, suffix) + s.state }

// indexSizes are what a directory listing says of a segment's files.
type segmentSizes struct{ log, offsets, times, aborted int64 }

func openSegment(f *folder, base int64, sizes segmentSizes, now time.Time) *segment {
	s := &segment{folder: f, base: base, created: now, maxTs: -1, maxTsAt: base}
	s.offsets = offsetIndex{newEntryFile(offsetEntrySize, sizes.offsets), base}
	s.times = timeIndex{newEntryFile(timeEntrySize, sizes.times), base}
	s.aborted = abortedIndex{newEntryFile(abortedEntrySize, sizes.aborted)}
	s.size.Store(sizes.log)
	s.forget()
	return s
}

// createSegment makes the files of an empty segment, replacing what has their names.
func createSegment(f *folder, base int64, now time.Time) (*segment, error) {
	return createSegmentAs(f, base, "", now)
}

// createSegmentAs is createSegment with a suffix to the files' names.
func createSegmentAs(f *folder, base int64, state string, now time.Time) (*segment, error) {
	s := openSegment(f, base, segmentSizes{}, now)
	s.state = state
	if err := s.makeFiles(); err != nil {
		return nil, err
	}
	s.timed = true
	return s, nil
}

func (s *segment) makeFiles() error {
	for _, suffix := range []string{logSuffix, indexSuffix, timeIndexSuffix} {
		if err := fsys.WriteFile(s.folder.fs, s.path(suffix), nil); err != nil {
			return fmt.Errorf("cannot create segment %s: %w", s.path(suffix), err)
		}
	}
	return nil
}

// forget drops the places where readers left off.
func (s *segment) forget() {
	for i := range s.found {
		s.found[i].offset = -1
	}
}

// open returns the descriptor of the .log file.
func (s *segment) open() (fsys.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = true
	if s.file != nil {
		return s.file, nil
	}
	file, err := s.folder.fs.OpenFile(s.path(logSuffix), os.O_RDWR)
	if err != nil {
		return nil, fmt.Errorf("cannot open segment: %w", err)
	}
	s.file = file
	return file, nil
}

// ReadAt reads the .log file, which may be closed for idleness at any moment.
func (s *segment) ReadAt(p []byte, off int64) (int, error) {
	for {
		file, err := s.open()
		if err != nil {
			return 0, err
		}
		n, err := file.ReadAt(p, off)
		if !errors.Is(err, fs.ErrClosed) {
			return n, err
		}
	}
}

// indexed runs f with the indexes in memory and mu held.
func (s *segment) indexed(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.loadIndexes(); err != nil {
		return err
	}
	return f()
}

// loadIndexes brings the indexes into memory. mu is held.
func (s *segment) loadIndexes() error {
	s.used = true
	if s.offsets.loaded && s.times.loaded && s.aborted.loaded {
		return nil
	}
	return errors.Join(
		s.offsets.load(s.folder.fs, s.path(indexSuffix)),
		s.times.load(s.folder.fs, s.path(timeIndexSuffix)),
		s.aborted.load(s.folder.fs, s.path(txnIndexSuffix)))
}

// append writes batches at the end of the file and makes them visible to
// readers. data is nothing but whole batches. If the write fails, what it left
// behind is cut off as well as can be.
func (s *segment) append(data []byte, intervalBytes int64) error {
	at := s.size.Load()
	file, err := s.open()
	if err != nil {
		return err
	}
	_, err = file.WriteAt(data, at)
	s.dirty.Store(true) // not before: a sync that runs meanwhile need not see the bytes
	if err != nil {
		return errors.Join(fmt.Errorf("cannot append to segment: %w", err), file.Truncate(at))
	}
	err = s.indexed(func() error { return s.index(data, at, intervalBytes) })
	s.size.Store(at + int64(len(data)))
	return err
}

// index takes note of batches that begin at a position. mu is held.
func (s *segment) index(data []byte, at, intervalBytes int64) error {
	for len(data) > 0 {
		b, err := batch.Next(data)
		if err != nil {
			return err
		}
		if at == 0 {
			s.firstTs, s.firstKnown = b.MaxTimestamp(), true
		}
		s.note(b, at, intervalBytes)
		at += int64(len(b))
		data = data[len(b):]
	}
	if !s.offsets.pending() && !s.times.pending() {
		return nil
	}
	return s.writeIndexes()
}

// note is index for one batch, of which it needs the header only.
func (s *segment) note(b batch.Batch, at, intervalBytes int64) {
	if ts := b.MaxTimestamp(); ts > s.maxTs && b.Count() > 0 { // a cleaner may have kept no more than a header
		s.maxTs, s.maxTsAt = ts, b.LastOffset()
	}
	if s.sinceEntry > intervalBytes {
		s.offsets.add(b.LastOffset(), at)
		s.times.add(s.maxTs, s.maxTsAt)
		s.sinceEntry = 0
	}
	s.sinceEntry += b.Size()
}

// addAborted takes note of an aborted transaction.
func (s *segment) addAborted(t AbortedTransaction) error {
	return s.indexed(func() error {
		s.aborted.add(t)
		return s.aborted.write(s.folder.fs, s.path(txnIndexSuffix))
	})
}

// writeIndexes brings the index files up to date. mu is held.
func (s *segment) writeIndexes() error {
	f := s.folder.fs
	return errors.Join(
		s.offsets.write(f, s.path(indexSuffix)),
		s.times.write(f, s.path(timeIndexSuffix)),
		s.aborted.write(f, s.path(txnIndexSuffix)))
}

// seal brings the index files to the state in which recovery trusts them: all
// entries, and the largest timestamp as the last. It does not sync.
func (s *segment) seal() error {
	if _, _, err := s.maxTimestamp(); err != nil {
		return err
	}
	return s.indexed(func() error {
		if s.maxTs >= 0 {
			s.times.add(s.maxTs, s.maxTsAt)
		}
		return s.writeIndexes()
	})
}

// sync makes the records durable, and with them the indexes if withIndexes.
func (s *segment) sync(withIndexes bool) error {
	if s.dirty.Swap(false) {
		file, err := s.open()
		if err == nil {
			err = file.Sync()
		}
		if errors.Is(err, fs.ErrClosed) { // closed for idleness since
			err = fsys.SyncFile(s.folder.fs, s.path(logSuffix))
		}
		if err != nil {
			s.dirty.Store(true)
			return fmt.Errorf("cannot sync segment: %w", err)
		}
	}
	if !withIndexes {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.folder.fs
	return errors.Join(
		s.offsets.sync(f, s.path(indexSuffix)),
		s.times.sync(f, s.path(timeIndexSuffix)),
		s.aborted.sync(f, s.path(txnIndexSuffix)))
}

// cool closes the descriptor and drops the indexes from memory if nobody used
// them since the last call.
func (s *segment) cool() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used {
		s.used = false
		return nil
	}
	if err := s.writeIndexes(); err != nil {
		return err
	}
	s.offsets.unload()
	s.times.unload()
	s.aborted.unload()
	return s.closeFile()
}

// close closes the descriptor, no matter who uses it.
func (s *segment) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closeFile()
}

func (s *segment) closeFile() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// full reports whether an index has no room for another entry of maxBytes; of
// the time index one slot is reserved for the last.
func (s *segment) full(maxBytes int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(s.offsets.count()) >= maxBytes/offsetEntrySize ||
		int64(s.times.count()) >= maxBytes/timeEntrySize-1
}

// mustRoll reports whether a set of batches has to go to a new segment
// (kafka-formats B.10).
func (s *segment) mustRoll(c *LogConfig, size, lastOffset, maxTs int64, now time.Time) (bool, error) {
	have := s.size.Load()
	if lastOffset-s.base > math.MaxInt32 {
		return true, nil
	}
	if have == 0 {
		return false, nil
	}
	if have > c.SegmentBytes-size || s.full(c.SegmentIndexBytes) {
		return true, nil
	}
	if err := s.loadFirstTimestamp(); err != nil {
		return false, err
	}
	waited := now.UnixMilli() - s.created.UnixMilli()
	if s.firstTs >= 0 && maxTs >= 0 {
		waited = maxTs - s.firstTs
	}
	return waited > c.segmentMs()-s.jitterMs, nil
}

// firstTimestamp is the largest timestamp of the first batch, -1 if it has none.
func (s *segment) firstTimestamp() (ts int64, err error) {
	ts = -1
	err = s.eachBatch(0, func(_ int64, h batch.Batch, _ *window) (bool, error) {
		ts = h.MaxTimestamp()
		return false, nil
	})
	return ts, err
}

func (s *segment) loadFirstTimestamp() error {
	if s.firstKnown {
		return nil
	}
	w := openWindow(&smallWindows, s, s.size.Load())
	defer w.close(&smallWindows)
	h, err := w.header(0)
	if err != nil {
		return fmt.Errorf("cannot read the first batch of %s: %w", s.path(logSuffix), err)
	}
	s.firstTs, s.firstKnown = h.MaxTimestamp(), true
	return nil
}
