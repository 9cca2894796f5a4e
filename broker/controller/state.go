package controller

import (
	"maps"
	"slices"

	"klab/coordinator/znode"
)

// TopicPartition names a partition.
type TopicPartition = znode.TopicPartition

// partitionPhase is a partition's place in Kafka's partition state machine.
type partitionPhase uint8

const (
	partitionNonExistent partitionPhase = iota
	partitionNew                        // assigned, never had a leader
	partitionOnline                     // has a leader
	partitionOffline                    // lost its leader
)

// replicaPhase is a replica's place in Kafka's replica state machine.
type replicaPhase uint8

const (
	replicaNonExistent replicaPhase = iota
	replicaNew
	replicaOnline
	replicaOffline
	replicaDeletionStarted
	replicaDeletionSuccessful
	replicaDeletionIneligible // its broker is down or could not delete it
)

// leadership is a partition's state znode as last read or written. A new value
// replaces it at each change.
type leadership struct {
	znode.PartitionState
	version int32 // data version of the znode: the partition epoch
}

type partition struct {
	TopicPartition
	topic      *topic
	assignment znode.ReplicaAssignment
	phase      partitionPhase
	replicas   map[int32]replicaPhase
	leadership *leadership // nil: it never had a leader
	lastLeader int32       // last leader other than NoLeader, for facts
	announced  bool        // the fact that it is offline was told
}

// topic is what the controller knows of a topic. Topics that are queued for
// deletion stay until the last replica is gone.
type topic struct {
	name       string
	id         znode.UUID
	partitions map[int32]*partition
	deletion   deletion
}

type deletion struct {
	queued     bool // a marker asks for it
	ineligible bool // halted until a broker returns
}

// sorted returns the topic's partitions in order.
func (t *topic) sorted() []*partition {
	out := make([]*partition, 0, len(t.partitions))
	for _, id := range slices.Sorted(maps.Keys(t.partitions)) {
		out = append(out, t.partitions[id])
	}
	return out
}

type liveBroker struct {
	znode.Broker
	epoch int64 // czxid of its registration
}

// replica is one copy of a partition.
type replica struct {
	*partition
	broker int32
}

// cluster is what the controller knows of the cluster, Kafka's ControllerContext.
type cluster struct {
	brokers      map[int32]liveBroker // registered ones, also those shutting down
	shuttingDown map[int32]bool
	offlineDirs  map[int32]map[TopicPartition]bool // replicas on failed log directories
	topics       map[string]*topic
	names        map[znode.UUID]string
}

func newCluster() cluster {
	return cluster{
		brokers:      make(map[int32]liveBroker),
		shuttingDown: make(map[int32]bool),
		offlineDirs:  make(map[int32]map[TopicPartition]bool),
		topics:       make(map[string]*topic),
		names:        make(map[znode.UUID]string),
	}
}

func (c *cluster) brokerIDs() []int32 { return slices.Sorted(maps.Keys(c.brokers)) }

// isLive reports whether a broker is registered and not shutting down.
func (c *cluster) isLive(broker int32) bool {
	_, ok := c.brokers[broker]
	return ok && !c.shuttingDown[broker]
}

// isOnline reports whether a broker can serve its replica of tp.
func (c *cluster) isOnline(broker int32, tp TopicPartition) bool {
	return c.isLive(broker) && !c.offlineDirs[broker][tp]
}

// isOnlineOrShuttingDown is isOnline that counts brokers shutting down as live.
func (c *cluster) isOnlineOrShuttingDown(broker int32, tp TopicPartition) bool {
	_, ok := c.brokers[broker]
	return ok && !c.offlineDirs[broker][tp]
}

func (c *cluster) partition(tp TopicPartition) *partition {
	if t := c.topics[tp.Topic]; t != nil {
		return t.partitions[tp.Partition]
	}
	return nil
}

func (c *cluster) topicNames() []string { return slices.Sorted(maps.Keys(c.topics)) }

// partitions returns those that satisfy keep, in order.
func (c *cluster) partitions(keep func(*partition) bool) []*partition {
	var out []*partition
	for _, name := range c.topicNames() {
		for _, p := range c.topics[name].sorted() {
			if keep(p) {
				out = append(out, p)
			}
		}
	}
	return out
}

func (c *cluster) allPartitions() []*partition {
	return c.partitions(func(*partition) bool { return true })
}

// replicasOn returns the replicas that the brokers hold, in order.
func (c *cluster) replicasOn(brokers ...int32) []replica {
	var out []replica
	for _, p := range c.allPartitions() {
		for _, id := range p.assignment.Replicas {
			if slices.Contains(brokers, id) {
				out = append(out, replica{p, id})
			}
		}
	}
	return out
}

// replicasOf returns every replica of the partitions, in order.
func replicasOf(partitions []*partition) []replica {
	var out []replica
	for _, p := range partitions {
		for _, id := range p.assignment.Replicas {
			out = append(out, replica{p, id})
		}
	}
	return out
}

// putTopic makes the topic known, or gives it its id.
func (c *cluster) putTopic(name string, id znode.UUID) *topic {
	t := c.topics[name]
	if t == nil {
		t = &topic{name: name, partitions: make(map[int32]*partition)}
		c.topics[name] = t
	}
	if id != (znode.UUID{}) {
		t.id = id
		c.names[id] = name
	}
	return t
}

// putPartition makes a partition known, in the phase NonExistent.
func (t *topic) putPartition(id int32, assignment znode.ReplicaAssignment) *partition {
	p := &partition{TopicPartition: TopicPartition{Topic: t.name, Partition: id}, topic: t, assignment: assignment,
		replicas: make(map[int32]replicaPhase, len(assignment.Replicas)), lastLeader: znode.NoLeader}
	t.partitions[id] = p
	return p
}

func (c *cluster) removeTopic(name string) {
	if t := c.topics[name]; t != nil {
		delete(c.names, t.id)
		delete(c.topics, name)
	}
}

// setLeadership records the state that ZooKeeper has for the partition.
func (p *partition) setLeadership(l *leadership) {
	p.leadership = l
	if l != nil && l.Leader != znode.NoLeader {
		p.lastLeader = l.Leader
		p.announced = false
	}
}

func (p *partition) leader() int32 {
	if p.leadership == nil {
		return znode.NoLeader
	}
	return p.leadership.Leader
}

// hasLeaderOnline reports whether the partition's leader can serve it.
func (c *cluster) hasLeaderOnline(p *partition) bool {
	return p.leader() != znode.NoLeader && c.isOnline(p.leader(), p.TopicPartition)
}

func without(ids []int32, id int32) []int32 {
	return keep(ids, func(other int32) bool { return other != id })
}

// keep returns a new slice of the ids that satisfy ok, in order.
func keep(ids []int32, ok func(int32) bool) []int32 {
	out := make([]int32, 0, len(ids))
	for _, id := range ids {
		if ok(id) {
			out = append(out, id)
		}
	}
	return out
}
