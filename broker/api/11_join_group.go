package api

// JoinGroup, versions 0 to 9.
//
//	v1 rebalance timeout (KIP-62); before, it is the session timeout
//	v4 a new dynamic member joins twice: it is told its member id first (KIP-394)
//	v5 static members (KIP-345)
//	v7 protocol type in the response (KIP-559)
//	v8 why the member joins (KIP-800)
//	v9 a leader that comes back may be told not to assign (KIP-814)
//
// No differences from Kafka 3.9.

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/group"
	"klab/broker/server"
)

func (d *Deps) joinGroup(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.JoinGroupRequest)
	done := make(chan kmsg.Response, 1)
	d.Groups.Join(req.Group, joinOf(req, r), func(j group.JoinReply) { done <- joinResponse(req.Version, &j) })
	return server.Later(done)
}

// joinOf is the request in the coordinator's terms. It shares no memory with the request.
func joinOf(req *kmsg.JoinGroupRequest, r *server.Request) *group.Join {
	j := &group.Join{
		MemberID:         req.MemberID,
		InstanceID:       req.InstanceID,
		ClientID:         r.ClientID,
		Host:             clientHost(r.RemoteAddr),
		Session:          time.Duration(req.SessionTimeoutMillis) * time.Millisecond,
		Rebalance:        time.Duration(req.RebalanceTimeoutMillis) * time.Millisecond,
		ProtocolType:     req.ProtocolType,
		NeedsKnownID:     req.Version >= 4 && req.InstanceID == nil,
		CanSkip:          req.Version >= 9,
		UniqueMemberPart: newUUID(),
	}
	if req.Version == 0 {
		j.Rebalance = j.Session
	}
	if req.Reason != nil {
		j.Reason = *req.Reason
	}
	for i := range req.Protocols {
		j.Protocols = append(j.Protocols, group.Protocol{Name: req.Protocols[i].Name, Metadata: slices.Clone(req.Protocols[i].Metadata)})
	}
	return j
}

func joinResponse(version int16, j *group.JoinReply) kmsg.Response {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.ErrorCode, resp.Generation, resp.MemberID = codeNumber(j.Err), j.Generation, j.MemberID
	resp.ProtocolType, resp.Protocol, resp.LeaderID, resp.SkipAssignment = j.ProtocolType, j.Protocol, j.Leader, j.SkipAssignment
	if version < 7 && resp.Protocol == nil {
		resp.Protocol = new(string)
	}
	for i := range j.Members {
		m := kmsg.NewJoinGroupResponseMember()
		m.MemberID, m.InstanceID, m.ProtocolMetadata = j.Members[i].MemberID, j.Members[i].InstanceID, j.Members[i].Metadata
		resp.Members = append(resp.Members, m)
	}
	return resp
}

// clientHost is an address as Java writes it, and Kafka shows it.
func clientHost(a net.Addr) string {
	if a == nil {
		return "/"
	}
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return "/" + a.String()
	}
	return "/" + host
}

// newUUID is a random UUID in its usual form.
func newUUID() string {
	var u [16]byte
	rand.Read(u[:]) // never fails
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
