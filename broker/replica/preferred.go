package replica

import (
	"cmp"
	"slices"

	"klab/broker/metadata"
	"klab/broker/partition"
)

// preferredReplica is where a consumer of a rack should rather read (KIP-392, Kafka's RackAwareReplicaSelector): in its
// rack, the member of the ISR that has the offset and is the furthest; partition.None when that is the leader itself or
// there is no such. The caller holds h.mu.
func (e *evaluation) preferredReplica(h *hosted, part *fetchPart, live *metadata.Snapshot) int32 {
	own, ok := live.Broker(e.r.cfg.BrokerID)
	if e.rack == "" || e.follower() || h.core.Role() != partition.Leader || ok && own.Rack != nil && *own.Rack == e.rack {
		return partition.None
	}
	near := slices.DeleteFunc(h.core.Followers(), func(f partition.FollowerState) bool {
		b, ok := live.Broker(f.ID)
		return !ok || b.Rack == nil || *b.Rack != e.rack || !f.InISR || f.Start > part.fetchOffset || f.End < part.fetchOffset
	})
	if len(near) == 0 {
		return partition.None
	}
	best := slices.MaxFunc(near, func(a, b partition.FollowerState) int {
		return cmp.Or(cmp.Compare(a.End, b.End), a.CaughtUp.Compare(b.CaughtUp), cmp.Compare(b.ID, a.ID))
	})
	if _, ok := live.Endpoint(best.ID, e.listener); !ok {
		return partition.None
	}
	return best.ID
}
