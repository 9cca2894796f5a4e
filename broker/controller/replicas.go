package controller

import (
	"slices"

	"klab/coordinator/znode"
)

// This file is Kafka's ReplicaStateMachine: replicas start, stop and are deleted.

// newReplicas makes replicas New.
func (c *Core) newReplicas(replicas []replica) {
	for _, r := range replicas {
		r.replicas[r.broker] = replicaNew
		if r.leadership != nil && r.leadership.Leader != r.broker {
			c.addLeaderAndISR([]int32{r.broker}, r.partition, true)
		}
	}
	c.flush()
}

// replicasOnline makes replicas Online. Those that are not new hear of their
// partition's state. Replicas being deleted, or deleted, stay so.
func (c *Core) replicasOnline(replicas []replica) {
	for _, r := range replicas {
		if phase := r.replicas[r.broker]; phase == replicaDeletionStarted || phase == replicaDeletionSuccessful {
			continue
		}
		if r.replicas[r.broker] != replicaNew && r.leadership != nil {
			c.addLeaderAndISR([]int32{r.broker}, r.partition, false)
		}
		r.replicas[r.broker] = replicaOnline
	}
	c.flush()
}

// replicasOffline makes replicas Offline: they are stopped and leave the ISR,
// broker by broker. The last member stays in the ISR.
func (c *Core) replicasOffline(replicas []replica) {
	byBroker := make(map[int32][]*partition)
	var brokers []int32
	for _, r := range replicas {
		if byBroker[r.broker] == nil {
			brokers = append(brokers, r.broker)
		}
		byBroker[r.broker] = append(byBroker[r.broker], r.partition)
		r.replicas[r.broker] = replicaOffline
		c.addStop(r.broker, r.partition, false)
	}
	slices.Sort(brokers)
	var tasks []func()
	for _, id := range brokers {
		tasks = append(tasks, func() { c.leaveISR(id, byBroker[id]) })
	}
	c.then(append(tasks, c.flush)...)
}

// leaveISR removes a broker from the ISRs of partitions, and from their
// leadership. The remaining replicas hear of it, and all brokers learn that the
// replica is offline. Topics being deleted are left alone: their states go soon.
func (c *Core) leaveISR(broker int32, partitions []*partition) {
	var updates []update
	for _, p := range partitions {
		if p.topic.deletion.queued {
			continue
		}
		c.addMetadata(c.brokerIDs(), p)
		if p.leadership == nil || !slices.Contains(p.leadership.ISR, broker) {
			continue
		}
		next := p.leadership.PartitionState
		if next.Leader == broker {
			next.Leader = znode.NoLeader
		}
		if len(next.ISR) > 1 {
			next.ISR = without(next.ISR, broker)
		}
		updates = append(updates, update{p, next})
	}
	c.writeStates(updates, "replica offline", func(written, conflicts []*partition) {
		for _, p := range written {
			if p.leader() == znode.NoLeader {
				p.phase = partitionOffline
			}
			c.addLeaderAndISR(without(p.assignment.Replicas, broker), p, false)
		}
		if len(conflicts) > 0 {
			c.then(func() { c.leaveISR(broker, conflicts) })
		}
	})
}

// setReplicas moves replicas to a phase that needs no word to anyone.
func setReplicas(replicas []replica, phase replicaPhase) {
	for _, r := range replicas {
		r.replicas[r.broker] = phase
	}
}

// replicasDelete makes replicas DeletionStarted: their brokers delete the logs.
func (c *Core) replicasDelete(replicas []replica) {
	for _, r := range replicas {
		r.replicas[r.broker] = replicaDeletionStarted
		c.addStop(r.broker, r.partition, true)
	}
	c.flush()
}
