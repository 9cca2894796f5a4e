package server

import (
	"fmt"
	"io"
	"math/bits"
	"sync"
)

// Frame buffers come in powers of two from 4 KiB to 2 MiB and are pooled per size. A larger frame is for the collector:
// keeping it would let one client's burst hold memory for good.
const (
	minFrameShift = 12
	maxFrameShift = 21
	firstRead     = 64 << 10 // what a connection may claim before it has shown that it delivers
	earnsRest     = 4 << 20  // what it has to deliver of a frame to be given room for all of it
)

type framePool struct {
	classes [maxFrameShift - minFrameShift + 1]sync.Pool // of *[]byte
}

// get returns a buffer of length n; what is in it is undefined.
func (p *framePool) get(n int) *[]byte {
	shift := max(bits.Len(uint(max(n, 1)-1)), minFrameShift)
	if shift > maxFrameShift {
		b := make([]byte, n)
		return &b
	}
	if b, ok := p.classes[shift-minFrameShift].Get().(*[]byte); ok {
		*b = (*b)[:n]
		return b
	}
	b := make([]byte, n, 1<<shift)
	return &b
}

// put takes back a buffer that get made and nobody uses any more.
func (p *framePool) put(b *[]byte) {
	c := cap(*b)
	if c < 1<<minFrameShift || c > 1<<maxFrameShift || c&(c-1) != 0 {
		return
	}
	p.classes[bits.Len(uint(c))-1-minFrameShift].Put(b)
}

// read fills a buffer with the n bytes of a frame. It starts with no more than trusted bytes and doubles as they arrive, so
// a claim alone costs nothing; from earnsRest on, doubling would cost more than it saves. On an error the buffer is back in
// the pool.
func (p *framePool) read(r io.Reader, n, trusted int) (*[]byte, error) {
	buf := p.get(min(n, max(trusted, firstRead)))
	for have := 0; ; {
		m, err := io.ReadFull(r, (*buf)[have:])
		have += m
		if err != nil {
			p.put(buf)
			return nil, fmt.Errorf("cannot read a frame of %d bytes after %d: %w", n, have, err)
		}
		if have == n {
			return buf, nil
		}
		room := 2 * have
		if have >= earnsRest {
			room = n
		}
		larger := p.get(min(n, room))
		copy(*larger, *buf)
		p.put(buf)
		buf = larger
	}
}
