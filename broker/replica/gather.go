package replica

import (
	"sync"
	"time"
)

// gathering ends a request once, when nothing of it is waited for any more: by whoever settles the last of its parts, or when
// its time is up. Who settles a part claims it, writes its result, and releases it; to whom release or begun says that this was
// the last, all results are visible, and the request is theirs to answer.
type gathering struct {
	mu      sync.Mutex
	waiting int // parts not released, and one for the request itself until it has begun
	timer   *time.Timer
}

// expect sets how many parts there are, before anybody can settle one.
func (g *gathering) expect(parts int) { g.waiting = parts + 1 }

// begun says that all parts are settled or on their way. expire, which settles those that are left, is called after timeout.
func (g *gathering) begun(timeout time.Duration, expire func()) (last bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting--; g.waiting == 0 {
		return true
	}
	g.timer = time.AfterFunc(timeout, expire)
	return false
}

// claim takes a part, by the flag that is its own; false if somebody has it already.
func (g *gathering) claim(settled *bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if *settled {
		return false
	}
	*settled = true
	return true
}

// release says that a claimed part has its result.
func (g *gathering) release() (last bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting--
	if g.waiting == 0 && g.timer != nil {
		g.timer.Stop()
	}
	return g.waiting == 0
}
