package api

// AddPartitionsToTxn, versions 0 to 5.
//
//	v2 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH
//	v4 many transactions, and asking without adding, for brokers alone (KIP-890)
//	v5 TRANSACTION_ABORTABLE
//
// Difference from Kafka 3.9: a request of version 4 or 5 about no transaction is answered, where Kafka never answers.

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/internaltopic"
	"klab/broker/server"
	"klab/broker/storage"
)

func (d *Deps) addPartitionsToTxn(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.AddPartitionsToTxnRequest)
	if req.Version < 4 {
		return d.addPartitionsOfOne(req)
	}
	a := additions{results: make([]kmsg.AddPartitionsToTxnResponseTransaction, len(req.Transactions)), waiting: len(req.Transactions)}
	a.done = make(chan kmsg.Response, 1)
	if len(req.Transactions) == 0 {
		a.done <- kmsg.NewPtrAddPartitionsToTxnResponse()
	}
	for i := range req.Transactions {
		d.addPartitionsOf(&req.Transactions[i], func(errs []*kerr.Error) { a.settle(i, &req.Transactions[i], errs) })
	}
	return server.Later(a.done)
}

// addPartitionsOfOne answers a client, whose request is about one transaction.
func (d *Deps) addPartitionsOfOne(req *kmsg.AddPartitionsToTxnRequest) server.Reply {
	t := kmsg.NewAddPartitionsToTxnRequestTransaction()
	t.TransactionalID, t.ProducerID, t.ProducerEpoch = req.TransactionalID, req.ProducerID, req.ProducerEpoch
	for _, topic := range req.Topics {
		of := kmsg.NewAddPartitionsToTxnRequestTransactionTopic()
		of.Topic, of.Partitions = topic.Topic, topic.Partitions
		t.Topics = append(t.Topics, of)
	}
	done := make(chan kmsg.Response, 1)
	answer := func(errs []*kerr.Error) {
		resp := kmsg.NewPtrAddPartitionsToTxnResponse()
		for _, topic := range t.Topics {
			of := kmsg.NewAddPartitionsToTxnResponseTopic()
			of.Topic = topic.Topic
			for _, id := range topic.Partitions {
				p := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
				p.Partition, p.ErrorCode = id, codeNumber(oldFenced(errs[0], req.Version < 2))
				of.Partitions, errs = append(of.Partitions, p), errs[1:]
			}
			resp.Topics = append(resp.Topics, of)
		}
		done <- resp
	}
	if errs := d.checkPartitions(&t, true); errs != nil {
		answer(errs)
	} else {
		d.addPartitionsOf(&t, answer)
	}
	return server.Later(done)
}

// checkPartitions finds partitions that nobody can add. If there are any, the others are not tried; nil if all may be.
// Clients cannot add internal topics: AddOffsetsToTxn does.
func (d *Deps) checkPartitions(t *kmsg.AddPartitionsToTxnRequestTransaction, client bool) []*kerr.Error {
	known := d.Metadata.Snapshot()
	var errs []*kerr.Error
	refused := false
	for _, topic := range t.Topics {
		for _, id := range topic.Partitions {
			err := kerr.OperationNotAttempted
			if _, ok := known.Partition(topic.Topic, id); !ok {
				err = kerr.UnknownTopicOrPartition
			}
			if client && internaltopic.Is(topic.Topic) {
				err = kerr.TopicAuthorizationFailed
			}
			refused = refused || err != kerr.OperationNotAttempted
			errs = append(errs, err)
		}
	}
	if !refused {
		return nil
	}
	return errs
}

// addPartitionsOf adds a transaction's partitions to it, or only looks whether they belong to it. done gets an error, or
// nil, for each of them.
func (d *Deps) addPartitionsOf(t *kmsg.AddPartitionsToTxnRequestTransaction, done func([]*kerr.Error)) {
	if errs := d.checkPartitions(t, false); errs != nil {
		done(errs)
		return
	}
	var partitions []storage.TopicPartition
	for _, topic := range t.Topics {
		for _, id := range topic.Partitions {
			partitions = append(partitions, storage.TopicPartition{Topic: topic.Topic, Partition: id})
		}
	}
	errs := make([]*kerr.Error, len(partitions))
	if !t.VerifyOnly {
		d.Transactions.AddPartitions(t.TransactionalID, t.ProducerID, t.ProducerEpoch, partitions, func(err *kerr.Error) {
			for i := range errs {
				errs[i] = err
			}
			done(errs)
		})
		return
	}
	foreign, err := d.Transactions.Verify(t.TransactionalID, t.ProducerID, t.ProducerEpoch, partitions)
	for i, tp := range partitions {
		if errs[i] = err; err == nil && contains(foreign, tp) {
			errs[i] = kerr.TransactionAbortable
		}
	}
	done(errs)
}

func contains(all []storage.TopicPartition, tp storage.TopicPartition) bool {
	for _, one := range all {
		if one == tp {
			return true
		}
	}
	return false
}

// additions is a request about many transactions under way.
type additions struct {
	done chan kmsg.Response

	mu      sync.Mutex
	results []kmsg.AddPartitionsToTxnResponseTransaction
	waiting int
}

// settle notes the result of one transaction; the last one answers.
func (a *additions) settle(i int, t *kmsg.AddPartitionsToTxnRequestTransaction, errs []*kerr.Error) {
	result := kmsg.NewAddPartitionsToTxnResponseTransaction()
	result.TransactionalID = t.TransactionalID
	for _, topic := range t.Topics {
		of := kmsg.NewAddPartitionsToTxnResponseTransactionTopic()
		of.Topic = topic.Topic
		for _, id := range topic.Partitions {
			p := kmsg.NewAddPartitionsToTxnResponseTransactionTopicPartition()
			p.Partition, p.ErrorCode = id, codeNumber(errs[0])
			of.Partitions, errs = append(of.Partitions, p), errs[1:]
		}
		result.Topics = append(result.Topics, of)
	}
	a.mu.Lock()
	a.results[i] = result
	a.waiting--
	last := a.waiting == 0
	a.mu.Unlock()
	if last {
		resp := kmsg.NewPtrAddPartitionsToTxnResponse()
		resp.Transactions = a.results
		a.done <- resp
	}
}
