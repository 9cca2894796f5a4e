package replica

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/partition"
	"klab/broker/storage"
)

// Leadership says that this broker leads a partition, since a leader epoch, or that it does not.
type Leadership struct {
	storage.TopicPartition
	// LeaderEpoch is since when it leads without a break, else that of the decision that it does not; -1 or -2 where a replica
	// was stopped without one.
	LeaderEpoch int32
	Leads       bool
}

// leaderships are what orders that were carried out changed.
func (r *Replicas) leaderships(orders []order) []Leadership {
	all := make([]Leadership, 0, len(orders))
	for i := range orders {
		o := &orders[i]
		if o.err == nil && o.at != nil {
			all = append(all, o.at.leadership(o.state.LeaderEpoch))
		}
	}
	return all
}

// leadership is what became of a replica by a decision of a leader epoch.
func (h *hosted) leadership(decided int32) Leadership {
	h.mu.Lock()
	defer h.mu.Unlock()
	if since := h.core.LeadsSince(); since != partition.None {
		return Leadership{h.tp, since, true}
	}
	return Leadership{h.tp, decided, false}
}

// Log is the log of a replica that is hosted here, for those who read what they wrote: a coordinator that loads its state
// reads to the log's end, whatever the high watermark. It is not to be written to.
func (r *Replicas) Log(tp storage.TopicPartition) (*storage.Log, *kerr.Error) {
	h, err := r.find(tp)
	if err != nil {
		return nil, err
	}
	return h.log, nil
}
