package controller

import (
	"errors"
	"maps"
	"slices"
	"strconv"

	"klab/broker/fact"
	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// brokersChanged compares the registered brokers with those known: new ones,
// dead ones, and ones that registered again ("bounced", a larger czxid).
func (c *Core) brokersChanged() {
	c.ask([]Query{{Kind: List, Path: znode.BrokersPath, Watch: true}}, func(a []Answer) {
		names := a[0].Children
		queries := make([]Query, len(names))
		for i, name := range names {
			id, err := strconv.ParseInt(name, 10, 32)
			_, known := c.brokers[int32(id)]
			queries[i] = Query{Kind: Read, Path: znode.BrokersPath + "/" + name, Watch: err == nil && !known}
		}
		c.ask(queries, func(answers []Answer) { c.compareBrokers(names, answers) })
	})
}

func (c *Core) compareBrokers(names []string, answers []Answer) {
	before := make(map[int32]liveBroker, len(c.brokers))
	for id, b := range c.brokers {
		before[id] = b
	}
	var started, bounced, dead []int32
	seen := make(map[int32]bool)
	for i, name := range names {
		id, ok := c.putBroker(name, answers[i])
		if !ok {
			continue
		}
		seen[id] = true
		old, known := before[id]
		switch {
		case !known:
			started = append(started, id)
		case c.brokers[id].epoch > old.epoch:
			bounced = append(bounced, id)
		}
	}
	for _, id := range c.brokerIDs() {
		if !seen[id] {
			dead = append(dead, id)
		}
	}
	slices.Sort(started)
	slices.Sort(bounced)
	c.applyBrokers(started, bounced, dead, before)
}

// applyBrokers has new brokers start up, bounced ones fail and start up, and
// dead ones fail. before holds the brokers as they were known until now.
func (c *Core) applyBrokers(started, bounced, dead []int32, before map[int32]liveBroker) {
	again := make(map[int32]liveBroker, len(bounced))
	for _, id := range bounced {
		again[id] = c.brokers[id]
		c.brokers[id] = before[id]
		c.emit(CloseChannel{id})
	}
	for _, id := range started {
		c.emit(OpenChannel{c.brokers[id].Broker})
	}
	for _, id := range dead {
		c.emit(CloseChannel{id})
	}
	c.then(
		func() { c.brokersStarted(started) },
		func() { c.brokersFailed(bounced) },
		func() { c.brokersBack(again) },
		func() { c.brokersStarted(bounced) },
		func() { c.brokersFailed(dead) },
	)
}

// brokersBack registers bounced brokers anew and watches their new nodes.
func (c *Core) brokersBack(again map[int32]liveBroker) {
	var queries []Query
	for _, id := range slices.Sorted(maps.Keys(again)) {
		b := again[id]
		c.brokers[id] = b
		c.emit(OpenChannel{b.Broker})
		queries = append(queries, Query{Kind: Read, Path: znode.BrokerPath(id), Watch: true})
	}
	c.ask(queries, func([]Answer) {})
}

// brokersStarted tells everybody of new brokers, and the new brokers everything,
// before their replicas start; then it tries the partitions without a leader.
func (c *Core) brokersStarted(ids []int32) {
	if len(ids) == 0 {
		return
	}
	for _, id := range ids {
		delete(c.offlineDirs, id)
		delete(c.shuttingDown, id)
		c.tell(fact.BrokerUp, TopicPartition{}, map[string]any{"broker": id, "epoch": c.brokers[id].epoch})
	}
	others := keep(c.brokerIDs(), func(id int32) bool { return !slices.Contains(ids, id) })
	c.sendMetadata(others)
	c.sendMetadata(ids, c.partitions(func(p *partition) bool { return p.leadership != nil })...)
	replicas := c.replicasOn(ids...)
	c.then(
		func() { c.replicasOnline(replicas) },
		c.triggerOnline,
		func() { c.resumeReassignments(func(p *partition) bool { return waitsFor(p, ids) }) },
		func() { c.resumeDeletionOf(replicas) },
	)
}

// brokersFailed takes brokers out: their partitions get new leaders, then they
// leave the ISRs.
func (c *Core) brokersFailed(ids []int32) {
	if len(ids) == 0 {
		return
	}
	replicas := c.replicasOn(ids...)
	for _, id := range ids {
		delete(c.brokers, id)
		delete(c.shuttingDown, id)
		delete(c.offlineDirs, id)
		c.tell(fact.BrokerDown, TopicPartition{}, map[string]any{"broker": id})
	}
	c.replicasLost(replicas)
}

// replicasLost deals with replicas that cannot serve any more, in Kafka's
// order: elections first, then removal from the ISRs.
func (c *Core) replicasLost(replicas []replica) {
	var doomed, others []replica
	for _, r := range replicas {
		if r.topic.deletion.queued {
			doomed = append(doomed, r)
		} else {
			others = append(others, r)
		}
	}
	c.markOffline()
	leaderless := c.leaderless()
	elected := func(p *partition) bool { return p.phase == partitionOnline }
	c.then(
		func() { c.online(leaderless, offlineStrategy(), nil) },
		func() { c.replicasOffline(others) },
		func() { c.failDeletion(doomed) },
		func() {
			if len(others) == 0 && !slices.ContainsFunc(leaderless, elected) { // else every broker heard already
				c.sendMetadata(c.brokerIDs())
			}
		},
	)
}

// brokerChanged reads a broker's node again; its listeners may have changed.
func (c *Core) brokerChanged(path string) {
	c.ask([]Query{{Kind: Read, Path: path, Watch: true}}, func(a []Answer) {
		if errors.Is(a[0].Err, session.ErrNoNode) {
			return // the list of brokers tells
		}
		name, _ := znode.ChildOf(znode.BrokersPath, path)
		id, err := strconv.ParseInt(name, 10, 32)
		if known, ok := c.brokers[int32(id)]; err != nil || !ok || known.epoch != a[0].Czxid {
			return // a new registration: the list of brokers tells
		}
		if _, ok := c.putBroker(name, a[0]); ok {
			c.sendMetadata(c.brokerIDs())
		}
	})
}

// replied looks at a broker's answer to LeaderAndIsr or StopReplica.
func (c *Core) replied(r Replied) {
	if _, ok := c.brokers[r.Broker]; !ok {
		return
	}
	c.leaderAndISRReplied(r)
	c.stopReplicaReplied(r)
}
