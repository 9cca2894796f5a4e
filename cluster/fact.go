package cluster

import "time"

// Fact is one entry of the timeline: something that happened, who saw it, when, and what it followed from.
type Fact struct {
	Seq        int64          // place in the timeline, from 1
	Time       time.Time      // when the source saw it
	Source     string         // "supervisor", "broker 2", "zookeeper", "metadata"
	Kind       string         // one of the Kind constants
	Broker     int32          // the broker it concerns; -1: none
	Topic      string         // empty: none
	Partition  int32          // -1: none
	By         string         // who asked for it: "you", "demo failover"; empty: nobody
	Cause      int64          // Seq of the fact it followed from; 0: none known
	SinceCause time.Duration  // time since that fact; 0 for a cause itself; NoCause: none known
	Fields     map[string]any // what the kind carries: "old", "new", "epoch", "isr", … as JSON would decode it
}

// NoCause is the SinceCause of a fact that follows from nothing known.
const NoCause = time.Duration(-1)

// Kinds of facts. Those of processes come from the launcher, those of the cluster from the brokers, or, where there is
// no launcher, from differences between two readings of the metadata.
const (
	KindProcessStarting = "process.starting"
	KindProcessStarted  = "process.started"
	KindProcessReady    = "process.ready"
	KindProcessStopping = "process.stopping"
	KindProcessStopped  = "process.stopped"
	KindProcessKilled   = "process.killed"
	KindProcessPaused   = "process.paused"
	KindProcessResumed  = "process.resumed"
	KindProcessExited   = "process.exited"
	KindProcessFailed   = "process.failed"

	KindSessionOpened  = "session.opened"
	KindSessionExpired = "session.expired"
	KindSessionClosed  = "session.closed"

	KindControllerElected  = "controller.elected"
	KindControllerResigned = "controller.resigned"
	KindBrokerUp           = "broker.up"
	KindBrokerDown         = "broker.down"
	KindTopicCreated       = "topic.created"
	KindTopicDeleted       = "topic.deleted"
	KindPartitionsAdded    = "topic.partitions"
	KindLeaderElected      = "leader.elected"
	KindPartitionOffline   = "partition.offline"
	KindISRShrunk          = "isr.shrunk"
	KindISRGrown           = "isr.grown"
	KindReassignStarted    = "reassign.started"
	KindReassignEnded      = "reassign.ended"
	KindReplicaLeader      = "replica.leader"
	KindReplicaTruncated   = "replica.truncated"
	KindFirstWrite         = "write.first"
	KindLogDirFailed       = "logdir.failed"
	KindClusterStarting    = "cluster.starting"
	KindClusterReady       = "cluster.ready"
	KindClusterStopping    = "cluster.stopping"
	KindClusterStopped     = "cluster.stopped"
	KindFactsDropped       = "facts.dropped"
	KindStale              = "metadata.stale"
	KindFresh              = "metadata.fresh"
)
