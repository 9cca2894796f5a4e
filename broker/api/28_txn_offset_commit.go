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
	var unknown []bool
	for i := range req.Topics {
		for _, p := range req.Topics[i].Partitions {
			_, ok := known.Partition(req.Topics[i].Topic, p.Partition)
			unknown = append(unknown, !ok)
			if ok {
				c.Offsets = append(c.Offsets, committedOffset(req.Topics[i].Topic, p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, now))
			}
		}
	}
	if len(c.Offsets) == 0 {
		return server.Now(txnOffsetCommitted(req, unknown, nil))
	}
	tx := group.Transaction{ID: req.TransactionalID, ProducerID: req.ProducerID, ProducerEpoch: req.ProducerEpoch, Version: req.Version}
	done := make(chan kmsg.Response, 1)
	d.Groups.CommitInTransaction(req.Group, tx, c, func(errs []*kerr.Error) { done <- txnOffsetCommitted(req, unknown, errs) })
	return server.Later(done)
}

// txnOffsetCommitted says what became of each partition; errs are those of the partitions that are known. Clients before v2
// know nothing of a coordinator that loads (kafka-formats D.13).
func txnOffsetCommitted(req *kmsg.TxnOffsetCommitRequest, unknown []bool, errs []*kerr.Error) kmsg.Response {
	resp := kmsg.NewPtrTxnOffsetCommitResponse()
	for i := range req.Topics {
		t := kmsg.NewTxnOffsetCommitResponseTopic()
		t.Topic = req.Topics[i].Topic
		for _, asked := range req.Topics[i].Partitions {
			p := kmsg.NewTxnOffsetCommitResponseTopicPartition()
			p.Partition = asked.Partition
			if unknown[0] {
				p.ErrorCode = kerr.UnknownTopicOrPartition.Code
			} else {
				p.ErrorCode = oldTxnError(req.Version, errs[0])
				errs = errs[1:]
			}
			unknown = unknown[1:]
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

func oldTxnError(version int16, err *kerr.Error) int16 {
	if version < 2 && err == kerr.CoordinatorLoadInProgress {
		return kerr.CoordinatorNotAvailable.Code
	}
	return codeNumber(err)
}
