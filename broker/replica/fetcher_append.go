package replica

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/partition"
)

// take applies one partition's answer. Its records alias the connection's buffer and are written when take returns.
func (f *fetcher) take(p *following, a *kmsg.FetchResponseTopicPartition) {
	switch err := kerr.TypedErrorForCode(a.ErrorCode); err {
	case nil:
		f.apply(p, a)
	case kerr.OffsetOutOfRange:
		p.outOfRange = true
	case kerr.FencedLeaderEpoch:
		p.fenced = true // the controller's LeaderAndIsr assigns the partition anew
		f.r.cfg.Log.Info("fenced by the leader", "partition", p.at.tp, "leader", f.key.leader, "leader epoch", p.epoch)
	default:
		f.retryLater(p, err)
	}
}

func (f *fetcher) retryLater(p *following, err error) {
	wait := p.failures.next(f.r.cfg.FetchBackoff)
	p.retryAt = time.Now().Add(wait)
	f.r.cfg.Log.Info("cannot replicate a partition", "partition", p.at.tp, "leader", f.key.leader, "leader epoch", p.epoch,
		"error", err, "retry in", wait)
}

// apply appends what the leader sent, or truncates where the logs diverge.
func (f *fetcher) apply(p *following, a *kmsg.FetchResponseTopicPartition) {
	var err error
	out, current := p.locked(func(h *hosted) outcome {
		if a.DivergingEpoch.EndOffset >= 0 {
			err = f.truncate(h, partition.EpochEnd{Epoch: a.DivergingEpoch.Epoch, End: a.DivergingEpoch.EndOffset})
			return outcome{}
		}
		var effects partition.Effects
		effects, err = f.append(h, p, a)
		return h.after(effects, 0)
	})
	if !current {
		return
	}
	f.r.settle(p.at, out)
	if err == nil {
		p.failures = 0
		f.holdBack(p, len(a.RecordBatches), a.HighWatermark)
		return
	}
	f.r.checkDir(p.at.dir)
	f.retryLater(p, err)
}

// locked runs do under the partition's lock, unless a LeaderAndIsr has meanwhile changed what the replica is.
func (p *following) locked(do func(*hosted) outcome) (out outcome, current bool) {
	h := p.at
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.core.Role() != partition.Follower || h.core.LeaderEpoch() != p.epoch {
		return out, false
	}
	out = do(h)
	p.next = h.position()
	return out, true
}

// append writes the fetched batches and takes over the leader's high watermark and log start. The caller holds h.mu.
func (f *fetcher) append(h *hosted, p *following, a *kmsg.FetchResponseTopicPartition) (partition.Effects, error) {
	records := a.RecordBatches
	if len(records) >= 8 && int64(binary.BigEndian.Uint64(records)) < h.core.EndOffset() && p.next.offset != p.told.offset {
		records = nil // the answer to an earlier fetch brought them already
	}
	if len(records) > 0 {
		info, err := h.log.AppendAsFollower(records)
		h.appended += int64(info.Bytes)
		if err != nil {
			return h.core.Replicated(h.log.EndOffset(), a.HighWatermark), err
		}
	}
	effects := h.core.Replicated(h.log.EndOffset(), a.HighWatermark)
	if a.LogStartOffset > h.log.StartOffset() && a.LogStartOffset <= h.core.HighWatermark() {
		return effects, h.log.AdvanceStartOffset(a.LogStartOffset)
	}
	return effects, nil
}

// truncate cuts the log where it diverges from the leader's (KIP-101, KIP-279, KIP-595). The caller holds h.mu.
func (f *fetcher) truncate(h *hosted, leader partition.EpochEnd) error {
	own := endOfEpoch(h.log, leader.Epoch)
	return f.r.truncate(h, partition.TruncationOffset(leader, own, h.core.EndOffset()))
}

// Timestamps of a ListOffsets request that stand for offsets.
const (
	latestTimestamp   = -1
	earliestTimestamp = -2
)

// askOffsets settles the partitions whose offset the leader does not have (kafka-formats D.6). It is called while no fetch
// is in flight.
func (f *fetcher) askOffsets() error {
	for _, p := range f.parts {
		if !p.outOfRange || p.fenced || p.retryAt.After(time.Now()) {
			continue
		}
		switch err := f.askOffset(p); {
		case errors.As(err, new(*kerr.Error)):
			f.retryLater(p, err)
		case err != nil:
			return err
		default:
			p.outOfRange, p.failures = false, 0
		}
	}
	return nil
}

// askOffset brings one log to an offset the leader has: cut to its end if that is lower, started anew if the leader's log
// starts behind this one.
func (f *fetcher) askOffset(p *following) error {
	end, err := f.listOffset(p, latestTimestamp)
	if err != nil {
		return err
	}
	if end < p.next.offset {
		return f.change(p, func(h *hosted) error { return f.r.truncate(h, end) })
	}
	start, err := f.listOffset(p, earliestTimestamp)
	if err != nil || start <= p.next.offset {
		return err
	}
	return f.change(p, func(h *hosted) error {
		from := h.core.EndOffset()
		if err := h.log.TruncateFullyAndStartAt(start); err != nil {
			return err
		}
		f.r.cut(h, from)
		return nil
	})
}

func (f *fetcher) change(p *following, do func(*hosted) error) (err error) {
	p.locked(func(h *hosted) outcome {
		err = do(h)
		return outcome{}
	})
	if err != nil {
		f.r.checkDir(p.at.dir)
	}
	return err
}

const listOffsetsVersion = 9

// listOffset asks the leader for an end of its log. As a replica's request it is not limited by the high watermark.
func (f *fetcher) listOffset(p *following, timestamp int64) (int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version, req.ReplicaID = listOffsetsVersion, f.r.cfg.BrokerID
	t := kmsg.NewListOffsetsRequestTopic()
	q := kmsg.NewListOffsetsRequestTopicPartition()
	t.Topic, q.Partition, q.CurrentLeaderEpoch, q.Timestamp = p.at.tp.Topic, p.at.tp.Partition, p.epoch, timestamp
	t.Partitions = append(t.Partitions, q)
	req.Topics = append(req.Topics, t)
	correlation := f.conn.nextCorrelation()
	if err := f.conn.send(req, correlation); err != nil {
		return 0, err
	}
	f.conn.SetReadDeadline(time.Now().Add(f.r.cfg.SocketTimeout))
	resp := kmsg.NewPtrListOffsetsResponse()
	resp.Version = listOffsetsVersion
	if err := f.conn.receive(correlation, resp); err != nil {
		return 0, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return 0, fmt.Errorf("cannot list offsets of %v at broker %d: the answer is not about it", p.at.tp, f.key.leader)
	}
	a := &resp.Topics[0].Partitions[0]
	if err := kerr.TypedErrorForCode(a.ErrorCode); err != nil {
		return 0, err
	}
	return a.Offset, nil
}
