package controller

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/coordinator/znode"
)

// claims are the names of topics that are being created, by their metrics names. Of two requests that want names that collide
// the second waits, and then finds the first one's topic.
type claims struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when the claim is released
}

// take waits until nobody else claims a name that collides, and claims it.
func (c *claims) take(ctx context.Context, name string) (release func(), err error) {
	for {
		other := c.try(metricsName(name))
		if other == nil {
			return func() { c.release(metricsName(name)) }, nil
		}
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// try claims a name that is free. Of one that is claimed it returns what is closed when it is free again.
func (c *claims) try(name string) (taken <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if other, ok := c.held[name]; ok {
		return other
	}
	if c.held == nil {
		c.held = make(map[string]chan struct{})
	}
	c.held[name] = make(chan struct{})
	return nil
}

func (c *claims) release(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.held[name])
	delete(c.held, name)
}

// claim has nobody else create a topic whose name collides until release, and refuses a name that collides with that of a
// topic in ZooKeeper. What the controller knows does not do: it hears of a topic some time after that was created.
func (s *Shell) claim(ctx context.Context, name string) (release func(), why *refusal) {
	release, err := s.claims.take(ctx, name)
	if err != nil {
		return nil, refuse(kerr.UnknownServerError, "cannot create topic '%s': %s", name, err)
	}
	existing, _, err := s.cfg.Session.Children(ctx, znode.TopicsPath)
	if err != nil {
		why = refuse(kerr.UnknownServerError, "cannot create topic '%s': %s", name, err)
	} else {
		why = checkCollisions(name, existing)
	}
	if why != nil {
		release()
	}
	return release, why
}

// turns are the creations of one request, which may run at the same time but for those of names that collide: these keep the
// request's order.
type turns struct {
	tasks []func() error
	names map[string]int // metrics name to its task
}

func (t *turns) add(topic string, create func()) {
	n, known := t.names[metricsName(topic)]
	if !known {
		if t.names == nil {
			t.names = make(map[string]int)
		}
		t.names[metricsName(topic)] = len(t.tasks)
		t.tasks = append(t.tasks, func() error { create(); return nil })
		return
	}
	earlier := t.tasks[n]
	t.tasks[n] = func() error {
		err := earlier()
		create()
		return err
	}
}
