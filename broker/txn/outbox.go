package txn

import (
	"context"
	"sync"
)

// outbox sends what is due for a broker in batches: one request is under way at a time, and what comes meanwhile goes into
// the next. A goroutine exists only while there is something to send. Safe for concurrent use.
type outbox[T any] struct {
	send func(ctx context.Context, broker int32, batch []T)

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	mu     sync.Mutex
	due    map[int32][]T // has a key for every broker that is being sent to
	closed bool
}

func newOutbox[T any](send func(ctx context.Context, broker int32, batch []T)) *outbox[T] {
	o := &outbox[T]{send: send, due: make(map[int32][]T)}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	return o
}

// put sends an item to a broker; false if the outbox is closed.
func (o *outbox[T]) put(broker int32, item T) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	queue, busy := o.due[broker]
	o.due[broker] = append(queue, item)
	if !busy {
		o.wg.Go(func() { o.drain(broker) })
	}
	return true
}

func (o *outbox[T]) drain(broker int32) {
	for {
		o.mu.Lock()
		batch := o.due[broker]
		if len(batch) == 0 {
			delete(o.due, broker)
			o.mu.Unlock()
			return
		}
		o.due[broker] = nil
		o.mu.Unlock()
		o.send(o.ctx, broker, batch)
	}
}

// close ends what is under way and waits for it. What was not sent yet is still handed to send, with an ended context.
func (o *outbox[T]) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.cancel()
	o.wg.Wait()
}
