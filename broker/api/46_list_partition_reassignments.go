package api

// ListPartitionReassignments, version 0 (KIP-455). Only the controller answers it; others say NOT_CONTROLLER.
//
// No difference from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) listPartitionReassignments(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.ListPartitionReassignmentsRequest)
	return d.later(ctx, r, func(ctx context.Context) kmsg.Response { return d.Controller.ListReassignments(ctx, req) })
}
