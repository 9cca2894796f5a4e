package batch

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
)

// legacyWriter builds message sets of format 0 or 1.
type legacyWriter struct {
	magic      int8
	codec      Codec
	appendTime bool  // the timestamps are the broker's
	base       int64 // of the first record: what relative offsets count from
	inner      []byte
	last       int64 // the last offset
	latest     int64 // the largest timestamp
	count      int
}

// add appends a record. Headers are lost: these formats have none.
func (w *legacyWriter) add(r Record) {
	if w.count == 0 {
		w.base, w.latest = r.Offset, None
	}
	offset := r.Offset
	if w.magic > 0 && w.codec != Uncompressed {
		offset -= w.base
	}
	w.inner = w.message(w.inner, Uncompressed, offset, r.Timestamp, r.Key, r.Value)
	w.last, w.latest = r.Offset, max(w.latest, r.Timestamp)
	w.count++
}

// appendTo appends what was added to dst: as it is, or compressed in one outer message.
func (w *legacyWriter) appendTo(dst []byte) ([]byte, error) {
	if w.count == 0 || w.codec == Uncompressed {
		return append(dst, w.inner...), nil
	}
	out := &boundedBuffer{max: math.MaxInt32 - 64}
	c, err := newCompressor(w.codec, Levels{}, out)
	if err != nil {
		return dst, err
	}
	if _, err := c.Write(w.inner); err != nil {
		return dst, err
	}
	if err := c.(io.Closer).Close(); err != nil {
		return dst, err
	}
	if w.codec == LZ4 && w.magic == 0 {
		breakLZ4(out.data)
	}
	return w.message(dst, w.codec, w.last, w.latest, nil, out.data), nil
}

func (w *legacyWriter) message(dst []byte, codec Codec, offset, timestamp int64, key, value []byte) []byte {
	from := len(dst)
	be := binary.BigEndian
	dst = be.AppendUint64(dst, uint64(offset))
	dst = append(dst, make([]byte, 8)...) // size and checksum
	attributes := byte(codec)
	if w.appendTime && w.magic > 0 {
		attributes |= attrLogAppendTime
	}
	dst = append(dst, byte(w.magic), attributes)
	if w.magic > 0 {
		dst = be.AppendUint64(dst, uint64(timestamp))
	}
	dst = appendLegacyBytes(appendLegacyBytes(dst, key), value)
	m := dst[from:]
	be.PutUint32(m[atLength:], uint32(len(m)-Overhead))
	be.PutUint32(m[atLegacyCRC:], crc32.ChecksumIEEE(m[atMagic:]))
	return dst
}

func appendLegacyBytes(dst, field []byte) []byte {
	if field == nil {
		return binary.BigEndian.AppendUint32(dst, math.MaxUint32) // -1
	}
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(field))), field...)
}

// Upgrade makes one batch of format 2 of the message sets that a Produce request before version 3 carries, as Kafka does
// on append: all records, in the codec that they came in, with offsets from 0 on and no producer. A message that is cut off
// at the end is left out; a set without any gives a nil Batch. An outer message above maxBytes is MESSAGE_TOO_LARGE, and
// damage CORRUPT_MESSAGE or INVALID_RECORD.
func Upgrade(set []byte, maxBytes int) (Batch, error) {
	o := NewOptions()
	var records []Record
	outer := 0
	for b, err := range All(set) {
		if errors.Is(err, ErrShort) {
			break
		}
		if err == nil {
			err = b.admitLegacy(maxBytes)
		}
		if err != nil {
			return nil, err
		}
		if o.Codec = max(o.Codec, b.Codec()); o.Codec != Uncompressed && outer > 0 {
			return nil, invalid("a compressed message must be the only one in its set")
		}
		outer++
		if records, err = b.appendMessages(records); err != nil {
			return nil, err
		}
	}
	if outer == 0 {
		return nil, nil
	}
	return Build(o, records...)
}

func (b Batch) admitLegacy(maxBytes int) error {
	switch {
	case !b.Legacy():
		return invalid("a set of messages of format 0 or 1 holds a batch of format %d", b.Magic())
	case len(b) > maxBytes:
		return &Error{Code: kerr.MessageTooLarge, Message: "a message is larger than max.message.bytes"}
	case b.LogAppendTime():
		return &Error{Code: kerr.InvalidTimestamp, Message: "a producer cannot set the timestamp type to LogAppendTime"}
	}
	return b.Check()
}

// maxUpgraded bounds what the messages of one request may decompress to: they are all in memory at once.
const maxUpgraded = 128 << 20

// appendMessages appends copies of the records of an outer message.
func (b Batch) appendMessages(records []Record) ([]Record, error) {
	size := 0
	for r, err := range b.Records() {
		if err != nil {
			return nil, err
		}
		if size += len(r.Key) + len(r.Value) + minSizeV0; size > maxUpgraded {
			return nil, invalid("a compressed message holds more than %d bytes", maxUpgraded)
		}
		if b.Codec() != Uncompressed { // the buffer that they are in is used again
			r.Key, r.Value = cloneField(r.Key), cloneField(r.Value)
		}
		records = append(records, r)
	}
	return records, nil
}

// cloneField copies a field; an empty one stays different from null.
func cloneField(field []byte) []byte {
	if field == nil {
		return nil
	}
	return append(make([]byte, 0, len(field)), field...)
}

// Downgrade makes message sets of format 0 or 1 of whole batches, as Kafka does for Fetch before version 4: headers and
// control batches are left out, and so are records below from, but for those that are compressed together with later ones.
// Batches of that format or an older one stay as they are. Zstd cannot be expressed: UNSUPPORTED_COMPRESSION_TYPE if it
// comes first, else the result ends before it.
func Downgrade(batches []byte, magic int8, from int64) (out []byte, err error) {
	out = []byte{}
	for b, err := range All(batches) {
		if err == nil && b.Magic() <= magic {
			out = append(out, b...)
			continue
		}
		if err == nil && b.Control() {
			continue
		}
		var n []byte
		if err == nil {
			n, err = b.downgrade(out, magic, from)
		}
		if err != nil && len(out) > 0 {
			break // the reader will meet it first the next time
		}
		if err != nil {
			return nil, err
		}
		out = n
	}
	return out, nil
}

func (b Batch) downgrade(dst []byte, magic int8, from int64) ([]byte, error) {
	if b.Codec() == Zstd {
		return dst, &Error{Code: kerr.UnsupportedCompressionType, Message: "zstd cannot be converted to an older message format"}
	}
	w := legacyWriter{magic: magic, codec: b.Codec(), appendTime: b.LogAppendTime()}
	for r, err := range b.Records() {
		if err != nil {
			return dst, err
		}
		if b.Codec() != Uncompressed || r.Offset >= from {
			w.add(r)
		}
	}
	return w.appendTo(dst)
}

// filterLegacy is Filter for a message set: it stays in its format and codec.
func (b Batch) filterLegacy(dst []byte, f Filter) ([]byte, Filtered, error) {
	w := legacyWriter{magic: b.Magic(), codec: b.Codec(), appendTime: b.LogAppendTime()}
	var done Filtered
	for r, err := range b.Records() {
		if err != nil {
			return dst, done, err
		}
		done.Read++
		if f.Keep(r) {
			w.add(r)
			done.Kept++
		}
	}
	if done.Kept == done.Read {
		return append(dst, b...), done, nil
	}
	dst, err := w.appendTo(dst)
	return dst, done, err
}
