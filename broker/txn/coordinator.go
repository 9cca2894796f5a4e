package txn

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/fact"
	"klab/broker/internaltopic"
	"klab/broker/metadata"
)

// Config is what a Coordinator needs. All fields are needed.
type Config struct {
	BrokerID int32
	Topic    *internaltopic.Topic // __transaction_state
	Metadata *metadata.Cache
	Clock    func() time.Time
	Log      *slog.Logger
	Observe  fact.Observer
	// ProducerIDs returns a producer id that nobody else ever gets. It may wait for the controller.
	ProducerIDs func(ctx context.Context) (int64, error)
	// Send sends a request to a live broker, this one too, and waits for the answer.
	Send func(ctx context.Context, broker int32, req kmsg.Request) (kmsg.Response, error)

	MaxTimeout     time.Duration        // transaction.max.timeout.ms
	AbortInterval  time.Duration        // transaction.abort.timed.out.transaction.cleanup.interval.ms
	ExpiryInterval time.Duration        // transaction.remove.expired.transaction.cleanup.interval.ms
	IDExpiration   func() time.Duration // transactional.id.expiration.ms
	RetryBackoff   time.Duration        // before markers and completions are tried again
}

// loadsAtOnce is how many partitions are loaded at the same time.
const loadsAtOnce = 2

// Coordinator coordinates the transactional ids whose partition of __transaction_state this broker leads. It implements
// internaltopic.Coordinator. Safe for concurrent use.
type Coordinator struct {
	cfg     Config
	markers *outbox[delivery]
	loads   chan struct{}

	ctx    context.Context // of loads and retries
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu         sync.RWMutex
	partitions map[int32]*owned // those that this broker leads
	closed     bool
}

// owned is one partition of __transaction_state while this broker leads it without a break, since the leader epoch.
type owned struct {
	id, epoch int32
	ctx       context.Context // ends when the partition is somebody else's
	cancel    context.CancelFunc

	mu     sync.Mutex
	loaded bool
	ids    map[string]*entry
}

// entry is one transactional id.
type entry struct {
	id string
	at *owned

	mu   sync.Mutex
	txn  *Txn
	told telling
}

// NewCoordinator makes a coordinator of no partition yet.
func NewCoordinator(cfg Config) *Coordinator {
	c := &Coordinator{cfg: cfg, partitions: make(map[int32]*owned), loads: make(chan struct{}, loadsAtOnce)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.markers = newOutbox(c.sendMarkers)
	return c
}

// Close stops loading and sending, and waits for both. Requests are answered COORDINATOR_NOT_AVAILABLE from then on.
func (c *Coordinator) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.markers.close()
	c.wg.Wait()
}

// Run aborts transactions that are open too long and forgets ids that nobody uses, until ctx ends.
func (c *Coordinator) Run(ctx context.Context) {
	abort, expire := time.NewTicker(c.cfg.AbortInterval), time.NewTicker(c.cfg.ExpiryInterval)
	defer abort.Stop()
	defer expire.Stop()
	for {
		select {
		case <-abort.C:
			now := c.nowMs()
			c.each(func(t *Txn) Effects { return t.TimedOut(now) })
		case <-expire.C:
			before := c.cfg.Clock().Add(-c.cfg.IDExpiration()).UnixMilli()
			c.each(func(t *Txn) Effects { return t.Expire(before) })
		case <-ctx.Done():
			return
		}
	}
}

func (c *Coordinator) nowMs() int64 { return c.cfg.Clock().UnixMilli() }

// each lets every id that is coordinated here decide something.
func (c *Coordinator) each(decide func(*Txn) Effects) {
	for _, e := range c.entries() {
		c.do(e, decide)
	}
}

func (c *Coordinator) entries() (all []*entry) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, p := range c.partitions {
		p.mu.Lock()
		if p.loaded {
			for _, e := range p.ids {
				all = append(all, e)
			}
		}
		p.mu.Unlock()
	}
	return all
}

// owner finds the loaded partition of a transactional id, or tells why this broker cannot answer for it.
func (c *Coordinator) owner(id string) (*owned, *kerr.Error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	p := c.partitions[c.cfg.Topic.PartitionOf(id)]
	switch {
	case c.closed:
		return nil, kerr.CoordinatorNotAvailable
	case p == nil:
		return nil, kerr.NotCoordinator
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.loaded {
		return nil, kerr.CoordinatorLoadInProgress
	}
	return p, nil
}

// find finds a transactional id; (nil, nil) if nobody has used it.
func (c *Coordinator) find(id string) (*entry, *kerr.Error) {
	p, err := c.owner(id)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ids[id], nil
}

// add finds an id or makes it.
func (p *owned) add(id string, make func() *Txn) *entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.ids[id]
	if e == nil {
		e = &entry{id: id, at: p, txn: make()}
		p.ids[id] = e
	}
	return e
}

// gone reports whether the partition is somebody else's by now.
func (p *owned) gone() bool { return p.ctx.Err() != nil }

// do lets an id decide something and carries out what it asks for.
func (c *Coordinator) do(e *entry, decide func(*Txn) Effects) {
	e.mu.Lock()
	effects := decide(e.txn)
	tell := e.told.filter(effects.Events, c.nowMs())
	e.mu.Unlock()
	if effects.Forget {
		e.at.mu.Lock()
		delete(e.at.ids, e.id)
		e.at.mu.Unlock()
	}
	c.observe(e.id, tell)
	if r := effects.Reply; r != nil {
		r.Token.(func(Reply))(*r)
	}
	switch {
	case effects.Again:
		c.later(e.at, func() { c.write(e, effects.Write) })
	case effects.Write != nil:
		c.write(e, effects.Write)
	}
	if effects.Mark != nil {
		c.deliver(delivery{entry: e, Mark: *effects.Mark})
	}
}

// later runs f after the backoff, unless the partition is somebody else's by then.
func (c *Coordinator) later(p *owned, f func()) {
	time.AfterFunc(c.cfg.RetryBackoff, func() {
		if !p.gone() && c.ctx.Err() == nil {
			f()
		}
	})
}
