package api

// AllocateProducerIds, version 0. A broker asks the controller for a block of producer ids (KIP-730).
//
// No difference from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) allocateProducerIDs(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.AllocateProducerIDsRequest)
	return d.later(ctx, r, func(ctx context.Context) kmsg.Response { return d.Controller.AllocateProducerIDs(ctx, req) })
}
