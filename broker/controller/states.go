package controller

import (
	"errors"
	"slices"

	"klab/broker/fact"
	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// update is a decision about a partition: what its state shall be. The
// controller epoch is set when it is written, and so is the leader epoch unless
// the decision is a leader's own (AlterPartition).
type update struct {
	*partition
	next znode.PartitionState
}

// writeStates writes decisions with the next leader epoch. use receives the
// partitions written and those whose states had changed meanwhile, now read again.
func (c *Core) writeStates(updates []update, reason string, use func(written, conflicts []*partition)) {
	for i := range updates {
		updates[i].next.LeaderEpoch = updates[i].leadership.LeaderEpoch + 1
	}
	c.compareAndSet(updates, reason, use)
}

// compareAndSet writes decisions, each at the version last read.
func (c *Core) compareAndSet(updates []update, reason string, use func(written, conflicts []*partition)) {
	queries := make([]Query, len(updates))
	for i := range updates {
		u := &updates[i]
		u.next.ControllerEpoch = c.epoch
		queries[i] = write(Op{Kind: OpSet, Path: znode.PartitionStatePath(u.TopicPartition), Data: u.next.Encode(), Version: u.leadership.version})
	}
	c.ask(queries, func(answers []Answer) {
		var written []*partition
		var stale []update
		for i, u := range updates {
			if answers[i].Err == nil {
				c.wrote(u, reason)
				written = append(written, u.partition)
			} else {
				stale = append(stale, u)
			}
		}
		c.resolve(stale, reason, func(own, conflicts []*partition) { use(append(written, own...), conflicts) })
	})
}

// resolve reads the states of decisions that could not be written. What is
// found may be the decision itself: the answer to an earlier attempt was lost.
func (c *Core) resolve(stale []update, reason string, use func(own, conflicts []*partition)) {
	if len(stale) == 0 {
		use(nil, nil)
		return
	}
	type known struct {
		leadership *leadership
		lastLeader int32
	}
	before := make(map[*partition]known, len(stale))
	partitions := make([]*partition, len(stale))
	for i, u := range stale {
		partitions[i] = u.partition
		before[u.partition] = known{u.leadership, u.lastLeader}
	}
	c.readStates(partitions, func() {
		var own, conflicts []*partition
		for _, u := range stale {
			old, now := before[u.partition], u.leadership
			switch {
			case now == nil: // deleted: there is nothing left to decide
			case now.version == old.leadership.version+1 && equalStates(now.PartitionState, u.next):
				u.partition.leadership, u.partition.lastLeader = old.leadership, old.lastLeader
				c.wrote(u, reason)
				own = append(own, u.partition)
			default:
				conflicts = append(conflicts, u.partition)
			}
		}
		use(own, conflicts)
	})
}

func equalStates(a, b znode.PartitionState) bool {
	return a.ControllerEpoch == b.ControllerEpoch && a.Leader == b.Leader && a.LeaderEpoch == b.LeaderEpoch &&
		a.LeaderRecoveryState == b.LeaderRecoveryState && slices.Equal(a.ISR, b.ISR)
}

// wrote records a decision that ZooKeeper now has, and tells the facts.
func (c *Core) wrote(u update, reason string) {
	old := u.leadership
	last := u.lastLeader
	u.setLeadership(&leadership{PartitionState: u.next, version: old.version + 1})
	switch {
	case len(u.next.ISR) < len(old.ISR):
		c.tell(fact.ISRShrunk, u.TopicPartition, map[string]any{"old": old.ISR, "new": u.next.ISR})
	case len(u.next.ISR) > len(old.ISR):
		c.tell(fact.ISRGrown, u.TopicPartition, map[string]any{"old": old.ISR, "new": u.next.ISR})
	}
	if u.next.Leader != old.Leader && u.next.Leader != znode.NoLeader {
		if !slices.Contains(old.ISR, u.next.Leader) {
			reason = "unclean election"
		}
		c.tell(fact.LeaderElected, u.TopicPartition, map[string]any{
			"old": last, "new": u.next.Leader, "epoch": u.next.LeaderEpoch, "isr": u.next.ISR, "reason": reason})
	}
}

// tellOffline tells which partitions were left without a leader. It waits
// until an event is dealt with, since most such partitions soon get a leader.
func (c *Core) tellOffline() {
	for _, p := range c.partitions(func(p *partition) bool { return p.phase == partitionOffline && p.leadership != nil && !p.announced }) {
		if p.leader() == znode.NoLeader {
			p.announced = true
			c.tell(fact.PartitionOffline, p.TopicPartition, map[string]any{"old": p.lastLeader, "epoch": p.leadership.LeaderEpoch, "isr": p.leadership.ISR})
		}
	}
}

// readStates reads the states of partitions; one that has none gets nil. A
// state written by a later controller ends the reign.
func (c *Core) readStates(partitions []*partition, use func()) {
	queries := make([]Query, len(partitions))
	for i, p := range partitions {
		queries[i] = Query{Kind: Read, Path: znode.PartitionStatePath(p.TopicPartition)}
	}
	c.ask(queries, func(answers []Answer) {
		for i, p := range partitions {
			if errors.Is(answers[i].Err, session.ErrNoNode) {
				p.setLeadership(nil)
				continue
			}
			state, err := znode.DecodePartitionState(p.TopicPartition, answers[i].Data)
			if err != nil {
				c.warn("%v", err)
				p.setLeadership(nil)
				continue
			}
			if state.ControllerEpoch > c.epoch {
				c.resign("the state of "+p.String()+" was written by a later controller", true)
				return
			}
			p.setLeadership(&leadership{PartitionState: state, version: answers[i].Version})
		}
		use()
	})
}
