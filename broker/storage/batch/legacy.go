package batch

import (
	"encoding/binary"
	"hash/crc32"
)

// Where the fields of a message of format 0 and 1 begin.
const (
	atLegacyCRC        = 12
	atLegacyAttributes = 17
	atLegacyTimestamp  = 18 // format 1
)

// checkLegacy verifies the checksum of an outer message: CRC-32 (IEEE) from the
// magic byte to the end.
func (b Batch) checkLegacy() error {
	want := binary.BigEndian.Uint32(b[atLegacyCRC:])
	if got := crc32.ChecksumIEEE(b[atMagic:]); got != want {
		return corrupt("the checksum is %08x, the message says %08x", got, want)
	}
	return nil
}

// legacyHeader is the size of a message of a format before its key.
func legacyHeader(magic int8) int {
	if magic == 0 {
		return atLegacyTimestamp
	}
	return atLegacyTimestamp + 8
}

// message is one decoded message of format 0 or 1.
type message struct {
	Batch
	key, value []byte
}

// decode reads a message that is whole: its key and value must fill it.
func (b Batch) decode() (message, error) {
	f := legacyFields{rest: b[legacyHeader(b.Magic()):]}
	m := message{Batch: b, key: f.bytes(), value: f.bytes()}
	if f.bad || len(f.rest) > 0 {
		return m, invalid("the lengths within a message of format %d do not add up", b.Magic())
	}
	return m, nil
}

// legacyFields decodes what is counted by 32 bits; bad is sticky.
type legacyFields struct {
	rest []byte
	bad  bool
}

func (f *legacyFields) bytes() []byte {
	if f.bad || len(f.rest) < 4 {
		f.bad = true
		return nil
	}
	n := int64(int32(binary.BigEndian.Uint32(f.rest)))
	f.rest = f.rest[4:]
	if n == -1 {
		return nil
	}
	if n < 0 || n > int64(len(f.rest)) {
		f.bad = true
		return nil
	}
	field := f.rest[:n:n]
	f.rest = f.rest[n:]
	return field
}

// messages yields the records of an outer message: itself, or those within it if it is compressed.
func (b Batch) messages(yield func(Record, error) bool) {
	outer, err := b.decode()
	if err != nil {
		yield(Record{}, err)
		return
	}
	if b.Codec() == Uncompressed {
		yield(Record{Offset: b.BaseOffset(), Timestamp: b.MaxTimestamp(), Key: outer.key, Value: outer.value}, nil)
		return
	}
	first, err := outer.firstOffset()
	if err != nil {
		yield(Record{}, err)
		return
	}
	err = outer.within(func(m message) bool {
		r := Record{Offset: first + m.BaseOffset(), Timestamp: m.MaxTimestamp(), Key: m.key, Value: m.value}
		if b.LogAppendTime() {
			r.Timestamp = b.MaxTimestamp()
		}
		return yield(r, nil)
	})
	if err != nil {
		yield(Record{}, err)
	}
}

// firstOffset is what the offsets within a compressed message count from: in format 1 the outer offset is that of the
// last, and those within are relative (KIP-31); in format 0 they are absolute.
func (m message) firstOffset() (int64, error) {
	if m.Magic() == 0 {
		return 0, nil
	}
	last := int64(-1)
	err := m.within(func(inner message) bool {
		last = inner.BaseOffset()
		return true
	})
	return m.BaseOffset() - last, err
}

// within calls f with every message in a compressed one, until f returns false.
func (m message) within(f func(message) bool) error {
	if m.Codec() > LZ4 {
		return m.Codec().unsupported()
	}
	section := m.value
	if m.Codec() == LZ4 && m.Magic() == 0 {
		section = mendLZ4(section)
	}
	s, err := openScanner(m.Codec(), section)
	if err != nil {
		return err
	}
	defer s.release()
	for n := 0; ; n++ {
		inner, err := s.message()
		switch {
		case err != nil:
			return err
		case inner.Batch == nil && n == 0:
			return invalid("a compressed message holds none")
		case inner.Batch == nil:
			return nil
		case inner.Magic() != m.Magic():
			return invalid("a compressed message of format %d holds one of format %d", m.Magic(), inner.Magic())
		case inner.Codec() != Uncompressed:
			return invalid("a compressed message holds another compressed one")
		}
		if !f(inner) {
			return nil
		}
	}
}

// message reads the next message, with a nil Batch at the end.
func (s *scanner) message() (m message, err error) {
	if err := s.fill(MagicSize); err != nil || s.pos == s.end {
		return m, err
	}
	if s.end-s.pos < MagicSize {
		return m, errEndsEarly()
	}
	b := Batch(s.buf[s.pos:s.end])
	if err := b.CheckHeader(); err != nil {
		return m, err
	}
	size := b.Size()
	if size > maxRecordBytes {
		return m, invalid("a compressed message of %d bytes is too large to be read", size)
	}
	if err := s.fill(int(size)); err != nil {
		return m, err
	}
	if int64(s.end-s.pos) < size {
		return m, errEndsEarly()
	}
	b = s.buf[s.pos : s.pos+int(size) : s.pos+int(size)]
	s.pos += int(size)
	if !b.Legacy() {
		return message{Batch: b}, nil // the caller refuses it
	}
	if err := b.checkLegacy(); err != nil {
		return m, err
	}
	return b.decode()
}
