// Package jute reads and writes ZooKeeper's serialisation: big-endian integers, length-prefixed buffers and strings,
// counted vectors, and records that are their fields one after another with no tag and no padding.
//
// A Reader works on bytes that came from a socket or a disk and trusts none of them: every length is compared with what
// is left before anything is allocated, so no input can make it allocate more than a small multiple of its own size.
// Its error is sticky: after the first failure every method returns a zero value, and Err tells what happened, so that
// a decoder reads all its fields and asks once.
//
// Writing is a set of Append functions in the manner of strconv.AppendInt.
package jute

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrTruncated says that the input ends before the value does.
var ErrTruncated = errors.New("input ends inside a value")

// ErrLength says that a length or a count is negative or larger than the input that is left.
var ErrLength = errors.New("length out of range")

// A Reader decodes values from a byte slice, front to back. It never keeps or returns a part of that slice.
type Reader struct {
	rest []byte
	err  error
}

// NewReader returns a Reader of b.
func NewReader(b []byte) *Reader { return &Reader{rest: b} }

// Err returns the first error, or nil.
func (r *Reader) Err() error { return r.err }

// Len returns the number of bytes not yet read.
func (r *Reader) Len() int { return len(r.rest) }

// Bool reads one byte; anything but 0 is true.
func (r *Reader) Bool() bool {
	b := r.take(1, "boolean")
	return b != nil && b[0] != 0
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	b := r.take(1, "byte")
	if b == nil {
		return 0
	}
	return b[0]
}

// Int reads a 32-bit integer.
func (r *Reader) Int() int32 {
	b := r.take(4, "int")
	if b == nil {
		return 0
	}
	return int32(binary.BigEndian.Uint32(b))
}

// Long reads a 64-bit integer.
func (r *Reader) Long() int64 {
	b := r.take(8, "long")
	if b == nil {
		return 0
	}
	return int64(binary.BigEndian.Uint64(b))
}

// Buffer reads a byte buffer into memory of its own. The null buffer (length -1) is nil; an empty one is not.
func (r *Reader) Buffer() []byte {
	b, ok := r.sized("buffer")
	if !ok {
		return nil
	}
	return append(make([]byte, 0, len(b)), b...)
}

// UString reads a string. Null (length -1) reads as the empty string.
func (r *Reader) UString() string {
	b, _ := r.sized("ustring")
	return string(b)
}

// Count reads the number of elements of a vector whose elements take at least minSize bytes each. Null (-1) reads as 0.
func (r *Reader) Count(minSize int) int {
	n := int(r.Int())
	switch {
	case r.err != nil || n == -1:
		return 0
	case n < 0 || n > len(r.rest)/max(minSize, 1):
		r.fail(fmt.Errorf("cannot read vector of %d elements: %w", n, ErrLength))
		return 0
	}
	return n
}

// UStrings reads a vector of strings.
func (r *Reader) UStrings() []string {
	n := r.Count(4)
	if n == 0 {
		return nil
	}
	ss := make([]string, 0, min(n, 1024))
	for range n {
		ss = append(ss, r.UString())
	}
	return ss
}

// Rest returns a copy of everything not yet read.
func (r *Reader) Rest() []byte {
	b := append([]byte{}, r.rest...)
	r.rest = nil
	return b
}

func (r *Reader) sized(what string) (b []byte, ok bool) {
	n := int(r.Int())
	switch {
	case r.err != nil || n == -1:
		return nil, false
	case n < 0 || n > len(r.rest):
		r.fail(fmt.Errorf("cannot read %s of %d bytes: %w", what, n, ErrLength))
		return nil, false
	}
	b, r.rest = r.rest[:n], r.rest[n:]
	return b, true
}

func (r *Reader) take(n int, what string) []byte {
	if r.err != nil {
		return nil
	}
	if len(r.rest) < n {
		r.fail(fmt.Errorf("cannot read %s: %w", what, ErrTruncated))
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err, r.rest = err, nil
	}
}

// AppendBool appends a boolean.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendInt appends a 32-bit integer.
func AppendInt(b []byte, v int32) []byte { return binary.BigEndian.AppendUint32(b, uint32(v)) }

// AppendLong appends a 64-bit integer.
func AppendLong(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) }

// AppendBuffer appends a byte buffer; nil becomes the null buffer.
func AppendBuffer(b, v []byte) []byte {
	if v == nil {
		return AppendInt(b, -1)
	}
	return append(AppendInt(b, int32(len(v))), v...)
}

// AppendUString appends a string.
func AppendUString(b []byte, v string) []byte { return append(AppendInt(b, int32(len(v))), v...) }

// AppendUStrings appends a vector of strings.
func AppendUStrings(b []byte, v []string) []byte {
	b = AppendInt(b, int32(len(v)))
	for _, s := range v {
		b = AppendUString(b, s)
	}
	return b
}
