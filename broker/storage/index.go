package storage

import (
	"encoding/binary"
	"sort"
)

// The three indexes of a segment (kafka-formats B.5). Offsets on disk are
// relative to the segment's base, except in the transaction index.

// offsetIndex maps the last offset of a batch to the batch's position.
type offsetIndex struct {
	entryFile
	base int64
}

const offsetEntrySize = 8

func (x *offsetIndex) at(i int) (offset, position int64) {
	e := x.entry(i)
	return x.base + int64(binary.BigEndian.Uint32(e)), int64(binary.BigEndian.Uint32(e[4:]))
}

// last is the largest offset in the index, or base-1.
func (x *offsetIndex) last() int64 {
	if n := x.count(); n > 0 {
		offset, _ := x.at(n - 1)
		return offset
	}
	return x.base - 1
}

func (x *offsetIndex) add(offset, position int64) {
	x.data = binary.BigEndian.AppendUint32(x.data, uint32(offset-x.base))
	x.data = binary.BigEndian.AppendUint32(x.data, uint32(position))
}

// lookup is a position at or before the batch that holds offset.
func (x *offsetIndex) lookup(offset int64) int64 {
	above := sort.Search(x.count(), func(i int) bool { o, _ := x.at(i); return o > offset })
	if above == 0 {
		return 0
	}
	_, position := x.at(above - 1)
	return position
}

// below is how many entries have an offset below the given one.
func (x *offsetIndex) below(offset int64) int {
	return sort.Search(x.count(), func(i int) bool { o, _ := x.at(i); return o >= offset })
}

// sane reports whether what the file ends with can be an entry of a segment of
// the given size: a tail of zero bytes is not.
func (x *offsetIndex) sane(size int64) bool {
	n := x.count()
	if n == 0 {
		return true
	}
	offset, position := x.at(n - 1)
	if n > 1 {
		before, _ := x.at(n - 2)
		return offset > before && position < size
	}
	return offset >= x.base && position < size
}

// timeIndex maps the largest timestamp so far to the last offset of the batch
// that brought it.
type timeIndex struct {
	entryFile
	base int64
}

const timeEntrySize = 12

func (x *timeIndex) at(i int) (ts, offset int64) {
	e := x.entry(i)
	return int64(binary.BigEndian.Uint64(e)), x.base + int64(binary.BigEndian.Uint32(e[8:]))
}

// last is the largest timestamp and its offset, or (-1, base).
func (x *timeIndex) last() (ts, offset int64) {
	if n := x.count(); n > 0 {
		return x.at(n - 1)
	}
	return -1, x.base
}

// add appends an entry if its timestamp is above all others.
func (x *timeIndex) add(ts, offset int64) {
	lastTs, lastOffset := x.last()
	if ts <= lastTs || offset < lastOffset {
		return
	}
	x.data = binary.BigEndian.AppendUint64(x.data, uint64(ts))
	x.data = binary.BigEndian.AppendUint32(x.data, uint32(offset-x.base))
}

// lookup is an offset whose batch is at or before the first that has a
// timestamp of at least ts.
func (x *timeIndex) lookup(ts int64) int64 {
	above := sort.Search(x.count(), func(i int) bool { t, _ := x.at(i); return t > ts })
	if above == 0 {
		return x.base
	}
	_, offset := x.at(above - 1)
	return offset
}

// below is how many entries have an offset below the given one.
func (x *timeIndex) below(offset int64) int {
	return sort.Search(x.count(), func(i int) bool { _, o := x.at(i); return o >= offset })
}

func (x *timeIndex) sane() bool {
	n := x.count()
	if n < 2 {
		return true
	}
	ts, offset := x.at(n - 1)
	tsBefore, offsetBefore := x.at(n - 2)
	return ts > tsBefore && offset >= offsetBefore
}

// AbortedTransaction is one entry of a transaction index: what a
// READ_COMMITTED consumer must skip.
type AbortedTransaction struct {
	ProducerID       int64
	FirstOffset      int64
	LastOffset       int64 // of the ABORT marker
	LastStableOffset int64 // of the log when the marker was written
}

// abortedIndex lists the transactions whose ABORT marker is in the segment, in
// the order of the markers.
type abortedIndex struct{ entryFile }

const abortedEntrySize = 34

func (x *abortedIndex) at(i int) AbortedTransaction {
	e := x.entry(i)
	i64 := func(at int) int64 { return int64(binary.BigEndian.Uint64(e[at:])) }
	return AbortedTransaction{i64(2), i64(10), i64(18), i64(26)}
}

func (x *abortedIndex) add(t AbortedTransaction) {
	x.data = append(x.data, 0, 0) // version
	for _, v := range []int64{t.ProducerID, t.FirstOffset, t.LastOffset, t.LastStableOffset} {
		x.data = binary.BigEndian.AppendUint64(x.data, uint64(v))
	}
}

// below is how many entries have a marker below the given offset.
func (x *abortedIndex) below(offset int64) int {
	return sort.Search(x.count(), func(i int) bool { return x.at(i).LastOffset >= offset })
}
