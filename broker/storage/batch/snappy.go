package batch

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/klauspost/compress/snappy"
)

// Xerial framing, what the Java snappy library writes: a header, then blocks,
// each an i32 length and raw snappy.
const (
	xerialMagic  = "\x82SNAPPY\x00"
	xerialHeader = xerialMagic + "\x00\x00\x00\x01\x00\x00\x00\x01" // version, oldest compatible version
	xerialBlock  = 32 << 10
)

// snappyExpansion bounds what raw snappy can expand to: its densest element
// is 3 bytes for 64.
const snappyExpansion = 22

// snappyReader decompresses block by block. A section without xerial's magic
// is one raw block, as some clients write it.
type snappyReader struct {
	src    []byte
	framed bool
	block  []byte // decompressed, not yet read
	buf    []byte // what block is part of
}

func newSnappy(src []byte) decompressor {
	r, _ := snappyReaders.Get().(*snappyReader)
	if r == nil {
		r = new(snappyReader)
	}
	r.src, r.block = src, nil
	r.framed = bytes.HasPrefix(src, []byte(xerialMagic)) && len(src) >= len(xerialHeader)
	if r.framed {
		r.src = src[len(xerialHeader):]
	}
	return decompressor{r, r.release}
}

func (r *snappyReader) release() {
	r.src, r.block = nil, nil
	if cap(r.buf) <= scanBufferKept {
		snappyReaders.Put(r)
	}
}

func (r *snappyReader) Read(p []byte) (int, error) {
	for len(r.block) == 0 {
		if len(r.src) == 0 {
			return 0, io.EOF
		}
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.block)
	r.block = r.block[n:]
	return n, nil
}

func (r *snappyReader) next() (err error) {
	raw := r.src
	if r.framed {
		if len(r.src) < 4 {
			return io.ErrUnexpectedEOF
		}
		size := int64(int32(binary.BigEndian.Uint32(r.src)))
		if size < 0 || size > int64(len(r.src)-4) {
			return corrupt("a snappy block claims %d bytes of %d", size, len(r.src)-4)
		}
		raw = r.src[4 : 4+size]
		r.src = r.src[4:]
	}
	r.src = r.src[len(raw):]
	size, err := snappy.DecodedLen(raw)
	if err != nil {
		return err
	}
	if size > snappyExpansion*len(raw) {
		return corrupt("a snappy block of %d bytes claims to hold %d", len(raw), size)
	}
	r.buf, err = snappy.Decode(r.buf[:cap(r.buf)], raw)
	r.block = r.buf
	return err
}

// snappyWriter writes xerial framing.
type snappyWriter struct {
	out     io.Writer
	pending []byte
	block   []byte
	started bool
}

func (w *snappyWriter) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		n := min(xerialBlock-len(w.pending), len(p))
		w.pending = append(w.pending, p[:n]...)
		p = p[n:]
		if len(w.pending) == xerialBlock {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return written, nil
}

func (w *snappyWriter) flush() error {
	w.block = w.block[:0]
	if !w.started {
		w.block = append(w.block, xerialHeader...)
		w.started = true
	}
	if len(w.pending) > 0 {
		raw := snappy.Encode(nil, w.pending)
		w.block = binary.BigEndian.AppendUint32(w.block, uint32(len(raw)))
		w.block = append(w.block, raw...)
		w.pending = w.pending[:0]
	}
	_, err := w.out.Write(w.block)
	return err
}

func (w *snappyWriter) Close() error { return w.flush() }
