package group

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/fact"
	"klab/broker/internaltopic"
	"klab/broker/storage"
	"klab/broker/storage/batch"
)

// Topic is what the coordinator needs of __consumer_offsets. *internaltopic.Topic is one.
type Topic interface {
	PartitionOf(group string) int32
	Load(ctx context.Context, partition int32, each func(batch.Batch) error) error
	Append(w internaltopic.Write, done func(offset int64, err *kerr.Error))
}

// Config is what a Coordinator needs. All fields but Verify are needed.
type Config struct {
	BrokerID      int32
	Topic         Topic
	Limits        Limits
	Codec         batch.Codec   // offsets.topic.compression.codec
	CheckInterval time.Duration // offsets.retention.check.interval.ms
	Clock         func() time.Time
	Log           *slog.Logger
	Observe       fact.Observer
	// Verify asks whether a partition of __consumer_offsets belongs to the open transaction of a producer (KIP-890), and calls
	// done once, with the guard to append with. Nil believes every producer.
	Verify func(partition int32, tx Transaction, done func(storage.Guard, *kerr.Error))
}

// Transaction is who says that it commits offsets in a transaction, and in which version of TxnOffsetCommit.
type Transaction struct {
	ID            string
	ProducerID    int64
	ProducerEpoch int16
	Version       int16
}

// loadsAtOnce is how many partitions are loaded at the same time.
const loadsAtOnce = 2

// Coordinator coordinates the groups of the partitions of __consumer_offsets that this broker leads. It is safe for
// concurrent use; Close ends it.
type Coordinator struct {
	cfg   Config
	loads chan struct{} // holds one for each partition that is being loaded

	mu         sync.RWMutex
	partitions map[int32]*partition
	closed     bool
	work       sync.WaitGroup // loads, timers that fire; grows only while not closed
}

// NewCoordinator coordinates nothing yet: Elected says what.
func NewCoordinator(cfg Config) *Coordinator {
	return &Coordinator{cfg: cfg, loads: make(chan struct{}, loadsAtOnce), partitions: map[int32]*partition{}}
}

// Elected begins to load a partition. See internaltopic.Coordinator.
func (c *Coordinator) Elected(id, leaderEpoch int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.partitions[id]
	if c.closed || old != nil && old.epoch >= leaderEpoch {
		return
	}
	if old != nil {
		c.work.Go(old.unload)
	}
	p := newPartition(c, id, leaderEpoch)
	c.partitions[id] = p
	c.work.Go(p.load)
}

// Resigned forgets a partition's groups: who waits is told NOT_COORDINATOR.
func (c *Coordinator) Resigned(id, _ int32) {
	c.mu.Lock()
	p := c.partitions[id]
	delete(c.partitions, id)
	c.mu.Unlock()
	if p != nil {
		p.unload()
	}
}

// Close resigns from everything and waits for what it started.
func (c *Coordinator) Close() {
	c.mu.Lock()
	c.closed = true
	all := c.partitions
	c.partitions = map[int32]*partition{}
	c.mu.Unlock()
	for _, p := range all {
		p.unload()
	}
	c.work.Wait()
}

// Run removes expired offsets from time to time, until ctx ends.
func (c *Coordinator) Run(ctx context.Context) {
	t := time.NewTicker(c.cfg.CheckInterval)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			c.clean()
		case <-ctx.Done():
			return
		}
	}
}

func (c *Coordinator) clean() {
	started, total := c.cfg.Clock(), 0
	for _, e := range c.entries() {
		e.do(func(g *Group, now time.Time) (out Effects) {
			var removed int
			removed, out = g.Clean(now)
			total += removed
			return out
		})
	}
	if total > 0 {
		c.cfg.Log.Info("removed expired offsets of groups", "offsets", total, "took", c.cfg.Clock().Sub(started))
	}
}

// TopicDeleted removes the offsets of a topic that is gone. Call it before anybody can hear of another of that name, whose
// offsets are not to go with them.
func (c *Coordinator) TopicDeleted(topic string) {
	for _, e := range c.entries() {
		e.do(func(g *Group, now time.Time) Effects { return g.RemoveTopic(now, topic) })
	}
}

// TransactionEnded applies or drops the offsets that a producer committed in its transaction to groups of one partition of
// __consumer_offsets. Call it when the transaction's marker is in that partition.
func (c *Coordinator) TransactionEnded(partition int32, producerID int64, commit bool) {
	c.mu.RLock()
	p := c.partitions[partition]
	c.mu.RUnlock()
	if p != nil {
		p.transactionEnded(producerID, commit)
	}
}

// start runs f on a goroutine that Close waits for; not at all once it is closed.
func (c *Coordinator) start(f func()) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !c.closed {
		c.work.Go(f)
	}
}

// entries are all groups of all loaded partitions.
func (c *Coordinator) entries() (all []*entry) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, p := range c.partitions {
		all = p.appendEntries(all)
	}
	return all
}

// loading reports whether some partition is being loaded.
func (c *Coordinator) loading() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, p := range c.partitions {
		if !p.isLoaded() {
			return true
		}
	}
	return false
}

// partitionOf is the partition of a group, if it is coordinated here.
func (c *Coordinator) partitionOf(group string) (*partition, *kerr.Error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return nil, kerr.CoordinatorNotAvailable
	}
	p := c.partitions[c.cfg.Topic.PartitionOf(group)]
	switch {
	case p == nil:
		return nil, kerr.NotCoordinator
	case !p.isLoaded():
		return nil, kerr.CoordinatorLoadInProgress
	default:
		return p, nil
	}
}
