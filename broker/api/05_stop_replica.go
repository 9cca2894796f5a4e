package api

// StopReplica, versions 0 to 4: the controller takes replicas away from this broker, with their logs or without.
//
//	v1  broker epoch (KIP-380)
//	v3  leader epoch and deletion a partition (KIP-570)
//
// No differences from Kafka 3.9 in ZooKeeper mode.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) stopReplica(_ context.Context, r *server.Request) server.Reply {
	return server.Now(d.Replicas.StopReplicas(r.Request.(*kmsg.StopReplicaRequest)))
}
