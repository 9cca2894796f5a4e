package replica

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage"
)

// Further timestamps that stand for offsets.
const (
	maxTimestamp           = -3 // the record with the largest timestamp (KIP-734)
	earliestLocalTimestamp = -4 // KIP-405; everything is local here
	latestTieredTimestamp  = -5 // KIP-405; nothing is tiered here
)

// OffsetQuery asks for an offset of one partition.
type OffsetQuery struct {
	storage.TopicPartition
	Replica       int32 // who asks: a follower's id, -1 a consumer, -2 a tool that may ask any replica
	CurrentEpoch  int32 // -1 none
	Timestamp     int64 // milliseconds, or one of the negative stand-ins
	ReadCommitted bool
}

// OffsetAnswer is the record found; all fields are -1 if there is none.
type OffsetAnswer struct {
	Offset      int64
	Timestamp   int64
	LeaderEpoch int32
}

// ListOffset answers one query (kafka-formats D.5). Consumers are not shown more than they may fetch.
func (r *Replicas) ListOffset(q OffsetQuery) (OffsetAnswer, error) {
	none := OffsetAnswer{-1, -1, -1}
	h, err := r.find(q.TopicPartition)
	if err != nil {
		return none, err
	}
	s, err := h.offsets(&q)
	if err != nil {
		return none, err
	}
	switch q.Timestamp {
	case latestTimestamp:
		if s.lagging {
			return none, kerr.OffsetNotAvailable
		}
		return OffsetAnswer{s.readable, -1, s.epoch}, nil
	case earliestTimestamp, earliestLocalTimestamp:
		start := h.log.StartOffset()
		return OffsetAnswer{start, -1, h.log.EpochAt(start)}, nil
	case latestTieredTimestamp:
		return none, nil
	}
	found, ok, lookup := lookUp(h.log, q.Timestamp)
	switch {
	case lookup != nil:
		r.checkDir(h.dir)
		return none, lookup
	case !ok:
		return none, nil
	case found.Offset < s.readable:
		return found, nil
	case s.lagging:
		return none, kerr.OffsetNotAvailable
	}
	return none, nil
}

// offsetView is what a query depends on, taken under the partition's lock.
type offsetView struct {
	readable int64 // the first offset the asker may not have
	epoch    int32
	lagging  bool // a consumer asks, and the new leader's high watermark has not caught up with its epoch
}

func (h *hosted) offsets(q *OffsetQuery) (v offsetView, _ *kerr.Error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	check := h.core.CheckLeader
	if q.Replica == debugID {
		check = h.core.CheckEpoch
	}
	if err := check(q.CurrentEpoch); err != nil {
		return v, err
	}
	v.epoch = h.core.LeaderEpoch()
	switch {
	case q.Replica != consumerID:
		v.readable = h.core.EndOffset()
		return v, nil
	case q.ReadCommitted:
		v.readable = h.log.LastStableOffset(h.core.HighWatermark())
	default:
		v.readable = h.core.HighWatermark()
	}
	v.lagging = h.core.WatermarkLags()
	return v, nil
}

func lookUp(log *storage.Log, timestamp int64) (found OffsetAnswer, ok bool, err error) {
	if timestamp == maxTimestamp {
		found.Timestamp, found.Offset, found.LeaderEpoch, ok, err = log.MaxTimestamp()
		return found, ok, err
	}
	found.Offset, found.Timestamp, found.LeaderEpoch, ok, err = log.OffsetForTimestamp(timestamp)
	return found, ok, err
}

// SegmentOffsets answers ListOffsets v0: up to n offsets at which segments begin, the latest first, and before them the end
// that the asker may read to; only of what is not younger than the timestamp.
func (r *Replicas) SegmentOffsets(q OffsetQuery, n int) ([]int64, error) {
	h, err := r.find(q.TopicPartition)
	if err != nil {
		return nil, err
	}
	v, err := h.offsets(&q)
	if err != nil {
		return nil, err
	}
	start := h.log.StartOffset()
	if q.Timestamp == earliestTimestamp {
		return []int64{start}[:min(max(n, 0), 1)], nil
	}
	offsets := []int64{}
	if q.Timestamp == latestTimestamp {
		offsets = append(offsets, v.readable)
	}
	for _, s := range slices.Backward(h.log.Segments()) {
		if at := max(s.BaseOffset, start); at < v.readable && (q.Timestamp == latestTimestamp || s.MaxTimestamp <= q.Timestamp) {
			offsets = append(offsets, at)
		}
	}
	return offsets[:min(max(n, 0), len(offsets))], nil
}

// OffsetForLeaderEpoch tells where a leader epoch ends in this broker's log, which must lead the partition. (-1, -1) if the
// log does not know (kafka-formats D.6).
func (r *Replicas) OffsetForLeaderEpoch(tp storage.TopicPartition, currentEpoch, epoch int32) (foundEpoch int32, end int64, _ error) {
	h, err := r.find(tp)
	if err != nil {
		return -1, -1, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.core.CheckLeader(currentEpoch); err != nil {
		return -1, -1, err
	}
	found := endOfEpoch(h.log, epoch)
	return found.Epoch, found.End, nil
}
