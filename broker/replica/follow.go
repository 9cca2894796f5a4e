package replica

import (
	"unicode/utf16"

	"klab/broker/partition"
	"klab/broker/storage"
)

// fetcherKey names a fetcher: one of num.replica.fetchers connections to one leader.
type fetcherKey struct {
	leader int32
	index  int
}

// follow assigns the replicas of the orders to fetchers, or takes them away. The caller holds r.control.
func (r *Replicas) follow(orders []order) {
	for i := range orders {
		o := &orders[i]
		if o.err != nil || o.at == nil {
			continue
		}
		leader := o.state.Leader
		if leader == r.cfg.BrokerID || leader == partition.None {
			r.unfollow(o.at)
			continue
		}
		r.assign(o.at, leader, o.state.LeaderEpoch)
	}
	r.retireIdleFetchers()
}

// assign gives a replica to the fetcher that is for it. The caller holds r.control.
func (r *Replicas) assign(h *hosted, leader, epoch int32) {
	key := fetcherKey{leader, fetcherIndex(h.tp, r.cfg.NumFetchers)}
	f, ok := r.fetchers[key]
	if !ok {
		f = newFetcher(r, key)
		r.fetchers[key] = f
		r.running.Go(f.run)
	}
	if h.fetcher != f {
		r.unfollow(h)
		f.assigned++
		h.fetcher = f
	}
	f.assign(h, epoch)
}

// SetNumFetchers changes num.replica.fetchers: partitions go to the fetchers that are for them now.
func (r *Replicas) SetNumFetchers(n int) {
	r.control.Lock()
	defer r.control.Unlock()
	if n == r.cfg.NumFetchers || r.closed {
		return
	}
	r.cfg.NumFetchers = n
	for _, h := range r.table().hosted {
		if f := h.fetcher; f != nil {
			h.mu.Lock()
			epoch := h.core.LeaderEpoch()
			h.mu.Unlock()
			r.assign(h, f.key.leader, epoch)
		}
	}
	r.retireIdleFetchers()
}

// Fetchers counts the fetchers that run.
func (r *Replicas) Fetchers() int {
	r.control.Lock()
	defer r.control.Unlock()
	return len(r.fetchers)
}

// unfollow takes a replica away from its fetcher, if it has one. The caller holds r.control.
func (r *Replicas) unfollow(h *hosted) {
	if f := h.fetcher; f != nil {
		f.assigned--
		f.assign(h, partition.None)
		h.fetcher = nil
	}
}

// retireIdleFetchers stops the fetchers that have nothing left to fetch. The caller holds r.control.
func (r *Replicas) retireIdleFetchers() {
	for key, f := range r.fetchers {
		if f.assigned == 0 {
			f.stop()
			delete(r.fetchers, key)
		}
	}
}

// brokersChanged lets fetchers that cannot reach their leader try again at once: its address may be news. The caller
// holds r.control.
func (r *Replicas) brokersChanged() {
	for _, f := range r.fetchers {
		f.nudge()
	}
}

// fetcherIndex spreads partitions over fetchers as Kafka does (kafka-formats D.6).
func fetcherIndex(tp storage.TopicPartition, fetchers int) int {
	var hash int32
	for _, unit := range utf16.Encode([]rune(tp.Topic)) {
		hash = 31*hash + int32(unit)
	}
	index := int64(31*hash + tp.Partition)
	return int(max(index, -index)) % fetchers
}
