package batch

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"iter"
)

const (
	// Overhead is the size of what every format begins with: an offset and
	// the size of the rest.
	Overhead = 12
	// HeaderSize is the size of a v2 batch before its records.
	HeaderSize = 61
	// MagicSize is how many bytes tell the format.
	MagicSize = 17

	minSizeV0 = Overhead + 14
	minSizeV1 = Overhead + 22
)

// Where the fields of a v2 batch begin.
const (
	atLength          = 8
	atLeaderEpoch     = 12
	atMagic           = 16
	atCRC             = 17
	atAttributes      = 21
	atLastOffsetDelta = 23
	atBaseTimestamp   = 27
	atMaxTimestamp    = 35
	atProducerID      = 43
	atProducerEpoch   = 51
	atBaseSequence    = 53
	atCount           = 57
)

// Attribute bits of a v2 batch.
const (
	codecMask         = 0x07
	attrLogAppendTime = 0x08
	attrTransactional = 0x10
	attrControl       = 0x20
	attrDeleteHorizon = 0x40
)

// None is what fields hold that say nothing: timestamps, producer ids and
// epochs, sequences, leader epochs.
const None = -1

// Batch is one batch of any format. Its accessors need the header only:
// HeaderSize bytes, or MagicSize for BaseOffset, Size and Magic.
type Batch []byte

func (b Batch) i16(at int) int16 { return int16(binary.BigEndian.Uint16(b[at:])) }
func (b Batch) i32(at int) int32 { return int32(binary.BigEndian.Uint32(b[at:])) }
func (b Batch) i64(at int) int64 { return int64(binary.BigEndian.Uint64(b[at:])) }

// BaseOffset is the offset of the first record. Of a compressed message set of
// format 0 or 1 it is that of the last: the first is known only inside.
func (b Batch) BaseOffset() int64 { return b.i64(0) }

// Size is the whole batch's size in bytes as its header claims it.
func (b Batch) Size() int64 { return int64(b.i32(atLength)) + Overhead }

// Magic is the format: 0, 1 or 2.
func (b Batch) Magic() int8 { return int8(b[atMagic]) }

// Legacy reports whether this is a message set of format 0 or 1.
func (b Batch) Legacy() bool { return b.Magic() < 2 }

// LeaderEpoch is the epoch of the leader that appended the batch, or None.
func (b Batch) LeaderEpoch() int32 {
	if b.Legacy() {
		return None
	}
	return b.i32(atLeaderEpoch)
}

func (b Batch) attributes() int16 {
	if b.Legacy() {
		return int16(b[atLegacyAttributes])
	}
	return b.i16(atAttributes)
}

// Codec says how the records are compressed.
func (b Batch) Codec() Codec { return Codec(b.attributes() & codecMask) }

// LogAppendTime reports whether MaxTimestamp is the broker's clock at the
// append and holds for every record.
func (b Batch) LogAppendTime() bool {
	return b.Magic() > 0 && b.attributes()&attrLogAppendTime != 0
}

func (b Batch) has(attribute int16) bool { return !b.Legacy() && b.attributes()&attribute != 0 }

// Transactional reports whether the batch is part of a transaction.
func (b Batch) Transactional() bool { return b.has(attrTransactional) }

// Control reports whether the batch holds a marker instead of client data.
func (b Batch) Control() bool { return b.has(attrControl) }

// DeleteHorizon reports whether BaseTimestamp is the time after which the
// cleaner may drop the batch's tombstones (KIP-534).
func (b Batch) DeleteHorizon() bool { return b.has(attrDeleteHorizon) }

// LastOffsetDelta is the last offset less the base offset.
func (b Batch) LastOffsetDelta() int32 {
	if b.Legacy() {
		return 0
	}
	return b.i32(atLastOffsetDelta)
}

// LastOffset is the offset of the last record.
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// NextOffset is the offset that follows the batch.
func (b Batch) NextOffset() int64 { return b.LastOffset() + 1 }

// BaseTimestamp is what the records' timestamp deltas count from.
func (b Batch) BaseTimestamp() int64 { return b.i64(atBaseTimestamp) }

// MaxTimestamp is the largest timestamp of a record, or None.
func (b Batch) MaxTimestamp() int64 {
	switch b.Magic() {
	case 0:
		return None
	case 1:
		return b.i64(atLegacyTimestamp)
	}
	return b.i64(atMaxTimestamp)
}

// ProducerID is the id of an idempotent producer, or None.
func (b Batch) ProducerID() int64 {
	if b.Legacy() {
		return None
	}
	return b.i64(atProducerID)
}

// ProducerEpoch is the epoch of an idempotent producer, or None.
func (b Batch) ProducerEpoch() int16 {
	if b.Legacy() {
		return None
	}
	return b.i16(atProducerEpoch)
}

// BaseSequence is the sequence number of the first record, or None.
func (b Batch) BaseSequence() int32 {
	if b.Legacy() {
		return None
	}
	return b.i32(atBaseSequence)
}

// LastSequence is the sequence number of the last record: after 2147483647
// comes 0.
func (b Batch) LastSequence() int32 {
	base := b.BaseSequence()
	if base == None {
		return None
	}
	return int32((int64(base) + int64(b.LastOffsetDelta())) & 0x7fffffff)
}

// Count is how many records the header claims; 0 is legal after compaction.
func (b Batch) Count() int32 {
	if b.Legacy() {
		return 1
	}
	return b.i32(atCount)
}

// RecordBytes is the section of the records, compressed or not.
func (b Batch) RecordBytes() []byte { return b[HeaderSize:] }

// SetBaseOffset is a leader's assignment. The checksum does not cover it.
func (b Batch) SetBaseOffset(offset int64) { binary.BigEndian.PutUint64(b, uint64(offset)) }

// SetLeaderEpoch is a leader's assignment. The checksum does not cover it.
func (b Batch) SetLeaderEpoch(epoch int32) {
	binary.BigEndian.PutUint32(b[atLeaderEpoch:], uint32(epoch))
}

// SetMaxTimestamp sets the largest timestamp and whether it is the append
// time, and renews the checksum if that changed anything.
func (b Batch) SetMaxTimestamp(ts int64, logAppendTime bool) {
	if b.MaxTimestamp() == ts && b.LogAppendTime() == logAppendTime {
		return
	}
	attributes := b.attributes() &^ attrLogAppendTime
	if logAppendTime {
		attributes |= attrLogAppendTime
	}
	binary.BigEndian.PutUint16(b[atAttributes:], uint16(attributes))
	binary.BigEndian.PutUint64(b[atMaxTimestamp:], uint64(ts))
	b.seal()
}

// seal renews the checksum.
func (b Batch) seal() { binary.BigEndian.PutUint32(b[atCRC:], b.checksum()) }

func (b Batch) checksum() uint32 {
	// MakeTable returns the standard library's one Castagnoli table.
	return crc32.Checksum(b[atAttributes:], crc32.MakeTable(crc32.Castagnoli))
}

// CheckHeader says whether the first MagicSize bytes can begin a batch: a
// known format and a size not below that format's least. Its error is CORRUPT_MESSAGE.
func (b Batch) CheckHeader() error {
	least := int64(HeaderSize)
	switch b.Magic() {
	case 0:
		least = minSizeV0
	case 1:
		least = minSizeV1
	case 2:
	default:
		return corrupt("format %d is unknown", b.Magic())
	}
	if size := b.Size(); size < least {
		return corrupt("size %d is below the least of format %d, %d", size, b.Magic(), least)
	}
	return nil
}

// Check verifies a whole batch: its header, that b holds exactly one, and its checksum.
// Its error is CORRUPT_MESSAGE.
func (b Batch) Check() error {
	if len(b) < MagicSize {
		return corrupt("%d bytes are too few for a batch", len(b))
	}
	if err := b.CheckHeader(); err != nil {
		return err
	}
	if int64(len(b)) != b.Size() {
		return corrupt("the header claims %d bytes of %d", b.Size(), len(b))
	}
	if b.Legacy() {
		return b.checkLegacy()
	}
	if want, got := binary.BigEndian.Uint32(b[atCRC:]), b.checksum(); got != want {
		return corrupt("the checksum is %08x, the header says %08x", got, want)
	}
	if b.LastOffsetDelta() < 0 {
		return corrupt("the last offset delta is %d", b.LastOffsetDelta())
	}
	return nil
}

// Next returns the batch that data begins with, unchecked but for its size.
// It returns io.EOF if data is empty, ErrShort if data ends within the batch,
// and a CORRUPT_MESSAGE error if no batch can begin like this.
func Next(data []byte) (Batch, error) {
	if len(data) == 0 {
		return nil, io.EOF
	}
	if len(data) < MagicSize {
		return nil, ErrShort
	}
	b := Batch(data)
	if err := b.CheckHeader(); err != nil {
		return nil, err
	}
	if b.Size() > int64(len(data)) {
		return nil, ErrShort
	}
	return b[:b.Size():b.Size()], nil
}

// All iterates over the batches that data holds, unchecked but for their
// sizes. An error, ErrShort included, ends it.
func All(data []byte) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		for len(data) > 0 {
			b, err := Next(data)
			if !yield(b, err) || err != nil {
				return
			}
			data = data[len(b):]
		}
	}
}

// CheckFrom is Check of a batch that r yields, for one that should not be held
// in memory as a whole. An error of r is returned as it is.
func CheckFrom(r io.Reader) error {
	h := make(Batch, HeaderSize)
	n, err := io.ReadFull(r, h)
	if n < MagicSize || err != nil && err != io.ErrUnexpectedEOF {
		return err
	}
	if err := h.CheckHeader(); err != nil {
		return err
	}
	if n < HeaderSize && !h.Legacy() {
		return ErrShort
	}
	if !h.Legacy() && h.LastOffsetDelta() < 0 {
		return corrupt("the last offset delta is %d", h.LastOffsetDelta())
	}
	return h.checkRest(h[:min(int64(n), h.Size())], r)
}

func (h Batch) checkRest(head []byte, r io.Reader) error {
	sum, at, want := crc32.New(crc32.MakeTable(crc32.Castagnoli)), atAttributes, h[atCRC:]
	if h.Legacy() {
		sum, at, want = crc32.NewIEEE(), atMagic, h[atLegacyCRC:]
	}
	sum.Write(head[at:])
	rest, err := io.Copy(sum, io.LimitReader(r, h.Size()-int64(len(head))))
	if err != nil {
		return err
	}
	if int64(len(head))+rest != h.Size() {
		return ErrShort
	}
	if sum.Sum32() != binary.BigEndian.Uint32(want) {
		return corrupt("the checksum is %08x, the header says %08x", sum.Sum32(), binary.BigEndian.Uint32(want))
	}
	return nil
}
