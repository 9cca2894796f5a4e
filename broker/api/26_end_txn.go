package api

// EndTxn, versions 0 to 4: a producer commits or aborts its transaction. The answer says that the outcome is decided; the
// markers follow.
//
//	v2 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH
//	v4 TRANSACTION_ABORTABLE
//
// No difference from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) endTxn(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.EndTxnRequest)
	done := make(chan kmsg.Response, 1)
	d.Transactions.End(req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit, func(err *kerr.Error) {
		resp := kmsg.NewPtrEndTxnResponse()
		resp.ErrorCode = codeNumber(oldFenced(err, req.Version < 2))
		done <- resp
	})
	return server.Later(done)
}
