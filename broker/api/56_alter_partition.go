package api

// AlterPartition, versions 0 to 3. A leader asks the controller to change the ISR (KIP-497).
//
//	v1 the leader recovery state (KIP-704)
//	v2 topics by id, INELIGIBLE_REPLICA (KIP-841)
//	v3 members of the ISR with their broker epochs (KIP-903), which in ZooKeeper mode nobody checks
//
// A difference from Kafka 3.9: a leader recovery state that there is not is INVALID_REQUEST for the partition, where Kafka fails
// as a whole with UNKNOWN_SERVER_ERROR.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) alterPartition(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.AlterPartitionRequest)
	return d.later(ctx, r, func(ctx context.Context) kmsg.Response { return d.Controller.AlterPartition(ctx, req) })
}
