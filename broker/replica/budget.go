package replica

import (
	"sync"
	"sync/atomic"

	"klab/broker/buffer"
)

// heldBytes is how many bytes of records the replies to consumers may hold in memory until their connections took them.
// Beyond it a reply carries one batch: a consumer that does not read holds up neither the broker's memory nor the
// others. A default consumer asks for at most 50 MiB at a time.
const heldBytes = 64 << 20

// budget counts what the replies to consumers hold.
type budget struct {
	limit int64
	held  atomic.Int64
}

// grant is what the reply to one fetch holds. The fetch reserves, drops and lends; whoever writes the reply ends it.
type grant struct {
	of      *budget
	buffers *buffer.Pool
	mu      sync.Mutex
	bytes   int64
	lent    []*[]byte // what the reply's records are in
	over    bool
}

// reserve takes up to want bytes of what is left and returns how many.
func (g *grant) reserve(want int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over || want <= 0 {
		return max(want, 0)
	}
	got := min(int64(want), max(g.of.limit-g.of.held.Load(), 0))
	g.add(got)
	return int(got)
}

// settle replaces a reservation by the bytes that were read.
func (g *grant) settle(reserved, read int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.over {
		g.add(int64(read - reserved))
	}
}

// drop gives everything back: what was read is not sent.
func (g *grant) drop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.add(-g.bytes)
}

// lend hands over the buffers of a reply that is about to be written. If that is over already they are for the collector.
func (g *grant) lend(buffers []*[]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.over {
		g.lent = buffers
	}
}

// end gives everything back for good: the reply was written, or will not be.
func (g *grant) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.add(-g.bytes)
	g.over = true
	for _, b := range g.lent {
		g.buffers.Put(b)
	}
	g.lent = nil
}

// add counts bytes. mu is held.
func (g *grant) add(n int64) {
	g.bytes += n
	g.of.held.Add(n)
}
