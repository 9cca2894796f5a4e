package api

// TxnOffsetCommit, versions 0 to 4: offsets that count when the producer's transaction is committed (KIP-98).
//
//	v2 the leader epoch of the committed offset (KIP-320)
//	v3 member and generation, which fence zombies (KIP-447)
//	v4 TRANSACTION_ABORTABLE (KIP-890)
//
// No differences from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/group"
	"klab/broker/server"
)

func (d *Deps) txnOffsetCommit(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.TxnOffsetCommitRequest)
	c := &group.Commit{
		Membership:    group.Membership{Generation: -1},
		Transactional: true,
		ProducerID:    req.ProducerID,
		ProducerEpoch: req.ProducerEpoch,
	}
	if req.Version >= 3 {
		c.Membership = group.Membership{MemberID: req.MemberID, InstanceID: req.InstanceID, Generation: req.Generation}
	}
	known, now := d.Metadata.Snapshot(), d.Clock()
	var unknown []group.TopicPartition
	for i := range req.Topics {
		for _, p := range req.Topics[i].Partitions {
			_, ok := known.Partition(req.Topics[i].Topic, p.Partition)
			if !ok {
				unknown = append(unknown, group.TopicPartition{Topic: req.Topics[i].Topic, Partition: p.Partition})
				continue
			}
			c.Offsets = append(c.Offsets, committedOffset(req.Topics[i].Topic, p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, now))
		}
	}
	c.Offsets = lastOfEach(c.Offsets)
	if len(c.Offsets) == 0 {
		return server.Now(txnOffsetCommitted(unknown, nil, nil))
	}
	tx := group.Transaction{ID: req.TransactionalID, ProducerID: req.ProducerID, ProducerEpoch: req.ProducerEpoch, Version: req.Version}
	done := make(chan kmsg.Response, 1)
	d.Groups.CommitInTransaction(req.Group, tx, c, func(errs []*kerr.Error) {
		done <- txnOffsetCommitted(unknown, c.Offsets, oldTxnErrors(req.Version, errs))
	})
	return server.Later(done)
}

// txnOffsetCommitted says what became of each partition; errs are those of the offsets.
func txnOffsetCommitted(unknown []group.TopicPartition, offsets []group.CommittedOffset, errs []*kerr.Error) kmsg.Response {
	resp := kmsg.NewPtrTxnOffsetCommitResponse()
	for _, t := range outcomes(unknown, offsets, errs) {
		rt := kmsg.NewTxnOffsetCommitResponseTopic()
		rt.Topic = t.topic
		for _, o := range t.partitions {
			p := kmsg.NewTxnOffsetCommitResponseTopicPartition()
			p.Partition, p.ErrorCode = o.partition, o.code
			rt.Partitions = append(rt.Partitions, p)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// oldTxnErrors are errors as a version knows them: clients before v2 know nothing of a coordinator that loads.
func oldTxnErrors(version int16, errs []*kerr.Error) []*kerr.Error {
	for i, err := range errs {
		if version < 2 && err == kerr.CoordinatorLoadInProgress {
			errs[i] = kerr.CoordinatorNotAvailable
		}
	}
	return errs
}
