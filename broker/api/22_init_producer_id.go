package api

// InitProducerId, versions 0 to 5.
//
//	v3 the client may name the producer id and epoch it had (KIP-360); that matters to transactions alone
//
// Difference from Kafka 3.9: a transactional id is answered with COORDINATOR_NOT_AVAILABLE, as this broker coordinates no
// transactions.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) initProducerID(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.InitProducerIDRequest)
	resp := kmsg.NewPtrInitProducerIDResponse()
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	switch half := (req.ProducerID == -1) != (req.ProducerEpoch == -1); {
	case req.TransactionalID != nil && *req.TransactionalID == "", req.Version >= 3 && half:
		resp.ErrorCode = kerr.InvalidRequest.Code
		return server.Now(resp)
	case req.TransactionalID != nil:
		resp.ErrorCode = kerr.CoordinatorNotAvailable.Code
		return server.Now(resp)
	}
	return d.later(ctx, r, func(ctx context.Context) kmsg.Response {
		id, err := d.ProducerIDs(ctx)
		if err != nil {
			d.Log.Warn("cannot give out a producer id", "error", err)
			resp.ErrorCode = kerr.CoordinatorLoadInProgress.Code
			return resp
		}
		resp.ProducerID, resp.ProducerEpoch = id, 0
		return resp
	})
}
