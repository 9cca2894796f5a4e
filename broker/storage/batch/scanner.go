package batch

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"sync"
)

// scanner walks over the records of a batch. Of an uncompressed batch all bytes
// are in buf; those of a compressed one flow through it.
type scanner struct {
	src      decompressor // Reader nil: everything is in buf
	buf      []byte
	pos, end int   // buf[pos:end] is unread
	passed   int64 // how many bytes were dropped from buf before pos 0
	left     int64 // how many bytes may still be decompressed
	own      []byte
}

const (
	scanBuffer     = 16 << 10
	scanBufferKept = 1 << 20 // a larger one is not pooled
)

// scanners are pooled for their buffers.
var scanners = sync.Pool{New: func() any { return new(scanner) }}

// scan opens the records of b. The result must be released.
func (b Batch) scan() (*scanner, error) {
	return openScanner(b.Codec(), b.RecordBytes())
}

// openScanner opens a section of records or of messages. The result must be released.
func openScanner(codec Codec, section []byte) (*scanner, error) {
	s := scanners.Get().(*scanner)
	own := s.own
	*s = scanner{own: own}
	if codec == Uncompressed {
		s.buf = section
		s.end = len(s.buf)
		return s, nil
	}
	src, err := newDecompressor(codec, section)
	if err != nil {
		scanners.Put(s)
		return nil, undecodable(err)
	}
	if own == nil {
		own = make([]byte, scanBuffer)
	}
	s.src, s.buf, s.left = src, own, MaxDecompressed
	return s, nil
}

func (s *scanner) release() {
	if s.src.Reader != nil {
		s.src.release()
		if len(s.buf) <= scanBufferKept {
			s.own = s.buf
		}
	}
	s.src, s.buf = decompressor{}, nil
	scanners.Put(s)
}

// undecodable turns what a decompressor says into an INVALID_RECORD error.
func undecodable(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return invalid("the records cannot be decompressed: %v", err)
}

// at is how many bytes were consumed so far.
func (s *scanner) at() int64 { return s.passed + int64(s.pos) }

// fill makes n bytes available, or fewer at the end of the records. It never
// holds more than twice of what really was there.
func (s *scanner) fill(n int) error {
	for s.end-s.pos < n && s.src.Reader != nil {
		s.makeRoom()
		got, err := s.src.Read(s.buf[s.end:])
		s.end += got
		if s.left -= int64(got); s.left < 0 {
			return invalid("the records decompress to more than %d bytes", MaxDecompressed)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return undecodable(err)
		}
	}
	return nil
}

// makeRoom moves the unread bytes to the front, or grows a full buffer.
func (s *scanner) makeRoom() {
	if s.pos > 0 {
		copy(s.buf, s.buf[s.pos:s.end])
		s.passed += int64(s.pos)
		s.end -= s.pos
		s.pos = 0
	}
	if s.end == len(s.buf) {
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
}

func (s *scanner) byte() (byte, error) {
	if s.pos == s.end {
		if err := s.fill(1); err != nil {
			return 0, err
		}
		if s.pos == s.end {
			return 0, errEndsEarly()
		}
	}
	c := s.buf[s.pos]
	s.pos++
	return c, nil
}

func errEndsEarly() error { return invalid("the records end before their count is reached") }

func (s *scanner) varlong() (int64, error) {
	if s.pos < s.end && s.buf[s.pos] < 0x80 {
		c := s.buf[s.pos]
		s.pos++
		return int64(c>>1) ^ -int64(c&1), nil
	}
	if err := s.fill(binary.MaxVarintLen64); err != nil {
		return 0, err
	}
	v, n := binary.Varint(s.buf[s.pos:s.end])
	if n == 0 {
		return 0, errEndsEarly()
	}
	if n < 0 {
		return 0, invalid("a variable-length number is too long")
	}
	s.pos += n
	return v, nil
}

func (s *scanner) varint() (int32, error) {
	v, err := s.varlong()
	if err == nil && (v < math.MinInt32 || v > math.MaxInt32) {
		err = invalid("the number %d does not fit 32 bits", v)
	}
	return int32(v), err
}

func (s *scanner) skip(n int64) error {
	for {
		step := min(n, int64(s.end-s.pos))
		s.pos += int(step)
		if n -= step; n == 0 {
			return nil
		}
		if err := s.fill(1); err != nil {
			return err
		}
		if s.pos == s.end {
			return errEndsEarly()
		}
	}
}

// done verifies that no record is left.
func (s *scanner) done() error {
	if err := s.fill(1); err != nil {
		return err
	}
	if s.pos < s.end {
		return invalid("bytes are left after the last record")
	}
	return nil
}
