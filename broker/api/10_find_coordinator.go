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
	topic := d.coordinatorTopic(req)
	if topic == nil {
		return server.Now(unknownKeyType(req))
	}
	if !topic.Exists() {
		return d.later(ctx, r, func(ctx context.Context) kmsg.Response {
			topic.Create(ctx) // that it could not be created is in the log; the client asks again in any case
			return d.coordinators(req, r.Listener, nil)
		})
	}
	return server.Now(d.coordinators(req, r.Listener, topic))
}

// coordinatorTopic is the topic whose partitions have the coordinators of a key type; nil for types that are unknown here.
func (d *Deps) coordinatorTopic(req *kmsg.FindCoordinatorRequest) *internaltopic.Topic {
	switch {
	case req.Version == 0 || req.CoordinatorType == keyGroup:
		return d.OffsetsTopic
	case req.CoordinatorType == keyTransaction:
		return d.TransactionTopic
	default:
		return nil
	}
}

// Key types.
const (
	keyGroup       = 0
	keyTransaction = 1
	keyShare       = 2
)

// coordinators answers for every key. Without a topic nobody is available yet.
func (d *Deps) coordinators(req *kmsg.FindCoordinatorRequest, listener string, topic *internaltopic.Topic) kmsg.Response {
	resp := kmsg.NewPtrFindCoordinatorResponse()
	if req.Version < 4 {
		c := d.coordinator(req.CoordinatorKey, listener, topic)
		resp.ErrorCode, resp.ErrorMessage = c.ErrorCode, findMessage(c.ErrorCode)
		resp.NodeID, resp.Host, resp.Port = c.NodeID, c.Host, c.Port
		return resp
	}
	for _, key := range req.CoordinatorKeys {
		resp.Coordinators = append(resp.Coordinators, d.coordinator(key, listener, topic))
	}
	return resp
}

// findMessage is what Kafka says in the versions of one key; later ones say nothing.
func findMessage(code int16) *string {
	message := "NONE"
	if code != 0 {
		message = "The coordinator is not available."
	}
	return &message
}

// unknownKeyType refuses to find the coordinator of what has none here. Share groups have none yet in Kafka 3.9 either.
func unknownKeyType(req *kmsg.FindCoordinatorRequest) kmsg.Response {
	kerror, message := kerr.InvalidRequest, malformed
	if req.CoordinatorType == keyShare && req.Version >= 6 {
		kerror = kerr.CoordinatorNotAvailable
	}
	if req.CoordinatorType == keyShare && req.Version >= 4 {
		message = ""
	}
	resp := kmsg.NewPtrFindCoordinatorResponse()
	if req.Version < 4 {
		resp.ErrorCode, resp.ErrorMessage, resp.NodeID, resp.Port = kerror.Code, &message, -1, -1
		return resp
	}
	for _, key := range req.CoordinatorKeys {
		c := kmsg.NewFindCoordinatorResponseCoordinator()
		c.Key, c.NodeID, c.Port, c.ErrorCode, c.ErrorMessage = key, -1, -1, kerror.Code, &message
		resp.Coordinators = append(resp.Coordinators, c)
	}
	return resp
}

// malformed is Kafka's message for INVALID_REQUEST.
const malformed = "This most likely occurs because of a request being malformed by the client library or the message was sent " +
	"to an incompatible broker. See the broker logs for more details."

func (d *Deps) coordinator(key string, listener string, topic *internaltopic.Topic) kmsg.FindCoordinatorResponseCoordinator {
	c := kmsg.NewFindCoordinatorResponseCoordinator()
	c.Key, c.NodeID, c.Port = key, -1, -1
	message := ""
	c.ErrorMessage = &message
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
