package controller

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/coordinator/znode"
)

// alteration is one AlterPartition request on its way (KIP-497): the wishes that
// passed the checks are written, then the response is complete.
type alteration struct {
	id      uint64
	resp    *kmsg.AlterPartitionResponse
	wishes  []update
	pending map[*partition]*kmsg.AlterPartitionResponseTopicPartition
	settled []*partition // in the state wished for already
}

// alterPartition deals with a leader's wish to change ISRs. The leader and its
// epoch stay; nobody gets LeaderAndIsr, everybody UpdateMetadata.
func (c *Core) alterPartition(ev AlterPartitionAsked) {
	req := ev.Request
	resp := kmsg.NewPtrAlterPartitionResponse()
	resp.SetVersion(req.GetVersion())
	if b, ok := c.brokers[req.BrokerID]; !ok || b.epoch != req.BrokerEpoch {
		resp.ErrorCode = kerr.StaleBrokerEpoch.Code
		c.emit(Reply{ev.ID, resp})
		return
	}
	a := &alteration{id: ev.ID, resp: resp, pending: make(map[*partition]*kmsg.AlterPartitionResponseTopicPartition)}
	resp.Topics = make([]kmsg.AlterPartitionResponseTopic, len(req.Topics))
	for i, t := range req.Topics {
		out := &resp.Topics[i]
		out.Topic, out.TopidID = t.Topic, t.TopicID
		out.Partitions = make([]kmsg.AlterPartitionResponseTopicPartition, len(t.Partitions))
		for j := range t.Partitions {
			c.checkWish(a, req, &t, &t.Partitions[j], &out.Partitions[j])
		}
	}
	c.compareAndSet(a.wishes, "", func(written, conflicts []*partition) {
		for _, p := range written {
			a.pending[p].ErrorCode = 0
			fillState(a.pending[p], p)
		}
		c.emit(Reply{a.id, a.resp})
		if len(written) > 0 {
			c.sendMetadata(c.brokerIDs(), written...)
		}
		c.completeCaughtUp(append(written, a.settled...))
	})
}

// checkWish fills in the answer to one partition's wish; a wish that passes
// all checks gets INVALID_UPDATE_VERSION until it is written.
func (c *Core) checkWish(a *alteration, req *kmsg.AlterPartitionRequest, t *kmsg.AlterPartitionRequestTopic,
	wish *kmsg.AlterPartitionRequestTopicPartition, out *kmsg.AlterPartitionResponseTopicPartition) {
	out.Partition = wish.Partition
	name := t.Topic
	if req.GetVersion() > 1 {
		var ok bool
		if name, ok = c.names[t.TopicID]; !ok {
			out.ErrorCode = kerr.UnknownTopicID.Code
			return
		}
	}
	p := c.partition(TopicPartition{Topic: name, Partition: wish.Partition})
	if p == nil || p.leadership == nil {
		out.ErrorCode = kerr.UnknownTopicOrPartition.Code
		return
	}
	next := p.leadership.PartitionState
	next.Leader, next.ISR = req.BrokerID, wishedISR(req.GetVersion(), wish)
	next.LeaderRecoveryState = wish.LeaderRecoveryState
	if req.GetVersion() == 0 { // the field came with version 1
		next.LeaderRecoveryState = p.leadership.LeaderRecoveryState
	}
	switch err := c.judge(p, wish, next, req.GetVersion()); {
	case err != nil:
		out.ErrorCode = err.Code
	case a.pending[p] != nil:
		out.ErrorCode = kerr.InvalidRequest.Code // named twice
	case inState(p, next):
		fillState(out, p)
		a.settled = append(a.settled, p)
	default:
		out.ErrorCode = kerr.InvalidUpdateVersion.Code
		a.wishes = append(a.wishes, update{p, next})
		a.pending[p] = out
	}
}

// judge checks a wish in Kafka's order.
func (c *Core) judge(p *partition, wish *kmsg.AlterPartitionRequestTopicPartition, next znode.PartitionState, version int16) *kerr.Error {
	now := p.leadership
	switch {
	case wish.PartitionEpoch > now.version || wish.LeaderEpoch > now.LeaderEpoch:
		return kerr.NotController // it knows more than I do
	case wish.LeaderEpoch < now.LeaderEpoch:
		return kerr.FencedLeaderEpoch
	case inState(p, next):
		return nil
	case wish.PartitionEpoch < now.version:
		return kerr.InvalidUpdateVersion
	case len(next.ISR) == 0, next.LeaderRecoveryState != znode.Recovered && next.LeaderRecoveryState != znode.Recovering,
		next.LeaderRecoveryState == znode.Recovering && len(next.ISR) > 1,
		now.LeaderRecoveryState == znode.Recovered && next.LeaderRecoveryState == znode.Recovering:
		return kerr.InvalidRequest
	case slices.ContainsFunc(next.ISR, func(id int32) bool { return !c.isLive(id) }):
		if version < 2 {
			return kerr.OperationNotAttempted
		}
		return kerr.IneligibleReplica
	}
	return nil
}

// inState reports whether the partition's state is the one wished for already,
// as after a retry whose first answer was lost.
func inState(p *partition, next znode.PartitionState) bool {
	now := p.leadership
	return now.Leader == next.Leader && now.LeaderEpoch == next.LeaderEpoch &&
		now.LeaderRecoveryState == next.LeaderRecoveryState && slices.Equal(now.ISR, next.ISR)
}

func wishedISR(version int16, wish *kmsg.AlterPartitionRequestTopicPartition) []int32 {
	if version < 3 {
		return slices.Clone(wish.NewISR)
	}
	isr := make([]int32, len(wish.NewEpochISR))
	for i, m := range wish.NewEpochISR {
		isr[i] = m.BrokerID
	}
	return isr
}

func fillState(out *kmsg.AlterPartitionResponseTopicPartition, p *partition) {
	out.LeaderID, out.LeaderEpoch, out.ISR = p.leadership.Leader, p.leadership.LeaderEpoch, p.leadership.ISR
	out.LeaderRecoveryState, out.PartitionEpoch = p.leadership.LeaderRecoveryState, p.leadership.version
}

// completeCaughtUp ends the reassignments of partitions whose last target has joined the ISR.
func (c *Core) completeCaughtUp(partitions []*partition) {
	c.complete(slices.DeleteFunc(partitions, func(p *partition) bool { return !p.assignment.IsReassigning() || !p.isCaughtUp() }))
}
