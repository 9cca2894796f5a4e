// Package buffer lends slices of bytes for a request or a reply and takes them back, so that a broker under load asks
// neither for new memory nor for its zeroing. Who was lent a buffer owns it until giving it back; nothing may be read
// from it afterwards.
package buffer

import (
	"math/bits"
	"sync"
)

// Buffers come in powers of two from 4 KiB to 2 MiB and are pooled per size. A larger one is for the collector: keeping it
// would let one client's burst hold memory for good.
const (
	minShift = 12
	maxShift = 21
)

// Pool lends buffers to any number of goroutines. Its zero value is ready.
type Pool struct {
	classes [maxShift - minShift + 1]sync.Pool // of *[]byte
}

// Get lends a buffer of length n; what is in it is undefined.
func (p *Pool) Get(n int) *[]byte {
	shift := max(bits.Len(uint(max(n, 1)-1)), minShift)
	if shift > maxShift {
		b := make([]byte, n)
		return &b
	}
	if b, ok := p.classes[shift-minShift].Get().(*[]byte); ok {
		*b = (*b)[:n]
		return b
	}
	b := make([]byte, n, 1<<shift)
	return &b
}

// Put takes back a buffer that Get lent and nobody uses any more.
func (p *Pool) Put(b *[]byte) {
	c := cap(*b)
	if c < 1<<minShift || c > 1<<maxShift || c&(c-1) != 0 {
		return
	}
	p.classes[bits.Len(uint(c))-1-minShift].Put(b)
}
