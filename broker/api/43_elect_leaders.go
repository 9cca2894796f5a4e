package api

// ElectLeaders, versions 0 to 2. Only the controller answers it; others say NOT_CONTROLLER.
//
//	v1 unclean elections too (KIP-460), and an error for the whole
//
// No difference from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) electLeaders(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.ElectLeadersRequest)
	return d.later(ctx, r, func(ctx context.Context) kmsg.Response { return d.Controller.ElectLeaders(ctx, req) })
}
