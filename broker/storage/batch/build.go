package batch

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// Options are the fields of a batch that its records do not determine. Use NewOptions:
// the zero value claims to come from producer 0.
type Options struct {
	BaseOffset    int64
	LeaderEpoch   int32
	Codec         Codec
	Levels        Levels
	Transactional bool
	Control       bool
	ProducerID    int64
	ProducerEpoch int16
	BaseSequence  int32
}

// NewOptions are those of a batch without a producer id.
func NewOptions() Options {
	return Options{LeaderEpoch: None, ProducerID: None, ProducerEpoch: None, BaseSequence: None}
}

// Build makes a v2 batch. The records get consecutive offsets from
// o.BaseOffset on, whatever their Offset says; timestamps count from the first record's.
func Build(o Options, records ...Record) (Batch, error) {
	b := make(Batch, HeaderSize, HeaderSize+sizeHint(records))
	base, latest := int64(None), int64(None)
	if len(records) > 0 {
		base = records[0].Timestamp
	}
	var body []byte
	for i, r := range records {
		latest = max(latest, r.Timestamp)
		body = appendRecord(body, r, r.Timestamp-base, i)
	}
	b, err := appendSection(b, o, body)
	if err != nil {
		return nil, fmt.Errorf("cannot build a batch of %d records: %w", len(records), err)
	}
	if len(b) > math.MaxInt32 {
		return nil, fmt.Errorf("cannot build a batch of %d bytes: the most is %d", len(b), math.MaxInt32)
	}
	b.putHeader(o, len(records), base, latest)
	return b, nil
}

func sizeHint(records []Record) (n int) {
	for _, r := range records {
		n += len(r.Key) + len(r.Value) + 16
	}
	return n
}

func appendSection(b Batch, o Options, body []byte) (Batch, error) {
	if o.Codec == Uncompressed {
		return append(b, body...), nil
	}
	out := &boundedBuffer{data: b, max: math.MaxInt32}
	w, err := newCompressor(o.Codec, o.Levels, out)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	err = w.(io.Closer).Close()
	return out.data, err
}

func (b Batch) putHeader(o Options, count int, base, latest int64) {
	attributes := uint16(o.Codec)
	if o.Transactional {
		attributes |= attrTransactional
	}
	if o.Control {
		attributes |= attrControl
	}
	be := binary.BigEndian
	b.SetBaseOffset(o.BaseOffset)
	be.PutUint32(b[atLength:], uint32(len(b)-Overhead))
	b.SetLeaderEpoch(o.LeaderEpoch)
	b[atMagic] = 2
	be.PutUint16(b[atAttributes:], attributes)
	be.PutUint32(b[atLastOffsetDelta:], uint32(max(count-1, 0)))
	be.PutUint64(b[atBaseTimestamp:], uint64(base))
	be.PutUint64(b[atMaxTimestamp:], uint64(latest))
	be.PutUint64(b[atProducerID:], uint64(o.ProducerID))
	be.PutUint16(b[atProducerEpoch:], uint16(o.ProducerEpoch))
	be.PutUint32(b[atBaseSequence:], uint32(o.BaseSequence))
	be.PutUint32(b[atCount:], uint32(count))
	b.seal()
}

func appendRecord(dst []byte, r Record, timestampDelta int64, offsetDelta int) []byte {
	body := []byte{0} // attributes
	body = binary.AppendVarint(body, timestampDelta)
	body = binary.AppendVarint(body, int64(offsetDelta))
	body = appendBytes(body, r.Key)
	body = appendBytes(body, r.Value)
	body = binary.AppendVarint(body, int64(len(r.Headers)))
	for _, h := range r.Headers {
		body = binary.AppendVarint(body, int64(len(h.Key)))
		body = append(body, h.Key...)
		body = appendBytes(body, h.Value)
	}
	dst = binary.AppendVarint(dst, int64(len(body)))
	return append(dst, body...)
}

func appendBytes(dst, field []byte) []byte {
	if field == nil {
		return binary.AppendVarint(dst, -1)
	}
	dst = binary.AppendVarint(dst, int64(len(field)))
	return append(dst, field...)
}
