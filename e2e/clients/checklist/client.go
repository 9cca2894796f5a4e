package checklist

import (
	"context"
	"time"
)

// Client is one library. A method that the library has no means for returns Unsupported.
type Client interface {
	// Codecs are the compressions that the library can produce with, in Kafka's names.
	Codecs() []string

	CreateTopic(ctx context.Context, topic string, partitions int, configs map[string]string) error
	DeleteTopic(ctx context.Context, topic string) error
	// Partitions is the number of a topic's partitions, 0 if there is no such topic.
	Partitions(ctx context.Context, topic string) (int, error)
	AddPartitions(ctx context.Context, topic string, total int) error
	TopicConfig(ctx context.Context, topic, key string) (string, error)
	SetTopicConfig(ctx context.Context, topic, key, value string) error
	BrokerConfig(ctx context.Context, broker int, key string) (string, error)
	// Offsets are the first and the end offset of a partition.
	Offsets(ctx context.Context, topic string, partition int32) (start, end int64, err error)
	DeleteRecords(ctx context.Context, topic string, partition int32, before int64) error

	ListGroups(ctx context.Context) ([]string, error)
	// DescribeGroup is a group's state and the number of its members.
	DescribeGroup(ctx context.Context, group string) (state string, members int, err error)
	DeleteGroup(ctx context.Context, group string) error
	// GroupOffset is a group's committed offset, -1 if there is none.
	GroupOffset(ctx context.Context, group, topic string, partition int32) (int64, error)
	SetGroupOffset(ctx context.Context, group, topic string, partition int32, offset int64) error
	DeleteGroupOffset(ctx context.Context, group, topic string, partition int32) error

	// Produce writes messages in order with acks=all and returns when all are acknowledged.
	Produce(ctx context.Context, topic string, how Producing, messages []Message) error
	// Read returns the next n messages of a partition.
	Read(ctx context.Context, topic string, partition int32, from From, n int) ([]Message, error)
	// Consume joins a group alone, reads n messages, commits behind them and leaves.
	Consume(ctx context.Context, group, topic string, n int) ([]Message, error)
	// Join takes a seat in a group and consumes until the member is ended, telling diary.
	Join(ctx context.Context, seat Seat, diary *Diary) (Member, error)

	// Transact writes messages in one transaction and commits or aborts it.
	Transact(ctx context.Context, id, topic string, messages []Message, commit bool) error
	// Transform moves messages from one topic to another, and the group's offsets with them, in one transaction.
	Transform(ctx context.Context, t Transform) error
	// Fence lets two producers with one transactional id write, the older one last, and returns the error that it got.
	Fence(ctx context.Context, id, topic string) error
}

// Producing is how messages are written.
type Producing struct {
	Codec      string
	Idempotent bool
}

// From is where a reader starts: at an offset, or if Time is set at the first message that is not older.
type From struct {
	Offset    int64
	Time      time.Time
	Committed bool // isolation.level=read_committed
}

// Transform is one round of consume-transform-produce.
type Transform struct {
	ID, Group, From, To string
	N                   int
	Commit              bool
}

// Seat is a membership of a group. Sessions are SessionTimeout long.
type Seat struct {
	Group, Topic string
	Cooperative  bool
	Instance     string // group.instance.id
}

// SessionTimeout is the shortest that a broker takes by default (group.min.session.timeout.ms).
const SessionTimeout = 6 * time.Second

// Member is one that consumes. Kill ends it as a crash would: its sockets close and nobody leaves the group. Leave
// closes it in the library's own way: a dynamic member leaves the group, a static one does not.
type Member interface {
	Kill()
	Leave()
}

// Unsupported is why a library cannot do something.
type Unsupported string

func (u Unsupported) Error() string { return string(u) }
