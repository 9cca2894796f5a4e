package replica

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage"
)

// Leadership says that this broker leads a partition from now on, in a leader epoch, or that it does not.
type Leadership struct {
	storage.TopicPartition
	LeaderEpoch int32 // of the controller's decision; -1 or -2 where a replica was stopped without one
	Leads       bool
}

// leaderships are what orders that were carried out changed.
func (r *Replicas) leaderships(orders []order) []Leadership {
	all := make([]Leadership, 0, len(orders))
	for i := range orders {
		o := &orders[i]
		if o.err == nil && o.at != nil {
			all = append(all, Leadership{o.tp, o.state.LeaderEpoch, o.state.Leader == r.cfg.BrokerID})
		}
	}
	return all
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
