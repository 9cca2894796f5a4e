package api

// ListTransactions, versions 0 and 1 (KIP-664): the transactional ids that this broker coordinates.
//
//	v1 only those whose transaction is open for longer than a time (KIP-994)
//
// No difference from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
	"klab/broker/txn"
)

func (d *Deps) listTransactions(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.ListTransactionsRequest)
	resp := kmsg.NewPtrListTransactionsResponse()
	f := txn.Filter{ByState: len(req.StateFilters) > 0, ProducerIDs: req.ProducerIDFilters, LongerMs: -1}
	if req.Version >= 1 {
		f.LongerMs = req.DurationFilterMillis
	}
	var unknown []string
	for _, name := range req.StateFilters {
		if s, ok := txn.ParseState(name); ok {
			f.States = append(f.States, s)
		} else {
			unknown = append(unknown, name)
		}
	}
	found, err := d.Transactions.List(f)
	if err != nil {
		resp.ErrorCode = err.Code
		return server.Now(resp)
	}
	resp.UnknownStateFilters = unknown
	for _, l := range found {
		s := kmsg.NewListTransactionsResponseTransactionState()
		s.TransactionalID, s.ProducerID, s.TransactionState = l.ID, l.ProducerID, l.State.String()
		resp.TransactionStates = append(resp.TransactionStates, s)
	}
	return server.Now(resp)
}
