package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/batch"
)

// Clean removes the offsets that have expired (KIP-211), and the group if nothing is left of it. It returns how many.
func (g *Group) Clean(now time.Time) (removed int, out Effects) {
	var expired []TopicPartition
	for tp, s := range g.offsets.committed {
		if g.expired(now, tp, &s) {
			expired = append(expired, tp)
		}
	}
	return len(expired), g.remove(now, expired, g.offsets.drop)
}

// expired: an offset lives as long as its group has members that may want it. Retention counts from when the group became
// empty, or from the commit where there are no members to tell, or none that subscribe to the topic.
func (g *Group) expired(now time.Time, tp TopicPartition, s *stored) bool {
	since := time.UnixMilli(s.Committed)
	switch {
	case g.offsets.writing[tp] != nil:
		return false
	case g.protocolType == "":
	case g.state == Empty:
		if !g.since.IsZero() {
			since = g.since
		}
	case g.state == Stable && g.protocolType == consumerProtocol && g.subjects != nil && !g.subjects.has(tp.Topic):
	default:
		return false
	}
	if s.Expires >= 0 {
		return now.UnixMilli() >= s.Expires
	}
	return now.Sub(since) >= g.limits.Retention
}

// RemoveTopic removes the offsets of a topic that is gone, those of open transactions too.
func (g *Group) RemoveTopic(now time.Time, topic string) Effects {
	return g.remove(now, g.offsets.where(func(tp TopicPartition) bool { return tp.Topic == topic }), g.offsets.forget)
}

// remove takes offsets out by drop or forget, and the group if nothing is left of it, and writes tombstones for what was in
// the log. A group that was dead before has written its own: one of the same name may live by now.
func (g *Group) remove(now time.Time, all []TopicPartition, out func(TopicPartition) (was bool)) Effects {
	if g.state == Dead {
		return Effects{}
	}
	var tombstones []batch.Record
	for _, tp := range all {
		if out(tp) {
			tombstones = append(tombstones, offsetTombstone(now, g.id, tp))
		}
	}
	if g.state == Empty && g.offsets.none() {
		g.enter(Dead, now)
		if g.generation > 0 {
			tombstones = append(tombstones, groupTombstone(now, g.id))
		}
	}
	if len(tombstones) > 0 {
		g.append(tombstones, nil).Local = true // if even this fails, the offsets come back at the next load
	}
	return g.settle(now)
}

// Delete is one group of a DeleteGroups request.
func (g *Group) Delete(now time.Time) (*kerr.Error, Effects) {
	switch g.state {
	case Dead:
		return kerr.GroupIDNotFound, Effects{}
	case Empty:
	default:
		return kerr.NonEmptyGroup, Effects{}
	}
	return nil, g.remove(now, g.offsets.where(func(TopicPartition) bool { return true }), g.offsets.forget)
}

// DeleteOffsets is an OffsetDelete request (KIP-496). It returns an error for all, or what became of each.
func (g *Group) DeleteOffsets(now time.Time, all []TopicPartition) (whole *kerr.Error, each []*kerr.Error, out Effects) {
	switch {
	case g.state == Dead:
		return kerr.GroupIDNotFound, nil, Effects{}
	case g.state != Empty && g.protocolType != consumerProtocol:
		return kerr.NonEmptyGroup, nil, Effects{}
	}
	each = make([]*kerr.Error, len(all))
	var free []TopicPartition
	for i, tp := range all {
		if g.state != Empty && g.subscribedTo(tp.Topic) {
			each[i] = kerr.GroupSubscribedToTopic
			continue
		}
		free = append(free, tp)
	}
	if len(free) == 0 {
		return nil, each, Effects{}
	}
	return nil, each, g.remove(now, free, g.offsets.forget)
}
