package controller

import (
	"errors"
	"maps"
	"slices"

	"klab/broker/fact"
	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// This file moves partitions to other brokers (KIP-455, kafka-formats D.8). What is under way stands in the topic's node,
// so that the next controller goes on with it:
//
//	U  the assignment becomes target and original together, with the replicas to add and to remove
//	A  while some target is not in sync: a new leader epoch; the adding replicas start and catch up
//	B  once all targets are in sync: the assignment becomes the target, another replica leads if the leader is to go,
//	   the removing replicas leave the ISR, stop and are deleted
//
// The last change of the ISR, by AlterPartition, takes a partition from A to B.

// reassigned is what an assignment becomes when the replicas shall be those of target. The original replicas are those
// before any reassignment: a second one replaces the first.
func reassigned(now znode.ReplicaAssignment, target []int32) znode.ReplicaAssignment {
	original := minus(now.Replicas, now.Adding)
	next := znode.ReplicaAssignment{Replicas: slices.Clone(target)}
	next.Replicas = append(next.Replicas, minus(original, target)...)
	next.Adding = minus(next.Replicas, original)
	next.Removing = minus(next.Replicas, target)
	return next
}

// reassignTo is what the partition's assignment becomes. Were the ISR to hold none of its replicas, as when a move is
// cancelled while only replicas that it added are in sync, these stay until others have caught up: Kafka drops them, and
// with them the partition.
func (p *partition) reassignTo(target []int32) znode.ReplicaAssignment {
	next := reassigned(p.assignment, target)
	if p.leadership == nil {
		return next
	}
	if last := minus(p.leadership.ISR, next.Replicas); len(last) == len(p.leadership.ISR) {
		next.Replicas = append(next.Replicas, last...)
		next.Adding = append(next.Adding, last...) // still: they are none of the original replicas
		next.Removing = append(next.Removing, last...)
	}
	return next
}

// targetOf is what an assignment is on its way to.
func targetOf(a znode.ReplicaAssignment) []int32 { return minus(a.Replicas, a.Removing) }

// minus is a without what is in b, in order.
func minus(a, b []int32) []int32 {
	return keep(a, func(id int32) bool { return !slices.Contains(b, id) })
}

func equalAssignments(a, b znode.ReplicaAssignment) bool {
	return slices.Equal(a.Replicas, b.Replicas) && slices.Equal(a.Adding, b.Adding) && slices.Equal(a.Removing, b.Removing)
}

// isCaughtUp reports whether nothing more has to catch up: phase B may begin.
func (p *partition) isCaughtUp() bool {
	return !p.assignment.IsReassigning() || p.leadership != nil && len(minus(targetOf(p.assignment), p.leadership.ISR)) == 0
}

// reassign takes partitions to assignments, which may be those they have: then what is under way goes on. done receives
// the partitions whose assignments could not be recorded.
func (c *Core) reassign(next map[*partition]znode.ReplicaAssignment, done func(refused map[*partition]*refusal)) {
	for p := range next {
		p.topic.deletion.ineligible = p.topic.deletion.ineligible || p.topic.deletion.queued
	}
	changed := make(map[*partition]znode.ReplicaAssignment)
	for p, a := range next {
		if !equalAssignments(p.assignment, a) {
			changed[p] = a
		}
	}
	c.writeAssignments(changed, func(refused map[*partition]*refusal) {
		var unneeded []replica
		for _, p := range inOrder(keySet(changed)) {
			if refused[p] == nil {
				unneeded = append(unneeded, c.assign(p, changed[p])...)
			}
		}
		remaining := slices.DeleteFunc(inOrder(keySet(next)), func(p *partition) bool { return refused[p] != nil })
		c.then(
			func() { c.replaceLeaders(unneeded) },
			func() { c.stopRemoved(unneeded) },
			func() { c.advance(remaining) },
			func() { done(refused) },
		)
	})
}

// assign makes an assignment known and returns the replicas that are not in it any more.
func (c *Core) assign(p *partition, a znode.ReplicaAssignment) (unneeded []replica) {
	switch {
	case a.IsReassigning():
		c.tell(fact.ReassignStarted, p.TopicPartition, moves(a))
	case p.assignment.IsReassigning():
		c.tell(fact.ReassignEnded, p.TopicPartition, map[string]any{"replicas": a.Replicas})
	}
	for _, id := range minus(p.assignment.Replicas, a.Replicas) {
		unneeded = append(unneeded, replica{p, id})
	}
	p.assignment = a
	return unneeded
}

// moves is what a fact says of a reassignment.
func moves(a znode.ReplicaAssignment) map[string]any {
	fields := map[string]any{}
	if len(a.Adding) > 0 {
		fields["adding"] = a.Adding
	}
	if len(a.Removing) > 0 {
		fields["removing"] = a.Removing
	}
	return fields
}

func keySet[V any](m map[*partition]V) map[*partition]bool {
	set := make(map[*partition]bool, len(m))
	for p := range m {
		set[p] = true
	}
	return set
}

// advance starts the adding replicas of partitions that have to catch up, and completes the others.
func (c *Core) advance(partitions []*partition) {
	if len(partitions) == 0 {
		return
	}
	var behind, ready []*partition
	for _, p := range partitions {
		if p.isCaughtUp() {
			ready = append(ready, p)
		} else {
			behind = append(behind, p)
		}
	}
	c.then(
		func() { c.catchUp(behind) },
		func() { c.complete(ready) },
	)
}

// catchUp is phase A. A partition that never had a leader may get one now, from among the new replicas.
func (c *Core) catchUp(partitions []*partition) {
	if len(partitions) == 0 {
		return
	}
	var led, fresh []*partition
	for _, p := range partitions {
		for _, id := range p.assignment.Adding {
			if _, known := p.replicas[id]; !known {
				p.replicas[id] = replicaNew
			}
		}
		if p.leadership != nil {
			led = append(led, p)
		} else {
			fresh = append(fresh, p)
		}
	}
	c.then(
		func() { c.raiseEpochs(led) },
		func() { c.online(fresh, offlineStrategy(), c.warnFailed) },
		func() {
			c.advance(slices.DeleteFunc(fresh, func(p *partition) bool { return p.leadership == nil || !p.isCaughtUp() }))
		},
	)
}

// raiseEpochs starts a new leader epoch under the same leader, so that every replica hears of the assignment. A replica
// that is not in sync may begin with an empty log.
func (c *Core) raiseEpochs(partitions []*partition) {
	updates := make([]update, 0, len(partitions))
	for _, p := range partitions {
		if p.leadership != nil {
			updates = append(updates, update{p, p.leadership.PartitionState})
		}
	}
	c.writeStates(updates, "", func(written, conflicts []*partition) {
		for _, p := range written {
			fresh := minus(p.assignment.Adding, p.leadership.ISR)
			c.addLeaderAndISR(minus(p.assignment.Replicas, fresh), p, false)
			c.addLeaderAndISR(fresh, p, true)
		}
		c.then(c.flush, func() {
			if len(conflicts) > 0 {
				c.raiseEpochs(conflicts)
			}
		})
	})
}

// complete is phase B.
func (c *Core) complete(partitions []*partition) {
	if len(partitions) == 0 {
		return
	}
	var adding, removed []replica
	final := make(map[*partition]znode.ReplicaAssignment, len(partitions))
	for _, p := range partitions {
		for _, id := range p.assignment.Adding {
			adding = append(adding, replica{p, id})
		}
		final[p] = znode.ReplicaAssignment{Replicas: targetOf(p.assignment)}
	}
	c.then(
		func() { c.replicasOnline(adding) },
		func() {
			for _, p := range partitions {
				removed = append(removed, c.assign(p, final[p])...)
			}
			c.moveLeaders(partitions)
		},
		func() { c.stopRemoved(removed) },
		func() { c.writeAssignments(final, func(map[*partition]*refusal) {}) },
		func() { c.dropLegacyReassignments(isFinal(partitions)) },
		func() { c.sendMetadata(c.brokerIDs(), partitions...) },
		func() { c.resumeDeletionOf(replicasOf(partitions)) },
	)
}

// moveLeaders has a target lead where the leader is to go or is dead, and tells the others of the final assignment.
func (c *Core) moveLeaders(partitions []*partition) {
	var moving, staying []*partition
	for _, p := range partitions {
		switch {
		case p.leadership == nil:
		case slices.Contains(p.assignment.Replicas, p.leader()) && c.isOnline(p.leader(), p.TopicPartition):
			staying = append(staying, p)
		default:
			moving = append(moving, p)
		}
	}
	c.then(
		func() { c.online(moving, reassignmentStrategy(), c.warnFailed) },
		func() { c.raiseEpochs(staying) },
	)
}

// replaceLeaders has another assigned replica lead where one leads that is to be stopped: one that the earlier of two
// reassignments had added, and that was elected since. Kafka stops it all the same, and leaves the partition without a leader.
func (c *Core) replaceLeaders(unneeded []replica) {
	var led []*partition
	for _, r := range unneeded {
		if r.leader() == r.broker {
			led = append(led, r.partition)
		}
	}
	c.online(led, reassignmentStrategy(), c.warnFailed)
}

// stopRemoved takes replicas out of their ISRs, stops them and has their brokers delete the logs. Nobody waits for that:
// a broker that is down keeps its log, as in Kafka.
func (c *Core) stopRemoved(replicas []replica) {
	if len(replicas) == 0 {
		return
	}
	c.then(
		func() { c.replicasOffline(replicas) },
		func() { c.replicasDelete(replicas) },
		func() {
			for _, r := range replicas {
				if !slices.Contains(r.assignment.Replicas, r.broker) {
					delete(r.replicas, r.broker)
				}
			}
		},
	)
}

// writeAssignments records assignments in their topics' nodes, which are read first: they may hold partitions that the
// controller has not heard of. use receives the partitions of topics that are gone, or whose nodes would be too large.
func (c *Core) writeAssignments(next map[*partition]znode.ReplicaAssignment, use func(refused map[*partition]*refusal)) {
	refused := make(map[*partition]*refusal)
	c.then(
		func() { c.tryAssignments(next, refused) },
		func() { use(refused) },
	)
}

// refuseAll notes for all partitions why their assignments are not recorded.
func refuseAll(refused map[*partition]*refusal, next map[*partition]znode.ReplicaAssignment, why *refusal) {
	for p := range next {
		refused[p] = why
	}
}

// tryAssignments writes each topic's node at the version read, and those again that were changed in between.
func (c *Core) tryAssignments(next map[*partition]znode.ReplicaAssignment, refused map[*partition]*refusal) {
	byTopic := make(map[string]map[*partition]znode.ReplicaAssignment)
	for p, a := range next {
		if byTopic[p.Topic] == nil {
			byTopic[p.Topic] = make(map[*partition]znode.ReplicaAssignment)
		}
		byTopic[p.Topic][p] = a
	}
	names := slices.Sorted(maps.Keys(byTopic))
	reads := make([]Query, len(names))
	for i, name := range names {
		reads[i] = Query{Kind: Read, Path: znode.TopicPath(name)}
	}
	c.ask(reads, func(found []Answer) {
		var writes []Query
		var written []string
		for i, name := range names {
			op, ok := c.assignmentOp(name, found[i], byTopic[name], refused)
			if ok {
				writes, written = append(writes, write(op)), append(written, name)
			}
		}
		c.ask(writes, func(answers []Answer) {
			again := make(map[*partition]znode.ReplicaAssignment)
			for i, name := range written {
				switch {
				case errors.Is(answers[i].Err, session.ErrBadVersion):
					maps.Copy(again, byTopic[name])
				case answers[i].Err != nil:
					refuseAll(refused, byTopic[name], noSuchPartition())
				}
			}
			if len(again) > 0 {
				c.then(func() { c.tryAssignments(again, refused) })
			}
		})
	})
}

// assignmentOp is the write of one topic's node. Partitions that are not in it are refused, and all if it would grow beyond
// what ZooKeeper takes.
func (c *Core) assignmentOp(topic string, found Answer, next map[*partition]znode.ReplicaAssignment, refused map[*partition]*refusal) (Op, bool) {
	assignment, err := znode.DecodeTopicAssignment(topic, found.Data)
	if found.Err != nil || err != nil {
		refuseAll(refused, next, noSuchPartition())
		return Op{}, false
	}
	for p, a := range next {
		if _, ok := assignment.Partitions[p.Partition]; !ok {
			refused[p] = noSuchPartition()
			continue
		}
		assignment.Partitions[p.Partition] = a
	}
	data := assignment.Encode()
	if why := checkAssignmentSize(topic, data); why != nil && len(data) > len(found.Data) {
		refuseAll(refused, next, why)
		return Op{}, false
	}
	return Op{Kind: OpSet, Path: znode.TopicPath(topic), Data: data, Version: found.Version}, true
}

// resumeReassignments goes on with those under way that satisfy wanted.
func (c *Core) resumeReassignments(wanted func(*partition) bool) {
	next := make(map[*partition]znode.ReplicaAssignment)
	for _, p := range c.partitions(func(p *partition) bool { return p.assignment.IsReassigning() && wanted(p) }) {
		next[p] = p.assignment
	}
	if len(next) > 0 {
		c.reassign(next, func(map[*partition]*refusal) {})
	}
}

// waitsFor reports whether a partition is on its way to one of the brokers.
func waitsFor(p *partition, brokers []int32) bool {
	return slices.ContainsFunc(targetOf(p.assignment), func(id int32) bool { return slices.Contains(brokers, id) })
}

// resumeAllReassignments goes on with what an earlier controller began, and with what is asked in
// /admin/reassign_partitions.
func (c *Core) resumeAllReassignments() {
	c.legacyReassignmentNotified(func(started map[*partition]bool) {
		c.resumeReassignments(func(p *partition) bool { return !started[p] })
	})
}
