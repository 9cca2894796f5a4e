package api

// AlterPartitionReassignments, version 0 (KIP-455). Only the controller answers it; others say NOT_CONTROLLER.
//
// Differences from Kafka 3.9: a partition that never had a leader gets one from among the new replicas at once, where Kafka
// waits for the next broker to start; topics' nodes are written at the version that was read, so that partitions added at
// the same time are not lost, and a request by which one would become larger than ZooKeeper takes is refused; a replica that
// an earlier reassignment added and that leads hands over before it is removed, where Kafka leaves the partition without a
// leader.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) alterPartitionReassignments(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.AlterPartitionAssignmentsRequest)
	return d.later(ctx, r, func(ctx context.Context) kmsg.Response { return d.Controller.AlterReassignments(ctx, req) })
}
