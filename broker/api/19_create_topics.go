package api

// CreateTopics, versions 0 to 7. Only the controller answers it; others say NOT_CONTROLLER.
//
//	v1 a dry run (validateOnly), and messages beside errors
//	v4 -1 partitions or replicas mean the broker's defaults (KIP-464)
//	v5 the answer describes the topic (KIP-525)
//	v7 and has its id (KIP-516)
//
// Differences from Kafka 3.9: no create.topic.policy.class.name, and the topic is written under the check of the
// controller epoch, where Kafka writes it without; an assignment of no replicas is refused, where Kafka makes a topic that
// nothing can be done with; what ZooKeeper would not take in one request is refused, where Kafka sends it for ever; of names
// that collide in requests at the same time one is refused, where Kafka may take both.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) createTopics(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.CreateTopicsRequest)
	return d.later(ctx, r, func(ctx context.Context) kmsg.Response { return d.Controller.CreateTopics(ctx, req) })
}
