package replica

import (
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/fact"
	"klab/broker/partition"
	"klab/broker/storage"
)

// hosted is one replica on this broker: its decisions, its log and who waits for it.
type hosted struct {
	tp  storage.TopicPartition
	dir *storage.Dir // nil if no log directory could take it
	log *storage.Log // nil if there is none to serve: see offline

	mu        sync.Mutex           // guards what follows, and every change of the log but retention
	core      *partition.Partition // decisions
	watches   []*watch             // parked fetches to wake
	deletions []*deletion          // that wait for followers' log starts
	appended  int64                // bytes appended since the broker started
	committed int64                // appended, when the high watermark was last at the log end

	// generation changes whenever what was read from the log before may no longer be shown: the role changed or the log
	// was cut. It is written under mu.
	generation atomic.Int64
	id         atomic.Pointer[storage.TopicID] // nil until known

	// firstWrite is set while no client write of this leader epoch has been acknowledged.
	firstWrite atomic.Bool

	throttled throttling

	fetcher *fetcher // that follows the leader, nil if none; guarded by Replicas.control
}

func (h *hosted) topicID() storage.TopicID {
	if id := h.id.Load(); id != nil {
		return *id
	}
	return storage.TopicID{}
}

// outcome is what must be done after a partition's lock is released.
type outcome struct {
	effects partition.Effects
	wake    []*parkedFetch
	deleted []*deletion // decided
}

// after turns a decision's effects, and what else happened, into an outcome. The caller holds h.mu, and calls settle once
// it has released it.
func (h *hosted) after(e partition.Effects, what event) outcome {
	if h.core.HighWatermark() == h.core.EndOffset() {
		h.committed = h.appended
	}
	if e.HighWatermarkMoved {
		what |= watermarkMoved
	}
	out := outcome{effects: e}
	if what&roleChanged != 0 && h.core.Role() != partition.Leader {
		out.deleted = h.failDeletions(kerr.NotLeaderForPartition)
	}
	if what != 0 {
		out.wake = h.waiting(what)
	}
	return out
}

// settle does what an outcome asks for. No lock may be held.
func (r *Replicas) settle(h *hosted, out outcome) {
	r.settleNow(h, &out)
	for _, parked := range out.wake {
		parked.wake()
	}
}

// settleNow does what may be done while a session's mutex is held.
func (r *Replicas) settleNow(h *hosted, out *outcome) {
	for _, w := range out.effects.Acked {
		w.Token.(*appending).settle(out.effects.AckError)
	}
	settleDeletions(out.deleted)
	if out.effects.Propose != nil {
		r.alter.enqueue(h, out.effects.Propose)
	}
}

// acknowledged reports the first client write of a leader epoch. It is called at the moment of acknowledging.
func (r *Replicas) acknowledged(h *hosted, info *storage.AppendInfo, acks int16) {
	if h.firstWrite.Load() && h.firstWrite.CompareAndSwap(true, false) {
		r.observe(fact.WriteFirst, h.tp, map[string]any{"epoch": info.LastEpoch, "offset": info.FirstOffset, "acks": acks})
	}
}
