package api

// CreatePartitions, versions 0 to 3. Only the controller answers it; others say NOT_CONTROLLER.
//
// Differences from Kafka 3.9: the assignment is written at the version it was read, where Kafka writes it unconditionally:
// of two requests at the same time one may fail; an assignment that ZooKeeper would not take is refused, where Kafka sends
// it for ever.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) createPartitions(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.CreatePartitionsRequest)
	return d.later(ctx, r, func(ctx context.Context) kmsg.Response { return d.Controller.CreatePartitions(ctx, req) })
}
