package replica

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/buffer"
	"klab/broker/fact"
	"klab/broker/metadata"
	"klab/broker/storage"
)

// Config is what Replicas needs. Functions are called from many goroutines. Durations and sizes that are zero take
// Kafka 3.9's defaults, which their comments name with the property.
type Config struct {
	BrokerID int32
	Dirs     []*storage.Dir
	Metadata *metadata.Cache
	Clock    func() time.Time // nil: time.Now
	Log      *slog.Logger     // nil: discard
	Buffers  *buffer.Pool     // for what is read to be sent; nil: its own
	Observe  fact.Observer    // nil: nobody looks

	// Dial opens connections to leaders on other brokers, at the listener named Listener (inter.broker.listener.name).
	Dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	Listener string

	// AlterPartition asks the controller. Any error is retried after 50 ms.
	AlterPartition func(context.Context, *kmsg.AlterPartitionRequest) (*kmsg.AlterPartitionResponse, error)
	// BrokerEpoch is this broker's registration; a controller's request with an older one is refused.
	BrokerEpoch func() int64

	LogConfig func(topic string) storage.LogConfig
	MinInSync func(topic string) int // min.insync.replicas
	// Throttled are a topic's leader. and follower.replication.throttled.replicas; nil: none are.
	Throttled func(topic string) (leader, follower []string)
	// LeadershipChanged is told, in order and before the controller is answered, of every replica that began to lead or
	// ceased to. It must not block.
	LeadershipChanged func([]Leadership)
	// DirFailed is told once of every log directory that failed; its partitions are offline already. It must not block.
	DirFailed func(dir string, err error)

	LagTimeMax            time.Duration // replica.lag.time.max.ms, 30 s
	FetchWaitMax          time.Duration // replica.fetch.wait.max.ms, 500 ms
	FetchMinBytes         int           // replica.fetch.min.bytes, 1
	FetchMaxBytes         int           // replica.fetch.max.bytes, 1 MiB: of one partition
	FetchResponseMaxBytes int           // replica.fetch.response.max.bytes, 10 MiB
	FetchBackoff          time.Duration // replica.fetch.backoff.ms, 1 s: the longest pause; the first retries come sooner
	SocketTimeout         time.Duration // replica.socket.timeout.ms, 30 s
	NumFetchers           int           // num.replica.fetchers, 1

	ClientFetchMaxBytes  int           // fetch.max.bytes, 55 MiB
	FetchSessionSlots    int           // max.incremental.fetch.session.cache.slots, 1000
	FetchSessionEviction time.Duration // min.incremental.fetch.session.eviction.ms, 2 min
	RackAware            bool          // whether consumers are told of a replica in their rack (replica.selector.class)

	HighWatermarkCheckpointInterval time.Duration // replica.high.watermark.checkpoint.interval.ms, 5 s
	RecoveryPointCheckpointInterval time.Duration // log.flush.offset.checkpoint.interval.ms, 60 s
	LogStartCheckpointInterval      time.Duration // log.flush.start.offset.checkpoint.interval.ms, 60 s
	RetentionCheckInterval          time.Duration // log.retention.check.interval.ms, 5 min
	ProducerCheckInterval           time.Duration // producer.id.expiration.check.interval.ms, 10 min
	InitialTaskDelay                time.Duration // log.initial.task.delay.ms, 30 s: before the first retention check
	FlushSchedulerInterval          time.Duration // log.flush.scheduler.interval.ms, never: how often flush.ms is looked at

	// Cleaner is asked before each clean, as its values may change. nil: nothing is compacted (log.cleaner.enable=false).
	Cleaner func() storage.CleanerConfig
}

func (c *Config) setDefaults() {
	if c.Buffers == nil {
		c.Buffers = new(buffer.Pool)
	}
	orDefault(&c.LagTimeMax, 30*time.Second)
	orDefault(&c.FetchWaitMax, 500*time.Millisecond)
	orDefault(&c.FetchMinBytes, 1)
	orDefault(&c.FetchMaxBytes, 1<<20)
	orDefault(&c.FetchResponseMaxBytes, 10<<20)
	orDefault(&c.FetchBackoff, time.Second)
	orDefault(&c.SocketTimeout, 30*time.Second)
	orDefault(&c.NumFetchers, 1)
	orDefault(&c.ClientFetchMaxBytes, 55<<20)
	orDefault(&c.FetchSessionSlots, 1000)
	orDefault(&c.FetchSessionEviction, 2*time.Minute)
	orDefault(&c.HighWatermarkCheckpointInterval, 5*time.Second)
	orDefault(&c.RecoveryPointCheckpointInterval, time.Minute)
	orDefault(&c.LogStartCheckpointInterval, time.Minute)
	orDefault(&c.RetentionCheckInterval, 5*time.Minute)
	orDefault(&c.ProducerCheckInterval, 10*time.Minute)
	orDefault(&c.InitialTaskDelay, 30*time.Second)
	orDefault(&c.FlushSchedulerInterval, 1<<63-1)
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Observe == nil {
		c.Observe = func(fact.Fact) {}
	}
	if c.DirFailed == nil {
		c.DirFailed = func(string, error) {}
	}
	if c.LeadershipChanged == nil {
		c.LeadershipChanged = func([]Leadership) {}
	}
	if c.MinInSync == nil {
		c.MinInSync = func(string) int { return 1 }
	}
	if c.Throttled == nil {
		c.Throttled = func(string) (leader, follower []string) { return nil, nil }
	}
	if c.LogConfig == nil {
		c.LogConfig = func(string) storage.LogConfig { return storage.DefaultLogConfig() }
	}
	if c.BrokerEpoch == nil {
		c.BrokerEpoch = func() int64 { return -1 }
	}
}

func orDefault[T ~int | ~int64](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}
