package broker

import (
	"context"
	"fmt"
	"sync"
)

// stage is a group of goroutines that is stopped as one: Kafka's order of shutdown is an order of stages.
type stage struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func newStage() *stage {
	s := &stage{}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

func (s *stage) start(f func(ctx context.Context)) { s.wg.Go(func() { f(s.ctx) }) }

// stop ends the stage and waits for its goroutines.
func (s *stage) stop() {
	s.cancel()
	s.wg.Wait()
}

// run starts a part without which there is no broker: if it ends by itself, the broker stops.
func (b *Broker) run(what string, s *stage, f func(ctx context.Context) error) {
	s.start(func(ctx context.Context) {
		if err := f(ctx); ctx.Err() == nil && !b.stopping.Load() {
			b.fail(fmt.Errorf("%s ended: %w", what, err))
		}
	})
}
