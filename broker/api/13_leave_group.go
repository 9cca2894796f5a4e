package api

// LeaveGroup, versions 0 to 5.
//
//	v3 several members, by member id or, for an administrator, by instance id (KIP-345)
//	v5 why a member leaves (KIP-800)
//
// No differences from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/group"
	"klab/broker/server"
)

func (d *Deps) leaveGroup(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.LeaveGroupRequest)
	leaving := []group.Leaving{{MemberID: req.MemberID}}
	if req.Version >= 3 {
		leaving = make([]group.Leaving, len(req.Members))
	}
	for i := range req.Members {
		m := &req.Members[i]
		leaving[i] = group.Leaving{MemberID: m.MemberID, InstanceID: m.InstanceID}
		if m.Reason != nil {
			leaving[i].Reason = *m.Reason
		}
	}
	whole, each := d.Groups.Leave(req.Group, leaving)
	resp := kmsg.NewPtrLeaveGroupResponse()
	resp.ErrorCode = codeNumber(whole)
	if req.Version < 3 {
		if whole == nil {
			resp.ErrorCode = codeNumber(each[0])
		}
		return server.Now(resp)
	}
	for i := range each {
		m := kmsg.NewLeaveGroupResponseMember()
		m.MemberID, m.InstanceID, m.ErrorCode = leaving[i].MemberID, leaving[i].InstanceID, codeNumber(each[i])
		resp.Members = append(resp.Members, m)
	}
	return server.Now(resp)
}
