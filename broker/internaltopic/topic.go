package internaltopic

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"
	"unicode/utf16"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/metadata"
	"klab/broker/replica"
	"klab/broker/storage"
	"klab/broker/storage/batch"
)

// The internal topics of Kafka.
const (
	ConsumerOffsets  = "__consumer_offsets"
	TransactionState = "__transaction_state"
)

// Is reports whether a topic is internal: clients may read it, and not write to it.
func Is(topic string) bool { return topic == ConsumerOffsets || topic == TransactionState }

// Coordinator keeps its state in the partitions of an internal topic. Its methods are called in the order in which the
// controller decided, and must not block.
type Coordinator interface {
	// Elected says that this broker leads the partition without a break since leaderEpoch. It comes again whenever the controller
	// decides something about a partition that goes on being led.
	Elected(partition, leaderEpoch int32)
	// Resigned says that it does not lead the partition any more, or that the partition is gone.
	Resigned(partition, leaderEpoch int32)
}

// Config is what a Topic needs. All fields are needed.
type Config struct {
	Name              string
	Partitions        func() int32 // how many it gets when it is created
	ReplicationFactor func() int16
	Configs           map[string]string // its own configuration when it is created
	Acks              int16             // that an append waits for: -1 all, 1 the leader, 0 none
	AppendTimeout     func() time.Duration
	LoadBytes         int // read at a time; more where a batch is larger
	Metadata          *metadata.Cache
	Replicas          *replica.Replicas
	Clock             func() time.Time
	Log               *slog.Logger
	// Forward sends a request to the active controller and waits for the answer.
	Forward func(ctx context.Context, req kmsg.Request) (kmsg.Response, error)
}

// Topic is an internal topic as the coordinators of this broker see it. It is safe for concurrent use.
type Topic struct{ cfg Config }

// New describes a topic that may not exist yet.
func New(cfg Config) *Topic { return &Topic{cfg: cfg} }

// Name is the topic's name.
func (t *Topic) Name() string { return t.cfg.Name }

// Exists reports whether this broker has heard of the topic.
func (t *Topic) Exists() bool {
	_, ok := t.cfg.Metadata.Snapshot().Topic(t.cfg.Name)
	return ok
}

// PartitionOf is the partition that holds the state of a group or transactional id (kafka-formats C). While the topic does
// not exist it is the one that will.
func (t *Topic) PartitionOf(key string) int32 {
	n := t.cfg.Partitions()
	if found, ok := t.cfg.Metadata.Snapshot().Topic(t.cfg.Name); ok && len(found.Partitions) > 0 {
		n = int32(len(found.Partitions))
	}
	return partitionOf(key, n)
}

// partitionOf is the absolute value of Java's String.hashCode modulo n; that of the least integer is 0.
func partitionOf(key string, n int32) int32 {
	var h int32
	for _, unit := range utf16.Encode([]rune(key)) {
		h = 31*h + int32(unit)
	}
	return max(h, -h, 0) % n
}

// Leader is the broker that leads a partition, and so coordinates what is in it; ok is false while nobody does.
func (t *Topic) Leader(partition int32) (broker int32, ok bool) {
	p, ok := t.cfg.Metadata.Snapshot().Partition(t.cfg.Name, partition)
	if !ok || p.Leader < 0 {
		return -1, false
	}
	return p.Leader, true
}

// Create asks the controller to create the topic. It returns nil when it exists by now or is about to; the caller looks at
// the metadata again, or tells its client to.
func (t *Topic) Create(ctx context.Context) *kerr.Error {
	live, factor := len(t.cfg.Metadata.Snapshot().Brokers()), int(t.cfg.ReplicationFactor())
	if live < factor {
		t.cfg.Log.Warn("cannot create an internal topic while fewer brokers live than it needs replicas",
			"topic", t.cfg.Name, "live brokers", live, "replication factor", factor)
		return kerr.CoordinatorNotAvailable
	}
	resp, err := t.cfg.Forward(ctx, t.createRequest())
	created, ok := resp.(*kmsg.CreateTopicsResponse)
	if err != nil || !ok || len(created.Topics) != 1 {
		t.cfg.Log.Warn("cannot create an internal topic", "topic", t.cfg.Name, "error", err)
		return kerr.CoordinatorNotAvailable
	}
	switch code := created.Topics[0].ErrorCode; code {
	case 0, kerr.TopicAlreadyExists.Code, kerr.RequestTimedOut.Code:
		return nil
	default:
		t.cfg.Log.Warn("the controller refused to create an internal topic", "topic", t.cfg.Name, "error", kerr.ErrorForCode(code))
		return kerr.CoordinatorNotAvailable
	}
}

func (t *Topic) createRequest() *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 7, int32(t.cfg.AppendTimeout().Milliseconds())
	req.Topics = append(req.Topics, t.Creatable())
	return req
}

// Creatable is the topic as it is to be created.
func (t *Topic) Creatable() kmsg.CreateTopicsRequestTopic {
	asked := kmsg.NewCreateTopicsRequestTopic()
	asked.Topic, asked.NumPartitions, asked.ReplicationFactor = t.cfg.Name, t.cfg.Partitions(), t.cfg.ReplicationFactor()
	for _, name := range slices.Sorted(maps.Keys(t.cfg.Configs)) {
		c, value := kmsg.NewCreateTopicsRequestTopicConfig(), t.cfg.Configs[name]
		c.Name, c.Value = name, &value
		asked.Configs = append(asked.Configs, c)
	}
	return asked
}

// Write is one batch for one partition.
type Write struct {
	Partition  int32
	LeadsSince int32 // the leader epoch that the coordinator was elected in
	Batch      batch.Batch
	Guard      storage.Guard // of a transactional batch that needed one, else 0
	// Local is done when the leader has the batch, however few replicas are in sync. Kafka writes so what says that something is
	// gone: it was decided, and nobody would write it again.
	Local bool
}

// Append writes a batch and calls done once: with the batch's first offset when it has the acks that were configured, or with
// Kafka's error as replicas gave it. The batch is changed in place. done may run before Append returns, and must not block.
func (t *Topic) Append(w Write, done func(offset int64, err *kerr.Error)) {
	acks := t.cfg.Acks
	if w.Local {
		acks = 0
	}
	t.cfg.Replicas.Append(&replica.Append{
		Acks:       acks,
		Timeout:    t.cfg.AppendTimeout(),
		Origin:     storage.Coordinator,
		LeadsSince: w.LeadsSince,
		Batches:    []replica.Batch{{TopicPartition: t.at(w.Partition), Records: w.Batch, Guard: w.Guard}},
		Done: func(results []replica.Appended) {
			done(results[0].Info.FirstOffset, codeOf(results[0].Err))
		},
	})
}

func (t *Topic) at(partition int32) storage.TopicPartition {
	return storage.TopicPartition{Topic: t.cfg.Name, Partition: partition}
}
