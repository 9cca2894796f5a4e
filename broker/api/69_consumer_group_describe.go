package api

// ConsumerGroupDescribe, version 0: Kafka 3.9 advertises it in ZooKeeper mode, and answers UNSUPPORTED_VERSION, upon which
// clients ask DescribeGroups (KIP-848).
//
// No differences from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) consumerGroupDescribe(_ context.Context, r *server.Request) server.Reply {
	resp := kmsg.NewPtrConsumerGroupDescribeResponse()
	for _, id := range r.Request.(*kmsg.ConsumerGroupDescribeRequest).Groups {
		g := kmsg.NewConsumerGroupDescribeResponseGroup()
		g.Group, g.ErrorCode = id, kerr.UnsupportedVersion.Code
		resp.Groups = append(resp.Groups, g)
	}
	return server.Now(resp)
}
