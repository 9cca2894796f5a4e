package controller

import (
	"slices"

	"klab/broker/fact"
	"klab/coordinator/znode"
)

// topicsChanged compares the topics in ZooKeeper with those known.
func (c *Core) topicsChanged() {
	c.ask([]Query{{Kind: List, Path: znode.TopicsPath, Watch: true}}, func(a []Answer) {
		present := make(map[string]bool, len(a[0].Children))
		var fresh []string
		for _, name := range a[0].Children {
			present[name] = true
			if c.topics[name] == nil {
				fresh = append(fresh, name)
			}
		}
		for _, name := range c.topicNames() {
			if !present[name] {
				c.removeTopic(name)
			}
		}
		slices.Sort(fresh)
		c.ask(readAll(znode.TopicsPath, fresh), func(answers []Answer) { c.topicsCreated(fresh, answers) })
	})
}

func (c *Core) topicsCreated(names []string, answers []Answer) {
	var unnamed []*topic
	var created []*partition
	for i, name := range names {
		t := c.putAssignment(name, answers[i])
		if t == nil {
			continue
		}
		if t.id == (znode.UUID{}) {
			unnamed = append(unnamed, t)
		}
		created = append(created, t.sorted()...)
		c.tell(fact.TopicCreated, TopicPartition{Topic: name}, nil)
	}
	c.then(
		func() { c.giveIDs(unnamed) },
		func() { c.partitionsCreated(created) },
	)
}

// partitionsCreated brings new partitions Online, with their replicas.
func (c *Core) partitionsCreated(partitions []*partition) {
	for _, p := range partitions {
		p.phase = partitionNew
	}
	replicas := replicasOf(partitions)
	c.newReplicas(replicas)
	c.then(
		func() {
			c.online(partitions, offlineStrategy(), func(failed map[*partition]string) {
				for _, p := range partitions {
					if why, ok := failed[p]; ok {
						c.warn("partition %s has no leader yet: %s", p, why)
					}
				}
			})
		},
		func() { c.replicasOnline(replicas) },
	)
}

// topicChanged reads a topic's assignment again; partitions may have been added.
func (c *Core) topicChanged(name string) {
	t := c.topics[name]
	if t == nil {
		return // the list of topics tells
	}
	c.ask([]Query{{Kind: Read, Path: znode.TopicPath(name), Watch: true}}, func(a []Answer) {
		if a[0].Err != nil {
			return // deleted: the list of topics tells
		}
		assignment, err := znode.DecodeTopicAssignment(name, a[0].Data)
		if err != nil {
			c.warn("a change of topic %s is ignored: %v", name, err)
			return
		}
		c.addPartitions(t, assignment, a[0].Version)
	})
}

// addPartitions starts partitions that a new assignment has. Those of a topic
// being deleted are undone; the rest of the assignment stays as it is.
func (c *Core) addPartitions(t *topic, assignment znode.TopicAssignment, version int32) {
	var fresh []int32
	for id := range assignment.Partitions {
		if t.partitions[id] == nil {
			fresh = append(fresh, id)
		}
	}
	slices.Sort(fresh)
	switch {
	case len(fresh) == 0:
	case t.deletion.queued:
		c.warn("partitions added to topic %s are undone: it is being deleted", t.name)
		for _, id := range fresh {
			delete(assignment.Partitions, id)
		}
		c.ask([]Query{write(Op{Kind: OpSet, Path: znode.TopicPath(t.name), Data: assignment.Encode(), Version: version})}, func([]Answer) {})
	default:
		created := make([]*partition, len(fresh))
		for i, id := range fresh {
			created[i] = t.putPartition(id, assignment.Partitions[id])
		}
		c.partitionsCreated(created)
	}
}
