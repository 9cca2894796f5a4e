package cluster

import (
	"context"
	"iter"
	"time"
)

// reconnectAfter is how long to wait before the launcher is asked for events again.
const reconnectAfter = 500 * time.Millisecond

// follow takes the launcher's events into the timeline until ctx ends.
func (c *Cluster) follow(ctx context.Context) {
	n := numbering{facts: map[int64]int64{}}
	for ctx.Err() == nil {
		c.followOnce(ctx, &n)
		select {
		case <-ctx.Done():
		case <-time.After(reconnectAfter):
		}
	}
}

func (c *Cluster) followOnce(ctx context.Context, n *numbering) {
	for e, err := range c.host.events(ctx, n.last, true) {
		if err != nil {
			c.log.Debug("the launcher's events ended", "err", err)
			return
		}
		c.enter(e, n)
		c.wake()
	}
}

// enter takes an event into the timeline.
func (c *Cluster) enter(e hostEvent, n *numbering) Fact {
	f := e.fact
	f.Cause = n.factOf(e.cause)
	f = c.timeline.Append(f)
	n.note(e.seq, f.Seq)
	return f
}

// Facts yields what the timeline holds, and with follow what is added to it, until ctx ends. On a launched cluster it asks
// the launcher, also without Open; on any other it needs Open, and tells what happened since. When it fell behind by more
// than the timeline keeps, it goes on with the oldest fact that is left.
func (c *Cluster) Facts(ctx context.Context, follow bool) iter.Seq2[Fact, error] {
	if c.host != nil {
		return c.hostFacts(ctx, follow)
	}
	return func(yield func(Fact, error) bool) {
		for cursor := int64(0); ; {
			appended := c.timeline.Appended()
			var facts []Fact
			facts, cursor, _ = c.timeline.Since(cursor)
			for _, f := range facts {
				if !yield(f, nil) {
					return
				}
			}
			if !follow {
				return
			}
			select {
			case <-appended:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (c *Cluster) hostFacts(ctx context.Context, follow bool) iter.Seq2[Fact, error] {
	return func(yield func(Fact, error) bool) {
		n := numbering{facts: map[int64]int64{}}
		for e, err := range c.host.events(ctx, 0, follow) {
			if err != nil {
				yield(Fact{}, err)
				return
			}
			if !yield(c.enter(e, &n), nil) {
				return
			}
		}
	}
}

// numbering translates the launcher's sequence numbers to the timeline's.
type numbering struct {
	last  int64 // the newest event taken
	facts map[int64]int64
}

func (n *numbering) note(event, fact int64) {
	n.last = event
	n.facts[event] = fact
	delete(n.facts, event-timelineSize)
}

func (n *numbering) factOf(event int64) int64 { return n.facts[event] }
