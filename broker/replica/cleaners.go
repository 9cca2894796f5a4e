package replica

import (
	"context"
	"sync"
	"time"

	"klab/broker/storage"
)

// runCleaners compacts logs on log.cleaner.threads goroutines, whose number may change while they run: who finds that it
// is one too many ends, and missing ones are started within the back-off.
func (r *Replicas) runCleaners(ctx context.Context) {
	c := &cleaners{r: r, clean: storage.NewCleaner(r.cfg.Clock, r.cfg.Log), running: map[int]bool{}}
	defer c.wg.Wait()
	for {
		c.start(ctx)
		if !sleep(ctx, r.cfg.Cleaner().Backoff) {
			return
		}
	}
}

// cleaners are the goroutines that compact.
type cleaners struct {
	r     *Replicas
	clean *storage.Cleaner
	wg    sync.WaitGroup

	mu      sync.Mutex
	running map[int]bool // by number
}

// start starts the cleaners that are missing.
func (c *cleaners) start(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.r.cfg.Cleaner().Threads {
		if !c.running[i] {
			c.running[i] = true
			c.wg.Go(func() { c.run(ctx, i) })
		}
	}
}

// run cleans one log after the other, and pauses where none is due.
func (c *cleaners) run(ctx context.Context, number int) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.running, number)
	}()
	for {
		cfg := c.r.cfg.Cleaner()
		if number >= cfg.Threads || ctx.Err() != nil {
			return
		}
		dirs := c.r.onlineDirs()
		cleaned := c.clean.CleanFilthiest(ctx, dirs, cfg, c.r.watermarkOf)
		for _, d := range dirs {
			c.r.checkDir(d)
		}
		if !cleaned && !sleep(ctx, cfg.Backoff) {
			return
		}
	}
}

// watermarkOf is a partition's high watermark, 0 for one that no controller has named yet: nothing of it may go.
func (r *Replicas) watermarkOf(tp storage.TopicPartition) int64 {
	if h := r.table().hosted[tp]; h != nil && h.log != nil {
		return h.highWatermark()
	}
	return 0
}

// sleep reports false if ctx ended meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(max(d, time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
