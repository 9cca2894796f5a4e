//go:build e2e || interop

package e2e

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func initOf(id string) *kmsg.InitProducerIDRequest {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis = &id, 60000
	return req
}

// addPartitionsOf fills the request's fields of old and of new versions.
func addPartitionsOf(p rawProducer, topic string, partitions ...int32) *kmsg.AddPartitionsToTxnRequest {
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = p.txn, p.id, p.epoch
	req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: topic, Partitions: partitions}}
	t := kmsg.NewAddPartitionsToTxnRequestTransaction()
	t.TransactionalID, t.ProducerID, t.ProducerEpoch = p.txn, p.id, p.epoch
	t.Topics = []kmsg.AddPartitionsToTxnRequestTransactionTopic{{Topic: topic, Partitions: partitions}}
	req.Transactions = append(req.Transactions, t)
	return req
}

func addOffsetsOf(p rawProducer, group string) *kmsg.AddOffsetsToTxnRequest {
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = p.txn, p.id, p.epoch, group
	return req
}

func endOf(p rawProducer, commit bool) *kmsg.EndTxnRequest {
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = p.txn, p.id, p.epoch, commit
	return req
}

func txnCommitOf(p rawProducer, group, topic string, partition int32, offset int64) *kmsg.TxnOffsetCommitRequest {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch, req.Generation = p.txn, group, p.id, p.epoch, -1
	t := kmsg.NewTxnOffsetCommitRequestTopic()
	t.Topic = topic
	c := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	c.Partition, c.Offset, c.Metadata = partition, offset, kmsg.StringPtr("m")
	t.Partitions = append(t.Partitions, c)
	req.Topics = append(req.Topics, t)
	return req
}

// txnProduceOf is a request with one transactional batch of one record, to partition 0.
func txnProduceOf(p rawProducer, topic string, _ int32, sequence int32) *kmsg.ProduceRequest {
	spec := batchSpec{values: []string{fmt.Sprintf("%s %d", p.txn, sequence)}, attributes: 0x10, producer: p.id, epoch: p.epoch, sequence: sequence}
	if spec.producer == 0 {
		spec.producer = 990000 // an id that was not given: the answer of a cluster without transactions is not compared
	}
	req := produceOf(-1, topic, spec.build())
	req.TransactionID = &p.txn
	return req
}

func describeProducers(topic string, partitions ...int32) kmsg.Request {
	req := kmsg.NewPtrDescribeProducersRequest()
	req.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: topic, Partitions: partitions}}
	return req
}

func describeTransactions(ids ...string) kmsg.Request {
	req := kmsg.NewPtrDescribeTransactionsRequest()
	req.TransactionalIDs = ids
	return req
}

func listTransactions(states ...string) *kmsg.ListTransactionsRequest {
	req := kmsg.NewPtrListTransactionsRequest()
	req.StateFilters = states
	return req
}
