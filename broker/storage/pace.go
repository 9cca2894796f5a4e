package storage

import (
	"context"
	"sync"
	"time"
)

// pace keeps several goroutines together below a rate. The zero value is ready.
type pace struct {
	mu   sync.Mutex
	free time.Time // when everything taken so far is paid for
}

// take waits until so many bytes may be used at a rate of perSecond. It returns the error of ctx, and no other.
func (p *pace) take(ctx context.Context, bytes int, perSecond float64) error {
	if perSecond <= 0 || float64(bytes)/perSecond < 1e-12 {
		return ctx.Err()
	}
	p.mu.Lock()
	now := time.Now()
	if p.free.Before(now) {
		p.free = now
	}
	wait := p.free.Sub(now)
	p.free = p.free.Add(time.Duration(float64(bytes) / perSecond * float64(time.Second)))
	p.mu.Unlock()
	if wait < time.Millisecond { // too short to sleep; it is not forgotten
		return ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
