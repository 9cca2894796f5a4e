package controller

import (
	"errors"
	"slices"
	"strings"

	"klab/broker/fact"
	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// This file is Kafka's PartitionStateMachine: partitions get their first
// leaders, and new ones.

// online makes the partitions Online: new ones get their first leader and ISR,
// the others a leader by the strategy. done receives those that could not be
// given a leader, with the reason, after the brokers were told of the rest.
func (c *Core) online(partitions []*partition, s strategy, done func(failed map[*partition]string)) {
	failed := make(map[*partition]string)
	var fresh, others []*partition
	for _, p := range partitions {
		if p.phase == partitionNew {
			fresh = append(fresh, p)
		} else {
			others = append(others, p)
		}
	}
	c.then(
		func() { c.initialize(fresh, failed) },
		func() { c.elect(others, s, failed) },
		c.flush,
		func() {
			if done != nil {
				done(failed)
			}
		},
	)
}

// triggerOnline tries to give every New and Offline partition a leader.
func (c *Core) triggerOnline() { c.online(c.leaderless(), offlineStrategy(), nil) }

// leaderless returns the New and Offline partitions.
func (c *Core) leaderless() []*partition {
	return c.partitions(func(p *partition) bool {
		return (p.phase == partitionNew || p.phase == partitionOffline) && !p.topic.deletion.queued
	})
}

// markOffline makes partitions Offline that have lost their leaders.
func (c *Core) markOffline() {
	for _, p := range c.partitions(func(p *partition) bool {
		return p.leadership != nil && !c.hasLeaderOnline(p) && !p.topic.deletion.queued
	}) {
		p.phase = partitionOffline
	}
}

// initialize creates the states of partitions that never had one: the first
// online replica leads, all online replicas are in sync.
func (c *Core) initialize(partitions []*partition, failed map[*partition]string) {
	first := make(map[*partition]*leadership)
	var dirs []Query
	var able []*partition
	for _, p := range partitions {
		isr := keep(p.assignment.Replicas, func(id int32) bool { return c.isOnline(id, p.TopicPartition) })
		if len(isr) == 0 {
			failed[p] = "no replica is online"
			continue
		}
		if len(able) == 0 || able[len(able)-1].topic != p.topic {
			dirs = append(dirs, write(Op{Kind: OpCreate, Path: znode.TopicPartitionsPath(p.Topic)}))
		}
		able = append(able, p)
		first[p] = &leadership{PartitionState: znode.PartitionState{ControllerEpoch: c.epoch, Leader: isr[0], ISR: isr}}
	}
	c.ask(dirs, func([]Answer) { // the directory may be there already
		c.createStates(able, first, failed, func(p *partition) Query {
			return write(Op{Kind: OpCreate, Path: znode.PartitionPath(p.TopicPartition)}, createState(p, first[p]))
		})
	})
}

func createState(p *partition, l *leadership) Op {
	return Op{Kind: OpCreate, Path: znode.PartitionStatePath(p.TopicPartition), Data: l.Encode()}
}

// createStates writes first states. A partition node left by an earlier
// controller is no obstacle; a state left by one is taken over.
func (c *Core) createStates(partitions []*partition, first map[*partition]*leadership, failed map[*partition]string, query func(*partition) Query) {
	queries := make([]Query, len(partitions))
	for i, p := range partitions {
		queries[i] = query(p)
	}
	c.ask(queries, func(answers []Answer) {
		var again, taken []*partition
		for i, p := range partitions {
			switch {
			case answers[i].Err == nil:
				c.initialized(p, first[p])
			case errors.Is(answers[i].Err, session.ErrNodeExists) && answers[i].Failed < len(queries[i].Ops)-1:
				again = append(again, p)
			case errors.Is(answers[i].Err, session.ErrNodeExists):
				taken = append(taken, p)
			default:
				failed[p] = "cannot create its state: " + answers[i].Err.Error()
			}
		}
		c.then(
			func() {
				if len(again) > 0 {
					c.createStates(again, first, failed, func(p *partition) Query { return write(createState(p, first[p])) })
				}
			},
			func() { c.takeOver(taken, first) },
		)
	})
}

// initialized makes a partition Online with its first state.
func (c *Core) initialized(p *partition, l *leadership) {
	p.setLeadership(l)
	p.phase = partitionOnline
	c.tell(fact.LeaderElected, p.TopicPartition, map[string]any{"old": znode.NoLeader, "new": l.Leader, "epoch": l.LeaderEpoch, "isr": l.ISR, "reason": "new partition"})
	c.addLeaderAndISR(l.ISR, p, true)
}

// takeOver makes partitions Online by the states that were found in ZooKeeper.
// What is found may be the state wanted: the answer to an earlier attempt was lost.
func (c *Core) takeOver(partitions []*partition, first map[*partition]*leadership) {
	c.readStates(partitions, func() {
		for _, p := range partitions {
			if p.leadership == nil {
				continue
			}
			if p.leadership.version == 0 && equalStates(p.leadership.PartitionState, first[p].PartitionState) {
				c.initialized(p, first[p])
				continue
			}
			p.phase = partitionOffline
			if c.hasLeaderOnline(p) {
				p.phase = partitionOnline
			}
			c.addLeaderAndISR(keep(p.assignment.Replicas, func(id int32) bool { return c.isOnline(id, p.TopicPartition) }), p, true)
		}
	})
}

// elect gives partitions a leader by the strategy and leaves the others alone,
// noting why in failed.
func (c *Core) elect(partitions []*partition, s strategy, failed map[*partition]string) {
	var candidates, undecided []*partition
	for _, p := range partitions {
		if p.leadership == nil {
			failed[p] = "the partition has no state"
			continue
		}
		candidates = append(candidates, p)
		if s.asksUnclean && !c.hasLiveISR(p) {
			undecided = append(undecided, p)
		}
	}
	c.allowsUnclean(undecided, func(allowed map[string]bool) {
		var updates []update
		for _, p := range candidates {
			next, ok := s.pick(&c.cluster, p, s.forceUnclean || allowed[p.Topic])
			if !ok {
				failed[p] = "no eligible replica is online"
				continue
			}
			updates = append(updates, update{p, next})
		}
		c.writeStates(updates, s.reason, func(written, conflicts []*partition) {
			for _, p := range written {
				p.phase = partitionOnline
				c.addLeaderAndISR(keep(p.assignment.Replicas, func(id int32) bool { return s.recipients(&c.cluster, id, p.TopicPartition) }), p, false)
			}
			if len(conflicts) > 0 {
				c.then(func() { c.elect(conflicts, s, failed) })
			}
		})
	})
}

// allowsUnclean reads which of the partitions' topics allow unclean election.
func (c *Core) allowsUnclean(partitions []*partition, use func(allowed map[string]bool)) {
	var topics []string
	for _, p := range partitions {
		if !slices.Contains(topics, p.Topic) {
			topics = append(topics, p.Topic)
		}
	}
	queries := make([]Query, len(topics))
	for i, topic := range topics {
		queries[i] = Query{Kind: Read, Path: znode.TopicConfigPath(topic)}
	}
	c.ask(queries, func(answers []Answer) {
		allowed := make(map[string]bool)
		for i, topic := range topics {
			overrides, err := znode.DecodeConfig(answers[i].Data)
			if err != nil {
				c.warn("topic %s: %v", topic, err)
			}
			allowed[topic] = c.cfg.UncleanElection
			switch value := strings.TrimSpace(overrides["unclean.leader.election.enable"]); {
			case strings.EqualFold(value, "true"):
				allowed[topic] = true
			case strings.EqualFold(value, "false"):
				allowed[topic] = false
			}
		}
		use(allowed)
	})
}

// electAfterUncleanEnabled tries the offline partitions of a topic again, or
// of all topics, now that unclean election is allowed.
func (c *Core) electAfterUncleanEnabled(topic string) {
	c.online(slices.DeleteFunc(c.leaderless(), func(p *partition) bool { return topic != "" && p.Topic != topic }), offlineStrategy(), nil)
}

func write(ops ...Op) Query { return Query{Kind: Write, Ops: ops} }
