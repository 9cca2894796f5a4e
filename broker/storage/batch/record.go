package batch

import (
	"encoding/binary"
	"iter"
)

// Record is one record of a batch. A nil Key or Value is Kafka's null.
type Record struct {
	Offset    int64
	Timestamp int64 // milliseconds since 1970, or None
	Key       []byte
	Value     []byte
	Headers   []Header
}

// Header is one header of a record. A nil Value is Kafka's null.
type Header struct {
	Key   string
	Value []byte
}

// skeleton is what checking a record needs of it.
type skeleton struct {
	timestampDelta int64
	offsetDelta    int32
	hasKey         bool
}

// skim reads one record without its content, and verifies that its lengths add up.
func (s *scanner) skim() (k skeleton, err error) {
	size, err := s.varint()
	if err != nil {
		return k, err
	}
	from := s.at()
	if _, err = s.byte(); err != nil { // attributes: none are in use
		return k, err
	}
	if k.timestampDelta, err = s.varlong(); err != nil {
		return k, err
	}
	if k.offsetDelta, err = s.varint(); err != nil {
		return k, err
	}
	if k.hasKey, err = s.skipField(-1); err != nil {
		return k, err
	}
	if _, err = s.skipField(-1); err != nil {
		return k, err
	}
	if err = s.skipHeaders(); err != nil {
		return k, err
	}
	if used := s.at() - from; used != int64(size) {
		return k, invalid("a record of %d bytes claims %d", used, size)
	}
	return k, nil
}

// skipField passes over a length and that many bytes; least is -1 where null is allowed.
func (s *scanner) skipField(least int32) (present bool, err error) {
	n, err := s.varint()
	if err != nil {
		return false, err
	}
	if n < least {
		return false, invalid("a record holds a field of length %d", n)
	}
	if n <= 0 {
		return n == 0, nil
	}
	return true, s.skip(int64(n))
}

func (s *scanner) skipHeaders() error {
	n, err := s.varint()
	if err != nil {
		return err
	}
	if n < 0 {
		return invalid("a record claims %d headers", n)
	}
	for range n {
		if _, err := s.skipField(0); err != nil {
			return err
		}
		if _, err := s.skipField(-1); err != nil {
			return err
		}
	}
	return nil
}

// Stamp is where and when a record is.
type Stamp struct{ Offset, Timestamp int64 }

// Stamps iterates over the records of a v2 batch without their content, in
// little memory whatever they claim. An error, INVALID_RECORD, ends it.
func (b Batch) Stamps() iter.Seq2[Stamp, error] {
	return func(yield func(Stamp, error) bool) {
		s, err := b.scan()
		if err != nil {
			yield(Stamp{}, err)
			return
		}
		defer s.release()
		for range b.Count() {
			k, err := s.skim()
			stamp := Stamp{b.BaseOffset() + int64(k.offsetDelta), b.timestamp(k.timestampDelta)}
			if !yield(stamp, err) || err != nil {
				return
			}
		}
	}
}

// timestamp is that of a record of the batch.
func (b Batch) timestamp(delta int64) int64 {
	if b.LogAppendTime() {
		return b.MaxTimestamp()
	}
	return b.BaseTimestamp() + delta
}

// maxRecordBytes bounds the records that Records yields: each has to be in
// memory as a whole, and a compressed batch of a few KB can claim to hold one of a GB.
const maxRecordBytes = 64 << 20

// Records iterates over the records of a batch of any format. The slices of a record are
// valid until the next step. An error, INVALID_RECORD, ends it; a compressed
// record above 64 MiB is one.
func (b Batch) Records() iter.Seq2[Record, error] {
	if b.Legacy() {
		return b.messages
	}
	return func(yield func(Record, error) bool) {
		s, err := b.scan()
		if err != nil {
			yield(Record{}, err)
			return
		}
		defer s.release()
		var r Record
		for range b.Count() {
			if err := s.next(&r, b); err != nil {
				yield(Record{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
		if err := s.done(); err != nil {
			yield(Record{}, err)
		}
	}
}

// next reads one whole record.
func (s *scanner) next(r *Record, b Batch) error {
	size, err := s.varint()
	if err != nil {
		return err
	}
	if size > maxRecordBytes && b.Codec() != Uncompressed {
		return invalid("a compressed record of %d bytes is too large to be read", size)
	}
	if err := s.fill(int(max(size, 0))); err != nil {
		return err
	}
	if size < 0 || int(size) > s.end-s.pos {
		return errEndsEarly()
	}
	f := fields{rest: s.buf[s.pos : s.pos+int(size)]}
	s.pos += int(size)
	f.take(1) // attributes
	r.Timestamp = b.timestamp(f.varint())
	r.Offset = b.BaseOffset() + f.varint()
	r.Key, r.Value = f.bytes(), f.bytes()
	r.Headers = r.Headers[:0]
	for n := f.varint(); n > 0 && !f.bad; n-- {
		r.Headers = append(r.Headers, Header{string(f.bytes()), f.bytes()})
	}
	if f.bad || len(f.rest) > 0 {
		return invalid("the lengths within a record do not add up")
	}
	return nil
}

// fields decodes a record that is whole in memory; bad is sticky.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) take(n int64) []byte {
	if f.bad || n < 0 || n > int64(len(f.rest)) {
		f.bad = true
		return nil
	}
	head := f.rest[:n:n]
	f.rest = f.rest[n:]
	return head
}

func (f *fields) varint() int64 {
	v, n := binary.Varint(f.rest)
	if n <= 0 {
		f.bad = true
		return 0
	}
	f.rest = f.rest[n:]
	return v
}

func (f *fields) bytes() []byte {
	n := f.varint()
	if n == -1 {
		return nil
	}
	return f.take(n)
}
