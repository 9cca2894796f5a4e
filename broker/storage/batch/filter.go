package batch

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// Filter says what a cleaner keeps of a batch (KIP-98, KIP-534).
type Filter struct {
	// Keep decides about one record, which is valid during the call only.
	Keep func(Record) bool
	// KeepEmpty leaves a bare header where no record is kept: it holds a producer's last sequence, or the log's end.
	KeepEmpty bool
	// Expires says that the batch is a marker whose transaction has no data left: it gets a delete horizon, as
	// batches with tombstones do.
	Expires bool
	// Horizon is the time, in ms since 1970, that such batches get as their delete horizon if they have none yet.
	Horizon int64
}

// Filtered is what became of a batch.
type Filtered struct {
	Kept int // records
	Read int // records
}

// Filter appends to dst what f keeps of a batch whose Check succeeded: the same bytes if that is everything, nothing if
// it is nothing. Offsets, epochs, producer and sequence stay, and so does the last offset; the largest timestamp is
// that of the records kept. The error is INVALID_RECORD for records that cannot be read.
func (b Batch) Filter(dst []byte, f Filter) ([]byte, Filtered, error) {
	if b.Legacy() {
		return b.filterLegacy(dst, f)
	}
	s, err := b.sift(f)
	if err != nil {
		return dst, Filtered{}, err
	}
	out := Filtered{Kept: s.kept, Read: len(s.keep)}
	marks := (s.tombstones || f.Expires) && !b.DeleteHorizon()
	switch {
	case s.kept == 0 && f.KeepEmpty:
		return append(dst, b.emptied()...), out, nil
	case s.kept == 0:
		return dst, out, nil
	case s.kept == len(s.keep) && !marks:
		return append(dst, b...), out, nil
	}
	if marks {
		s.base, s.horizon = f.Horizon, true
	} else if b.DeleteHorizon() {
		s.base, s.horizon = b.BaseTimestamp(), true
	}
	dst, err = b.rewrite(dst, &s)
	return dst, out, err
}

// sieve is which records of a batch are kept, and what follows from it for its header.
type sieve struct {
	keep       []bool // by record
	kept       int
	tombstones bool // among those kept
	base       int64
	horizon    bool // base is the delete horizon
	latest     int64
}

func (b Batch) sift(f Filter) (s sieve, err error) {
	s.base, s.latest = None, None
	for r, err := range b.Records() {
		if err != nil {
			return s, err
		}
		keep := f.Keep(r)
		s.keep = append(s.keep, keep)
		if !keep {
			continue
		}
		if s.kept == 0 {
			s.base = r.Timestamp
		}
		s.kept++
		s.tombstones = s.tombstones || r.Value == nil
		s.latest = max(s.latest, r.Timestamp)
	}
	return s, nil
}

// emptied is the bare header of a batch whose records are gone.
func (b Batch) emptied() Batch {
	e := append(Batch(nil), b[:HeaderSize]...)
	be := binary.BigEndian
	be.PutUint32(e[atLength:], HeaderSize-Overhead)
	be.PutUint16(e[atAttributes:], uint16(b.attributes()&^(codecMask|attrDeleteHorizon)))
	be.PutUint64(e[atBaseTimestamp:], math.MaxUint64) // None
	be.PutUint32(e[atCount:], 0)
	e.seal()
	return e
}

// rewrite appends a batch of the records that s keeps, in the codec that they were in.
func (b Batch) rewrite(dst []byte, s *sieve) ([]byte, error) {
	from := len(dst)
	out := &boundedBuffer{data: append(dst, b[:HeaderSize]...), max: from + math.MaxInt32}
	if err := b.writeKept(out, s); err != nil {
		return dst, undecodable(err)
	}
	n := Batch(out.data[from:])
	attributes := b.attributes() &^ attrDeleteHorizon
	if s.horizon {
		attributes |= attrDeleteHorizon
	}
	if b.LogAppendTime() {
		s.latest = b.MaxTimestamp()
	}
	be := binary.BigEndian
	be.PutUint32(n[atLength:], uint32(len(n)-Overhead))
	be.PutUint16(n[atAttributes:], uint16(attributes))
	be.PutUint64(n[atBaseTimestamp:], uint64(s.base))
	be.PutUint64(n[atMaxTimestamp:], uint64(s.latest))
	be.PutUint32(n[atCount:], uint32(s.kept))
	n.seal()
	return out.data, nil
}

func (b Batch) writeKept(out io.Writer, s *sieve) error {
	w := out
	if b.Codec() != Uncompressed {
		c, err := newCompressor(b.Codec(), Levels{}, out)
		if err != nil {
			return err
		}
		w = c
	}
	i := 0
	var record []byte
	for r, err := range b.Records() {
		if err != nil {
			return err
		}
		if i++; !s.keep[i-1] {
			continue
		}
		record = appendRecord(record[:0], r, r.Timestamp-s.base, int(r.Offset-b.BaseOffset()))
		if _, err := w.Write(record); err != nil {
			return err
		}
	}
	if c, ok := w.(io.Closer); ok {
		return errors.Join(c.Close())
	}
	return nil
}
