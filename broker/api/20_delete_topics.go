package api

// DeleteTopics, versions 0 to 6. Only the controller answers it; others say NOT_CONTROLLER.
//
//	v3 TOPIC_DELETION_DISABLED in place of INVALID_REQUEST (KIP-322)
//	v6 topics may be named by id (KIP-516)
//
// Difference from Kafka 3.9: the marker is written under the check of the controller epoch, where Kafka writes it without.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) deleteTopics(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.DeleteTopicsRequest)
	return d.later(ctx, r, func(ctx context.Context) kmsg.Response { return d.Controller.DeleteTopics(ctx, req) })
}
