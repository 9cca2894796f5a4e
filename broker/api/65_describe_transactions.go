package api

// DescribeTransactions, version 0 (KIP-664): the state of transactional ids, from their coordinator.
//
// No difference from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) describeTransactions(_ context.Context, r *server.Request) server.Reply {
	resp := kmsg.NewPtrDescribeTransactionsResponse()
	for _, id := range r.Request.(*kmsg.DescribeTransactionsRequest).TransactionalIDs {
		resp.TransactionStates = append(resp.TransactionStates, d.describeTransaction(id))
	}
	return server.Now(resp)
}

func (d *Deps) describeTransaction(id string) kmsg.DescribeTransactionsResponseTransactionState {
	s := kmsg.NewDescribeTransactionsResponseTransactionState()
	s.TransactionalID = id
	m, err := d.Transactions.Describe(id)
	if err != nil {
		s.ErrorCode = err.Code
		return s
	}
	s.State, s.TimeoutMillis, s.StartTimestamp = m.State.String(), m.TimeoutMs, m.StartedMs
	s.ProducerID, s.ProducerEpoch = m.ProducerID, m.ProducerEpoch
	for _, tp := range m.Partitions { // sorted by topic
		if n := len(s.Topics); n == 0 || s.Topics[n-1].Topic != tp.Topic {
			t := kmsg.NewDescribeTransactionsResponseTransactionStateTopic()
			t.Topic = tp.Topic
			s.Topics = append(s.Topics, t)
		}
		last := &s.Topics[len(s.Topics)-1]
		last.Partitions = append(last.Partitions, tp.Partition)
	}
	return s
}
