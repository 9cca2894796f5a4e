package api

// SyncGroup, versions 0 to 5.
//
//	v3 static members (KIP-345)
//	v5 protocol type and name, checked and answered (KIP-559)
//
// No differences from Kafka 3.9.

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/group"
	"klab/broker/server"
)

func (d *Deps) syncGroup(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.SyncGroupRequest)
	if req.Version >= 5 && (req.ProtocolType == nil || req.Protocol == nil) {
		resp := kmsg.NewPtrSyncGroupResponse()
		resp.ErrorCode = kerr.InconsistentGroupProtocol.Code
		return server.Now(resp)
	}
	s := &group.Sync{
		Membership:   group.Membership{MemberID: req.MemberID, InstanceID: req.InstanceID, Generation: req.Generation},
		ProtocolType: req.ProtocolType,
		Protocol:     req.Protocol,
		Assignments:  make(map[string][]byte, len(req.GroupAssignment)),
	}
	for i := range req.GroupAssignment {
		s.Assignments[req.GroupAssignment[i].MemberID] = slices.Clone(req.GroupAssignment[i].MemberAssignment)
	}
	done := make(chan kmsg.Response, 1)
	d.Groups.Sync(req.Group, s, func(a group.SyncReply) {
		resp := kmsg.NewPtrSyncGroupResponse()
		resp.ErrorCode, resp.ProtocolType, resp.Protocol, resp.MemberAssignment = codeNumber(a.Err), a.ProtocolType, a.Protocol, a.Assignment
		done <- resp
	})
	return server.Later(done)
}
