package api

// FindCoordinator, versions 0 to 6.
//
//	v1 key type (group, transaction) and error message
//	v4 several keys at once (KIP-699)
//	v6 share groups (KIP-932)
//
// Difference from Kafka 3.9: this broker coordinates neither groups nor transactions, so every answer is
// COORDINATOR_NOT_AVAILABLE, which clients retry.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
)

func (d *Deps) findCoordinator(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.FindCoordinatorRequest)
	resp := kmsg.NewPtrFindCoordinatorResponse()
	kerror, message := coordinatorError(req.CoordinatorType)
	if req.Version < 4 {
		resp.ErrorCode, resp.ErrorMessage = kerror.Code, &message
		resp.NodeID, resp.Port = -1, -1
		return server.Now(resp)
	}
	for _, key := range req.CoordinatorKeys {
		c := kmsg.NewFindCoordinatorResponseCoordinator()
		c.Key, c.NodeID, c.Port = key, -1, -1
		c.ErrorCode, c.ErrorMessage = kerror.Code, &message
		resp.Coordinators = append(resp.Coordinators, c)
	}
	return server.Now(resp)
}

func coordinatorError(keyType int8) (*kerr.Error, string) {
	switch keyType {
	case 0:
		return kerr.CoordinatorNotAvailable, "The coordinator is not available: this broker does not coordinate consumer groups."
	case 1:
		return kerr.CoordinatorNotAvailable, "The coordinator is not available: this broker does not coordinate transactions."
	default:
		return kerr.InvalidRequest, "The key type must be 0 (group) or 1 (transaction)."
	}
}
