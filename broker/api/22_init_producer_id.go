package api

// InitProducerId, versions 0 to 5.
//
//	v3 the client may name the producer id and epoch it had (KIP-360); that matters to transactions alone
//	v4 PRODUCER_FENCED instead of INVALID_PRODUCER_EPOCH
//
// No difference from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
	"klab/broker/txn"
)

func (d *Deps) initProducerID(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.InitProducerIDRequest)
	if half := (req.ProducerID == -1) != (req.ProducerEpoch == -1); req.Version >= 3 && half {
		return server.Now(producerIDAnswer(-1, -1, kerr.InvalidRequest))
	}
	if req.TransactionalID == nil {
		return d.later(ctx, r, d.nextProducerID)
	}
	return d.later(ctx, r, func(ctx context.Context) kmsg.Response {
		init := txn.Init{TimeoutMs: req.TransactionTimeoutMillis, ProducerID: -1, ProducerEpoch: -1}
		if req.Version >= 3 {
			init.ProducerID, init.ProducerEpoch = req.ProducerID, req.ProducerEpoch
		}
		id, epoch, err := d.Transactions.InitProducerID(ctx, *req.TransactionalID, init)
		if err != nil {
			id, epoch = -1, -1
		}
		return producerIDAnswer(id, epoch, oldFenced(err, req.Version < 4))
	})
}

// nextProducerID serves a producer that is idempotent and no more.
func (d *Deps) nextProducerID(ctx context.Context) kmsg.Response {
	id, err := d.ProducerIDs(ctx)
	if err != nil {
		d.Log.Warn("cannot give out a producer id", "error", err)
		return producerIDAnswer(-1, -1, kerr.CoordinatorLoadInProgress)
	}
	return producerIDAnswer(id, 0, nil)
}

func producerIDAnswer(id int64, epoch int16, err *kerr.Error) kmsg.Response {
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.ProducerID, resp.ProducerEpoch, resp.ErrorCode = id, epoch, codeNumber(err)
	return resp
}

// oldFenced puts PRODUCER_FENCED in the words of clients that do not know it.
func oldFenced(err *kerr.Error, old bool) *kerr.Error {
	if old && err == kerr.ProducerFenced {
		return kerr.InvalidProducerEpoch
	}
	return err
}
