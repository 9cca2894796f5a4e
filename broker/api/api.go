package api

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/config"
	"klab/broker/controller"
	"klab/broker/group"
	"klab/broker/internaltopic"
	"klab/broker/loglevel"
	"klab/broker/metadata"
	"klab/broker/replica"
	"klab/broker/server"
	"klab/broker/storage/fsys"
	"klab/broker/txn"
)

// Deps is what the handlers work with. All fields are set before the first request and never change.
type Deps struct {
	BrokerID   int32
	ClusterID  func() string
	Config     *config.Config
	Metadata   *metadata.Cache
	Replicas   *replica.Replicas
	Controller *controller.Shell
	Groups     *group.Coordinator
	// Transactions coordinates them, Verifier asks whoever does, Markers writes what they send.
	Transactions *txn.Coordinator
	Verifier     *txn.Verifier
	Markers      *txn.MarkerWriter
	OldOffsets   OldOffsets
	// The topics of the coordinators.
	OffsetsTopic, TransactionTopic *internaltopic.Topic
	FS                             fsys.FS // of the log directories
	Clock                          func() time.Time
	Log                            *slog.Logger

	// Forward sends a request to the active controller, wherever it is, and waits for the answer.
	Forward func(ctx context.Context, req kmsg.Request) (kmsg.Response, error)
	// ProducerIDs returns a producer id that nobody else ever gets. It may wait for the controller.
	ProducerIDs func(ctx context.Context) (int64, error)
	// FeatureEpoch is the version of /feature, -1 while there is none.
	FeatureEpoch func() int64
	// TopicConfig reads a topic's configuration from ZooKeeper.
	TopicConfig func(ctx context.Context, topic string) (config.TopicConfig, error)
	// ReadConfig and WriteConfig reach the overrides of an entity in ZooKeeper; a write is notified to every broker.
	ReadConfig  func(ctx context.Context, entityType, name string) (map[string]string, error)
	WriteConfig func(ctx context.Context, entityType, name string, overrides map[string]string) error
	// LogLevels are the loggers of this broker.
	LogLevels *loglevel.Levels
	// TopicDeleted is told when the controller announces that a topic is gone.
	TopicDeleted func(topic string)
}

// OldOffsets are the offsets that consumers before 0.9 keep in ZooKeeper, under /consumers.
type OldOffsets interface {
	Commit(ctx context.Context, group, topic string, partition int32, offset int64) error
	Fetch(ctx context.Context, group, topic string, partition int32) (offset int64, found bool, err error)
}

// Table lists what this broker serves, and nothing else is advertised. The ranges are Kafka 3.9's.
func Table(d *Deps) []server.Entry {
	return []server.Entry{
		{Key: 0, Min: 0, Max: 11, Handle: d.produce},
		{Key: 1, Min: 0, Max: 17, Handle: d.fetch},
		{Key: 2, Min: 0, Max: 9, Handle: d.listOffsets},
		{Key: 3, Min: 0, Max: 12, Handle: d.metadata},
		{Key: 4, Min: 0, Max: 7, Handle: d.leaderAndISR, ClusterAction: true},
		{Key: 5, Min: 0, Max: 4, Handle: d.stopReplica, ClusterAction: true},
		{Key: 6, Min: 0, Max: 8, Handle: d.updateMetadata, ClusterAction: true},
		{Key: 7, Min: 0, Max: 3, Handle: d.controlledShutdown, ClusterAction: true},
		{Key: 8, Min: 0, Max: 9, Handle: d.offsetCommit},
		{Key: 9, Min: 0, Max: 9, Handle: d.offsetFetch},
		{Key: 10, Min: 0, Max: 6, Handle: d.findCoordinator},
		{Key: 11, Min: 0, Max: 9, Handle: d.joinGroup},
		{Key: 12, Min: 0, Max: 4, Handle: d.heartbeat},
		{Key: 13, Min: 0, Max: 5, Handle: d.leaveGroup},
		{Key: 14, Min: 0, Max: 5, Handle: d.syncGroup},
		{Key: 15, Min: 0, Max: 5, Handle: d.describeGroups},
		{Key: 16, Min: 0, Max: 5, Handle: d.listGroups},
		{Key: 18, Min: 0, Max: 4, Handle: d.apiVersions},
		{Key: 19, Min: 0, Max: 7, Handle: d.createTopics},
		{Key: 20, Min: 0, Max: 6, Handle: d.deleteTopics},
		{Key: 21, Min: 0, Max: 2, Handle: d.deleteRecords},
		{Key: 22, Min: 0, Max: 5, Handle: d.initProducerID},
		{Key: 23, Min: 0, Max: 4, Handle: d.offsetForLeaderEpoch},
		{Key: 24, Min: 0, Max: 5, Handle: d.addPartitionsToTxn},
		{Key: 25, Min: 0, Max: 4, Handle: d.addOffsetsToTxn},
		{Key: 26, Min: 0, Max: 4, Handle: d.endTxn},
		{Key: 27, Min: 0, Max: 1, Handle: d.writeTxnMarkers, ClusterAction: true},
		{Key: 28, Min: 0, Max: 4, Handle: d.txnOffsetCommit},
		{Key: 32, Min: 0, Max: 4, Handle: d.describeConfigs},
		{Key: 33, Min: 0, Max: 2, Handle: d.alterConfigs},
		{Key: 35, Min: 0, Max: 4, Handle: d.describeLogDirs},
		{Key: 37, Min: 0, Max: 3, Handle: d.createPartitions},
		{Key: 42, Min: 0, Max: 2, Handle: d.deleteGroups},
		{Key: 43, Min: 0, Max: 2, Handle: d.electLeaders},
		{Key: 44, Min: 0, Max: 1, Handle: d.incrementalAlterConfigs},
		{Key: 45, Min: 0, Max: 0, Handle: d.alterPartitionReassignments},
		{Key: 46, Min: 0, Max: 0, Handle: d.listPartitionReassignments},
		{Key: 47, Min: 0, Max: 0, Handle: d.offsetDelete},
		{Key: 56, Min: 0, Max: 3, Handle: d.alterPartition, ClusterAction: true},
		{Key: 57, Min: 0, Max: 1, Handle: d.updateFeatures},
		{Key: 60, Min: 0, Max: 1, Handle: d.describeCluster},
		{Key: 61, Min: 0, Max: 0, Handle: d.describeProducers},
		{Key: 65, Min: 0, Max: 0, Handle: d.describeTransactions},
		{Key: 66, Min: 0, Max: 1, Handle: d.listTransactions},
		{Key: 67, Min: 0, Max: 0, Handle: d.allocateProducerIDs, ClusterAction: true},
		{Key: 68, Min: 0, Max: 0, Handle: d.consumerGroupHeartbeat},
		{Key: 69, Min: 0, Max: 0, Handle: d.consumerGroupDescribe},
	}
}

// later runs answer on a goroutine of its own, for requests that wait and are rare. A panic there closes the connection, as
// it does in a handler.
func (d *Deps) later(ctx context.Context, r *server.Request, answer func(ctx context.Context) kmsg.Response) server.Reply {
	c := make(chan kmsg.Response, 1)
	go func() {
		defer close(c)
		defer func() {
			if p := recover(); p != nil {
				d.Log.Error("a handler panicked", "api", kmsg.NameForKey(r.Key()), "panic", p, "stack", string(debug.Stack()))
			}
		}()
		c <- answer(ctx)
	}()
	return server.Later(c)
}
