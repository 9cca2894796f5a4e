package api

// ConsumerGroupHeartbeat, version 0: Kafka 3.9 advertises it in ZooKeeper mode, and answers UNSUPPORTED_VERSION, since its
// coordinator knows the classic protocol only (KIP-848).
//
// No differences from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) consumerGroupHeartbeat(context.Context, *server.Request) server.Reply {
	resp := kmsg.NewPtrConsumerGroupHeartbeatResponse()
	resp.ErrorCode = kerr.UnsupportedVersion.Code
	return server.Now(resp)
}
