package api

// AddOffsetsToTxn, versions 0 to 4: the partition of __consumer_offsets that has a group's offsets joins the transaction.
//
//	v2 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH
//	v4 TRANSACTION_ABORTABLE
//
// No difference from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/internaltopic"
	"klab/broker/server"
	"klab/broker/storage"
)

func (d *Deps) addOffsetsToTxn(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.AddOffsetsToTxnRequest)
	done := make(chan kmsg.Response, 1)
	offsets := storage.TopicPartition{Topic: internaltopic.ConsumerOffsets, Partition: d.OffsetsTopic.PartitionOf(req.Group)}
	d.Transactions.AddPartitions(req.TransactionalID, req.ProducerID, req.ProducerEpoch, []storage.TopicPartition{offsets}, func(err *kerr.Error) {
		resp := kmsg.NewPtrAddOffsetsToTxnResponse()
		resp.ErrorCode = codeNumber(oldFenced(err, req.Version < 2))
		done <- resp
	})
	return server.Later(done)
}
