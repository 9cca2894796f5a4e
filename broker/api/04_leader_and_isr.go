package api

// LeaderAndIsr, versions 0 to 7: the controller tells what each replica of this broker shall be.
//
//	v2  broker epoch, partitions grouped by topic (KIP-380)
//	v5  topic ids (KIP-516)
//	v6  leader recovery state (KIP-704)
//
// No differences from Kafka 3.9 in ZooKeeper mode.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) leaderAndISR(_ context.Context, r *server.Request) server.Reply {
	return server.Now(d.Replicas.BecomeLeaderOrFollower(r.Request.(*kmsg.LeaderAndISRRequest)))
}
