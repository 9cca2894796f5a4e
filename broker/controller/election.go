package controller

import (
	"slices"

	"klab/coordinator/znode"
)

// strategy is a way to pick a leader and an ISR for a partition that has a
// state (Kafka 3.9, PartitionLeaderElectionAlgorithms).
type strategy struct {
	reason string // in facts, unless the election turns out unclean
	// pick returns the state to write, whose epochs are not yet set, or false when
	// no replica may lead.
	pick func(c *cluster, p *partition, unclean bool) (znode.PartitionState, bool)
	// asksUnclean: whether a partition without a live ISR member may get an unclean
	// leader is up to the topic's config. forceUnclean: it may, whatever the config.
	asksUnclean, forceUnclean bool
	// recipients says which replicas must hear of the new leader.
	recipients func(c *cluster, broker int32, tp TopicPartition) bool
}

func offlineStrategy() strategy {
	return strategy{reason: "leader offline", pick: electOffline, asksUnclean: true, recipients: (*cluster).isOnline}
}

func uncleanStrategy() strategy {
	return strategy{reason: "leader offline", pick: electOffline, forceUnclean: true, recipients: (*cluster).isOnline}
}

func preferredStrategy() strategy {
	return strategy{reason: "preferred leader", pick: electPreferred, recipients: (*cluster).isOnline}
}

func reassignmentStrategy() strategy {
	return strategy{reason: "reassignment", pick: electFromTarget, recipients: (*cluster).isOnline}
}

func shutdownStrategy() strategy {
	return strategy{reason: "controlled shutdown", pick: electForShutdown, recipients: (*cluster).isOnlineOrShuttingDown}
}

// electOffline takes the first replica that is online and in the ISR, and drops
// from the ISR whoever is not online. An unclean election may fall back to any
// online replica, alone in the ISR and RECOVERING (KIP-704).
func electOffline(c *cluster, p *partition, unclean bool) (znode.PartitionState, bool) {
	state, ok := electFromISR(c, p)
	if ok {
		state.ISR = keep(state.ISR, func(id int32) bool { return c.isOnline(id, p.TopicPartition) })
		return state, true
	}
	if !unclean {
		return state, false
	}
	for _, id := range p.assignment.Replicas {
		if c.isOnline(id, p.TopicPartition) {
			state.Leader, state.ISR, state.LeaderRecoveryState = id, []int32{id}, znode.Recovering
			return state, true
		}
	}
	return state, false
}

// electForShutdown takes the first replica in the ISR that is not shutting
// down, and drops those that are from the ISR.
func electForShutdown(c *cluster, p *partition, _ bool) (znode.PartitionState, bool) {
	state, ok := electFromISR(c, p)
	state.ISR = keep(state.ISR, func(id int32) bool { return !c.shuttingDown[id] })
	return state, ok
}

// electPreferred takes the first assigned replica if it is online and in the
// ISR, which stays as it is.
func electPreferred(c *cluster, p *partition, _ bool) (znode.PartitionState, bool) {
	state := p.leadership.PartitionState
	if len(p.assignment.Replicas) == 0 {
		return state, false
	}
	state.Leader = p.assignment.Replicas[0]
	return state, c.isOnline(state.Leader, p.TopicPartition) && slices.Contains(state.ISR, state.Leader)
}

// electFromTarget takes the first replica of the final assignment that is online and in the ISR, which stays as it is.
func electFromTarget(c *cluster, p *partition, _ bool) (znode.PartitionState, bool) {
	return electFromISR(c, p)
}

// electFromISR makes the first assigned replica that is online and in the ISR leader.
func electFromISR(c *cluster, p *partition) (znode.PartitionState, bool) {
	state := p.leadership.PartitionState
	for _, id := range p.assignment.Replicas {
		if c.isOnline(id, p.TopicPartition) && slices.Contains(state.ISR, id) {
			state.Leader = id
			return state, true
		}
	}
	return state, false
}

// hasLiveISR reports whether some member of the ISR is online.
func (c *cluster) hasLiveISR(p *partition) bool {
	return slices.ContainsFunc(p.leadership.ISR, func(id int32) bool { return c.isOnline(id, p.TopicPartition) })
}
