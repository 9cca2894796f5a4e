// Package fact defines what a broker tells its owner about itself: things that happened, in Kafka's words, at the
// moment the broker knew of them. A fact is a report, never an instruction, and nothing in the broker waits for
// one to be read.
package fact

import "time"

// Fact is one thing that happened on, or was decided by, one broker.
type Fact struct {
	Time      time.Time
	Broker    int32          // the broker that reports
	Kind      string         // one of the Kind constants
	Topic     string         // "" when the fact is not about a topic
	Partition int32          // meaningful only when Topic is set and the kind is about a partition
	Fields    map[string]any // what the kind's comment lists; nil when it lists nothing
}

// Kinds, each with its fields.
const (
	ControllerElected  = "controller.elected" // broker, epoch
	ControllerResigned = "controller.resigned"
	BrokerUp           = "broker.up"         // broker, epoch; as the controller saw it
	BrokerDown         = "broker.down"       // broker; as the controller saw it
	LeaderElected      = "leader.elected"    // old, new, epoch, isr, reason
	PartitionOffline   = "partition.offline" // old, epoch, isr
	ISRShrunk          = "isr.shrunk"        // old, new; by the controller that wrote it
	ISRGrown           = "isr.grown"         // old, new; by the controller that wrote it
	ReassignStarted    = "reassign.started"  // adding, removing (what there is of them): also when it becomes another, or is cancelled
	ReassignEnded      = "reassign.ended"    // replicas: which are left, also when it was cancelled
	TopicCreated       = "topic.created"
	TopicDeleted       = "topic.deleted"
	ReplicaLeader      = "replica.leader"    // epoch, leo: this broker's replica took over leadership
	ReplicaTruncated   = "replica.truncated" // to, from: this broker's replica dropped its tail
	WriteFirst         = "write.first"       // epoch, offset, acks: first acknowledged client write of a leader epoch
	LogDirFailed       = "logdir.failed"     // dir, error

	GroupRebalancing   = "group.rebalancing"    // group, generation (the one that ends), reason
	GroupRebalanced    = "group.rebalanced"     // group, generation, members, reason: stable, or empty with members 0
	GroupMemberJoined  = "group.member.joined"  // group, generation, member, client, host, reason; instance of a static member
	GroupMemberLeft    = "group.member.left"    // the same
	GroupMemberExpired = "group.member.expired" // the same
	GroupsLoaded       = "groups.loaded"        // epoch, groups, offsets, ms: by the new coordinator of a partition, if it holds any
)

// Kinds about transactions, by the coordinator; each also has id (the transactional id), producer and epoch. Of ordinary
// transactions of one id that follow each other quickly, one a second is told.
const (
	TransactionBegan     = "transaction.began"     // partitions, skipped: transactions of this id before it that were not told
	TransactionPrepared  = "transaction.prepared"  // partitions, commit, cause: the outcome is decided
	TransactionCommitted = "transaction.committed" // partitions, cause, ms since it began: every partition has its marker
	TransactionAborted   = "transaction.aborted"   // partitions, cause, ms; causes: client, timeout, fenced, recovered
	ProducerFenced       = "producer.fenced"       // epoch is the one that is in force: a producer with an older one was refused
)

// Observer receives facts. It must not block and must be safe for concurrent use.
type Observer func(Fact)
