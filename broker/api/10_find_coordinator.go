package api

// FindCoordinator, versions 0 to 6.
//
//	v1 key type (group, transaction) and error message
//	v4 several keys at once (KIP-699)
//	v6 share groups (KIP-932), which this broker does not serve
//
// No differences from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/internaltopic"
	"klab/broker/server"
)

func (d *Deps) findCoordinator(ctx context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.FindCoordinatorRequest)
	topic := d.coordinatorTopic(req.CoordinatorType)
	if topic != nil && !topic.Exists() {
		return d.later(ctx, r, func(ctx context.Context) kmsg.Response {
			topic.Create(ctx) // that it could not be created is in the log; the client asks again in any case
			return d.coordinators(req, r.Listener, nil)
		})
	}
	return server.Now(d.coordinators(req, r.Listener, topic))
}

// coordinatorTopic is the topic whose partitions have the coordinators of a key type; nil for types that are unknown here.
func (d *Deps) coordinatorTopic(keyType int8) *internaltopic.Topic {
	switch keyType {
	case 0:
		return d.OffsetsTopic
	case 1:
		return d.TransactionTopic
	default:
		return nil
	}
}

// coordinators answers for every key. Without a topic nobody is available yet.
func (d *Deps) coordinators(req *kmsg.FindCoordinatorRequest, listener string, topic *internaltopic.Topic) kmsg.Response {
	resp := kmsg.NewPtrFindCoordinatorResponse()
	if req.Version < 4 {
		c := d.coordinator(req.CoordinatorKey, req.CoordinatorType, listener, topic)
		resp.ErrorCode, resp.ErrorMessage = c.ErrorCode, c.ErrorMessage
		resp.NodeID, resp.Host, resp.Port = c.NodeID, c.Host, c.Port
		return resp
	}
	for _, key := range req.CoordinatorKeys {
		resp.Coordinators = append(resp.Coordinators, d.coordinator(key, req.CoordinatorType, listener, topic))
	}
	return resp
}

func (d *Deps) coordinator(key string, keyType int8, listener string, topic *internaltopic.Topic) kmsg.FindCoordinatorResponseCoordinator {
	c := kmsg.NewFindCoordinatorResponseCoordinator()
	c.Key, c.NodeID, c.Port = key, -1, -1
	message := ""
	c.ErrorMessage = &message
	if keyType < 0 || keyType > 1 {
		c.ErrorCode = kerr.InvalidRequest.Code
		return c
	}
	c.ErrorCode = kerr.CoordinatorNotAvailable.Code
	if topic == nil {
		return c
	}
	id, ok := topic.Leader(topic.PartitionOf(key))
	if !ok {
		return c
	}
	if at, ok := d.Metadata.Snapshot().Endpoint(id, listener); ok {
		c.ErrorCode, c.NodeID, c.Host, c.Port = 0, id, at.Host, at.Port
	}
	return c
}
