package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/fact"
	"klab/coordinator/znode"
)

// This file is Kafka's TopicDeletionManager. A marker below /admin/delete_topics
// asks for a deletion; brokers forget the topic, then delete its replicas; when
// the last replica is gone the topic's nodes go, and the marker. While a broker
// with a replica is down the topic is ineligible, and resumes when it is back.

// deletionsChanged reads the markers.
func (c *Core) deletionsChanged() {
	c.ask([]Query{{Kind: List, Path: znode.DeleteTopicsPath, Watch: true}}, func(a []Answer) {
		idle := c.queueDeletions(a[0].Children)
		c.then(
			func() { c.ask(idle, func([]Answer) {}) },
			c.resumeDeletions,
		)
	})
}

// queueDeletions notes which topics are to be deleted, and returns the
// removals of markers that ask for nothing.
func (c *Core) queueDeletions(markers []string) (idle []Query) {
	for _, name := range slices.Sorted(slices.Values(markers)) {
		t := c.topics[name]
		if t == nil || !c.cfg.DeleteTopics {
			idle = append(idle, remove(znode.DeleteTopicPath(name)))
			continue
		}
		if t.deletion.queued {
			continue
		}
		t.deletion.queued = true
		t.deletion.ineligible = slices.ContainsFunc(t.sorted(), func(p *partition) bool { return p.assignment.IsReassigning() })
	}
	return idle
}

// resumeDeletions takes each queued topic a step further.
func (c *Core) resumeDeletions() {
	var done, ready []*topic
	for _, name := range c.topicNames() {
		t := c.topics[name]
		if !t.deletion.queued {
			continue
		}
		replicas := replicasOf(t.sorted())
		switch {
		case all(replicas, replicaDeletionSuccessful):
			done = append(done, t)
		case some(replicas, replicaDeletionStarted):
		case !t.deletion.ineligible:
			setReplicas(only(replicas, replicaDeletionIneligible), replicaOffline)
			ready = append(ready, t)
		}
	}
	c.then(
		func() { c.startDeletion(ready) },
		func() { c.completeDeletion(done) },
	)
}

// startDeletion makes brokers forget topics and delete their replicas.
func (c *Core) startDeletion(topics []*topic) {
	var partitions []*partition
	for _, t := range topics {
		partitions = append(partitions, t.sorted()...)
	}
	if len(partitions) == 0 {
		return
	}
	for _, p := range partitions {
		p.phase = partitionNonExistent
	}
	c.sendMetadata(c.brokerIDs(), partitions...)
	var alive, dead []replica
	for _, r := range replicasOf(partitions) {
		switch {
		case r.replicas[r.broker] == replicaDeletionSuccessful: // and stays so, whatever became of its broker
		case c.isOnline(r.broker, r.TopicPartition):
			alive = append(alive, r)
		default:
			dead = append(dead, r)
			r.topic.deletion.ineligible = true
		}
	}
	setReplicas(dead, replicaDeletionIneligible)
	c.then(
		func() { c.replicasOffline(alive) },
		func() { c.replicasDelete(alive) },
	)
}

// stopReplicaReplied learns which replicas a broker has deleted.
func (c *Core) stopReplicaReplied(r Replied) {
	req, ok := r.Request.(*kmsg.StopReplicaRequest)
	if !ok {
		return
	}
	resp, _ := r.Response.(*kmsg.StopReplicaResponse)
	refused := make(map[TopicPartition]bool)
	for _, e := range resp.Partitions {
		refused[TopicPartition{Topic: e.Topic, Partition: e.Partition}] = e.ErrorCode != 0
	}
	var deleted, failed []replica
	for _, t := range req.Topics {
		for _, s := range t.PartitionStates {
			tp := TopicPartition{Topic: t.Topic, Partition: s.Partition}
			p := c.partition(tp)
			switch {
			case !s.Delete || p == nil || p.replicas[r.Broker] != replicaDeletionStarted:
			case resp.ErrorCode != 0 || refused[tp]:
				failed = append(failed, replica{p, r.Broker})
			default:
				deleted = append(deleted, replica{p, r.Broker})
			}
		}
	}
	setReplicas(deleted, replicaDeletionSuccessful)
	c.then(
		func() { c.failDeletion(failed) },
		func() {
			if len(deleted) > 0 {
				c.resumeDeletions()
			}
		},
	)
}

// failDeletion halts the deletion of topics some replicas of which cannot be
// deleted now. Replicas that are deleted already do not matter.
func (c *Core) failDeletion(replicas []replica) {
	replicas = slices.DeleteFunc(replicas, func(r replica) bool { return r.replicas[r.broker] == replicaDeletionSuccessful })
	if len(replicas) == 0 {
		return
	}
	setReplicas(replicas, replicaDeletionIneligible)
	for _, r := range replicas {
		r.topic.deletion.ineligible = true
	}
	c.resumeDeletions()
}

// resumeDeletionOf makes the topics of replicas whose brokers are back eligible again.
func (c *Core) resumeDeletionOf(replicas []replica) {
	found := false
	for _, r := range replicas {
		if r.topic.deletion.queued {
			r.topic.deletion.ineligible = false
			found = true
		}
	}
	if found {
		c.resumeDeletions()
	}
}

// completeDeletion removes the nodes of topics whose replicas are all deleted.
func (c *Core) completeDeletion(topics []*topic) {
	prunes := make([]Query, len(topics))
	rest := make([]Query, 0, 2*len(topics))
	for i, t := range topics {
		prunes[i] = Query{Kind: Prune, Path: znode.TopicPath(t.name)}
		rest = append(rest, remove(znode.TopicConfigPath(t.name)), remove(znode.DeleteTopicPath(t.name)))
	}
	c.ask(prunes, func([]Answer) {
		c.ask(rest, func([]Answer) {
			for _, t := range topics {
				c.removeTopic(t.name)
				c.tell(fact.TopicDeleted, TopicPartition{Topic: t.name}, nil)
			}
		})
	})
}

func all(replicas []replica, phase replicaPhase) bool {
	return !slices.ContainsFunc(replicas, func(r replica) bool { return r.replicas[r.broker] != phase })
}

func some(replicas []replica, phase replicaPhase) bool {
	return slices.ContainsFunc(replicas, func(r replica) bool { return r.replicas[r.broker] == phase })
}

func only(replicas []replica, phase replicaPhase) []replica {
	var out []replica
	for _, r := range replicas {
		if r.replicas[r.broker] == phase {
			out = append(out, r)
		}
	}
	return out
}
