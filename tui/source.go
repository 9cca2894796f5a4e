package tui

import (
	"context"
	"errors"

	"klab/cluster"
)

// ErrNothingRuns is in the error of [Options.Open] when there is no cluster to show. The screen then offers to start
// one.
var ErrNothingRuns = errors.New("no cluster is running")

// Source is the cluster that the screens show. Reading methods (those without a context) must return at once: they are
// called by the event loop. Operations return when they are done; what they did appears in Executed.
//
// [FromCluster] makes one of a cluster.Cluster.
type Source interface {
	Snapshot() *cluster.Snapshot // never nil
	Timeline() *cluster.Timeline
	Executed(n int) []cluster.Executed // the newest n operations, oldest first
	// Watch asks for fast offsets of a topic until release is called.
	Watch(topic string) (release func())

	CreateTopic(ctx context.Context, t cluster.NewTopic) error
	DeleteTopic(ctx context.Context, topic string) error
	AddPartitions(ctx context.Context, topic string, total int) error
	ElectPreferred(ctx context.Context, topic string, partitions ...int32) error
	Configs(ctx context.Context, r cluster.ConfigResource) ([]cluster.ConfigEntry, error)
	AlterConfigs(ctx context.Context, a cluster.AlterConfigs) error
	Reassign(ctx context.Context, r cluster.Reassign) error
	CancelReassign(ctx context.Context, r cluster.CancelReassign) (cancelled int, err error)
	Produce(ctx context.Context, r cluster.ProduceRequest) (cluster.ProduceResult, error)
	Tail(ctx context.Context, o cluster.TailOptions) (Tail, error)
	BrokerAction(ctx context.Context, verb cluster.BrokerVerb, id int32) error

	// WantGroups says that these groups are looked at, so that the snapshot has them in depth; it returns at once.
	WantGroups(names ...string)
	ResetOffsets(ctx context.Context, r cluster.ResetOffsets) ([]cluster.OffsetChange, error)
	DeleteGroup(ctx context.Context, name string) error
	DeleteOffsets(ctx context.Context, d cluster.DeleteOffsets) error
	RemoveMember(ctx context.Context, r cluster.RemoveMember) (removed int, err error)

	Transactions(ctx context.Context) ([]cluster.Transaction, error)
	Transaction(ctx context.Context, id string) (cluster.Transaction, error)
	FindHanging(ctx context.Context, f cluster.FindHanging) ([]cluster.Hanging, error)
	AbortTransaction(ctx context.Context, a cluster.AbortTransaction) error

	// Znodes is the cluster's ZooKeeper; nil where there is none to be read.
	Znodes() Znodes
	Close()
}

// Tail is records as they come in; *cluster.Tail is one. Its ring goes on filling whether anybody reads it or not.
type Tail interface {
	Since(cursor int64, n int) (records []cluster.Record, next, gap int64)
	Window(seq int64, n int) []cluster.Record
	Bounds() (first, last int64)
	Pause()
	Resume()
	Stats() cluster.TailStats
	Close()
}

// Znodes reads a ZooKeeper tree.
type Znodes interface {
	// Children returns the names of a znode's children, sorted.
	Children(ctx context.Context, path string) ([]string, error)
	Get(ctx context.Context, path string) (cluster.Znode, error)
}
