package replica

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/fact"
	"klab/broker/metadata"
	"klab/broker/partition"
	"klab/broker/storage"
)

// Replicas are all replicas this broker hosts. Create it with New, then Run it; it serves requests from the start. It is
// safe for concurrent use.
type Replicas struct {
	cfg Config

	current atomic.Pointer[table]

	control         sync.Mutex // serialises the controller's requests; guards the three below
	controllerEpoch int32
	fetchers        map[fetcherKey]*fetcher
	closed          bool

	failMu     sync.Mutex // guards failedDirs
	failedDirs map[*storage.Dir]error

	leaderThrottle, followerThrottle throttle

	sessions *sessionCache
	held     budget
	alter    *alterQueue

	announced chan struct{} // closed by the first LeaderAndIsr
	announce  sync.Once
	ctx       context.Context // of the fetchers
	cancel    context.CancelFunc
	running   sync.WaitGroup // the fetchers
}

// New takes charge of the logs in cfg.Dirs. No partition is served before the controller's LeaderAndIsr names it.
func New(cfg Config) *Replicas {
	cfg.setDefaults()
	r := &Replicas{
		cfg:        cfg,
		fetchers:   map[fetcherKey]*fetcher{},
		failedDirs: map[*storage.Dir]error{},
		sessions:   newSessionCache(cfg.FetchSessionSlots, cfg.FetchSessionEviction),
		held:       budget{limit: heldBytes},
		announced:  make(chan struct{}),
	}
	r.alter = newAlterQueue(r)
	r.current.Store(&table{hosted: map[storage.TopicPartition]*hosted{}, names: map[storage.TopicID]string{}})
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// Close stops following, fails what waits, and writes the high watermark checkpoints. The log directories stay open:
// they belong to the caller.
func (r *Replicas) Close(ctx context.Context) error {
	r.control.Lock()
	r.closed = true
	for _, f := range r.fetchers {
		f.stop()
	}
	clear(r.fetchers)
	r.control.Unlock()
	r.cancel()
	r.running.Wait()
	err := r.checkpointHighWatermarks()
	for _, h := range r.table().hosted {
		r.idle(h, kerr.NotLeaderForPartition)
	}
	return err
}

// table is every partition hosted here, immutable once published.
type table struct {
	hosted map[storage.TopicPartition]*hosted
	names  map[storage.TopicID]string
}

func (r *Replicas) table() *table { return r.current.Load() }

// publish replaces the table. The caller holds r.control.
func (r *Replicas) publish(change func(*table)) {
	old := r.table()
	next := &table{hosted: maps.Clone(old.hosted), names: maps.Clone(old.names)}
	change(next)
	r.current.Store(next)
}

// find looks a partition up for a request; the error says what the client should believe.
func (r *Replicas) find(tp storage.TopicPartition) (*hosted, *kerr.Error) {
	h, ok := r.table().hosted[tp]
	switch {
	case ok && h.log == nil:
		return nil, kerr.KafkaStorageError
	case ok:
		return h, nil
	}
	if _, known := r.cfg.Metadata.Snapshot().Partition(tp.Topic, tp.Partition); known {
		return nil, kerr.NotLeaderForPartition
	}
	return nil, kerr.UnknownTopicOrPartition
}

// leaderHint tells who leads a partition, for a client that asked the wrong broker (KIP-951).
func (r *Replicas) leaderHint(tp storage.TopicPartition, live *metadata.Snapshot) (leader, epoch int32, ok bool) {
	if h, ok := r.table().hosted[tp]; ok {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.core.Leader(), h.core.LeaderEpoch(), true
	}
	if p, ok := live.Partition(tp.Topic, tp.Partition); ok {
		return p.Leader, p.LeaderEpoch, true
	}
	return partition.None, partition.None, false
}

// LeaderHint tells who leads a partition and in which epoch, as far as this broker knows.
func (r *Replicas) LeaderHint(tp storage.TopicPartition) (leader, epoch int32, ok bool) {
	return r.leaderHint(tp, r.cfg.Metadata.Snapshot())
}

// idle stops serving a replica; whoever waits for it is told why.
func (r *Replicas) idle(h *hosted, why *kerr.Error) {
	h.mu.Lock()
	h.generation.Add(1)
	refused := h.failDeletions(why)
	out := h.after(h.core.Stop(why), roleChanged)
	out.deleted = refused
	h.mu.Unlock()
	r.settle(h, out)
}

func (r *Replicas) observe(kind string, tp storage.TopicPartition, fields map[string]any) {
	r.cfg.Observe(fact.Fact{
		Time:      r.cfg.Clock(),
		Broker:    r.cfg.BrokerID,
		Kind:      kind,
		Topic:     tp.Topic,
		Partition: tp.Partition,
		Fields:    fields,
	})
}

// TopicConfigChanged applies a topic's current configuration to its partitions here.
func (r *Replicas) TopicConfigChanged(topic string) {
	for tp, h := range r.table().hosted {
		if tp.Topic == topic && h.log != nil {
			r.configure(h)
		}
	}
}

// configure applies the current configuration of its topic to a replica.
func (r *Replicas) configure(h *hosted) {
	r.setThrottling(h)
	h.log.SetConfig(r.cfg.LogConfig(h.tp.Topic))
	h.mu.Lock()
	out := h.after(h.core.SetMinISR(r.cfg.MinInSync(h.tp.Topic), r.cfg.Clock(), r.cfg.Metadata.Snapshot()), 0)
	h.mu.Unlock()
	r.settle(h, out)
}
