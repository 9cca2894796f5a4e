package api

// Heartbeat, versions 0 to 4.
//
//	v3 static members (KIP-345)
//
// No differences from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/group"
	"klab/broker/server"
)

func (d *Deps) heartbeat(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.HeartbeatRequest)
	resp := kmsg.NewPtrHeartbeatResponse()
	resp.ErrorCode = codeNumber(d.Groups.Heartbeat(req.Group, group.Membership{
		MemberID: req.MemberID, InstanceID: req.InstanceID, Generation: req.Generation,
	}))
	return server.Now(resp)
}
