package api

// ControlledShutdown, versions 0 to 3. A broker asks the controller to take its leaderships.
//
//	v2 the broker names its epoch (KIP-380)
//
// No difference from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) controlledShutdown(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.ControlledShutdownRequest)
	return d.later(ctx, r, func(ctx context.Context) kmsg.Response { return d.Controller.ControlledShutdown(ctx, req) })
}
