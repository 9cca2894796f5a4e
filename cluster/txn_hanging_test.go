package cluster

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// coordinators is what the fake brokers are to say of transactions: producer 7 has one open in orders/0 since 1970.
type coordinators struct {
	list       int16              // error code of broker 1's list
	listed     bool               // broker 0 lists producer 7 as "billing"
	describe   int16              // error code of the description
	partitions map[string][]int32 // of its transaction
}

func (k coordinators) control(fake *kfake.Cluster) {
	fake.ControlKey(int16(kmsg.DescribeProducers), func(r kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		resp := r.ResponseKind().(*kmsg.DescribeProducersResponse)
		for _, asked := range r.(*kmsg.DescribeProducersRequest).Topics {
			t := kmsg.NewDescribeProducersResponseTopic()
			t.Topic = asked.Topic
			for _, id := range asked.Partitions {
				p := kmsg.NewDescribeProducersResponseTopicPartition()
				p.Partition = id
				if id == 0 {
					open := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
					open.ProducerID, open.LastTimestamp, open.CurrentTxnStartOffset = 7, 1000, 42
					p.ActiveProducers = append(p.ActiveProducers, open)
				}
				t.Partitions = append(t.Partitions, p)
			}
			resp.Topics = append(resp.Topics, t)
		}
		return resp, nil, true
	})
	fake.ControlKey(int16(kmsg.ListTransactions), func(r kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		resp := r.ResponseKind().(*kmsg.ListTransactionsResponse)
		switch node := fake.CurrentNode(); {
		case node == 1:
			resp.ErrorCode = k.list
		case node == 0 && k.listed:
			state := kmsg.NewListTransactionsResponseTransactionState()
			state.TransactionalID, state.ProducerID, state.TransactionState = "billing", 7, "Ongoing"
			resp.TransactionStates = append(resp.TransactionStates, state)
		}
		return resp, nil, true
	})
	fake.ControlKey(int16(kmsg.DescribeTransactions), func(r kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		resp := r.ResponseKind().(*kmsg.DescribeTransactionsResponse)
		state := kmsg.NewDescribeTransactionsResponseTransactionState()
		state.TransactionalID, state.ErrorCode, state.ProducerID, state.State = "billing", k.describe, 7, "Ongoing"
		for topic, partitions := range k.partitions {
			t := kmsg.NewDescribeTransactionsResponseTransactionStateTopic()
			t.Topic, t.Partitions = topic, partitions
			state.Topics = append(state.Topics, t)
		}
		resp.TransactionStates = append(resp.TransactionStates, state)
		return resp, nil, true
	})
}

// TestOnlyWhatNoCoordinatorKnowsHangs: aborting a transaction that is not hanging tears it, so what a coordinator may know is
// not called hanging.
func TestOnlyWhatNoCoordinatorKnowsHangs(t *testing.T) {
	for name, c := range map[string]struct {
		coordinators
		hangs  bool
		failed error
	}{
		"nobody knows the producer":       {hangs: true},
		"its transaction is elsewhere":    {coordinators: coordinators{listed: true, partitions: map[string][]int32{"orders": {1}}}, hangs: true},
		"its id was forgotten since":      {coordinators: coordinators{listed: true, describe: kerr.TransactionalIDNotFound.Code}, hangs: true},
		"its transaction is here":         {coordinators: coordinators{listed: true, partitions: map[string][]int32{"orders": {0}}}},
		"a coordinator does not answer":   {coordinators: coordinators{list: kerr.UnknownServerError.Code}, failed: kerr.UnknownServerError},
		"its coordinator does not answer": {coordinators: coordinators{listed: true, describe: kerr.UnknownServerError.Code}, failed: kerr.UnknownServerError},
	} {
		t.Run(name, func(t *testing.T) {
			fake := fakeKafka(t, kfake.SeedTopics(2, "orders"))
			c.control(fake)
			found, err := connect(t, fake).FindHanging(t.Context(), FindHanging{MaxTimeout: DefaultTxnTimeout})
			if !errors.Is(err, c.failed) || err != nil && c.failed == nil {
				t.Errorf("error %v, want %v", err, c.failed)
			}
			if hangs := len(found) == 1 && found[0].ID == 7 && found[0].TxnStart == 42; hangs != c.hangs || len(found) > 1 {
				t.Errorf("found %+v, hanging is to be %v", found, c.hangs)
			}
		})
	}
}
