package api

// DescribeGroups, versions 0 to 5. A group that is not there is described as Dead.
//
//	v3 authorized operations (KIP-430)
//	v4 instance ids of static members (KIP-345)
//
// No differences from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/group"
	"klab/broker/server"
)

// allGroupOperations are the operations on a group as a bit field: read, delete, describe (KIP-430).
const allGroupOperations = 1<<3 | 1<<6 | 1<<8

func (d *Deps) describeGroups(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.DescribeGroupsRequest)
	resp := kmsg.NewPtrDescribeGroupsResponse()
	for _, id := range req.Groups {
		g := kmsg.NewDescribeGroupsResponseGroup()
		g.Group = id
		found, kerror := d.Groups.Describe(id)
		if kerror != nil {
			g.ErrorCode = kerror.Code
		} else {
			describeGroup(&g, &found)
			if req.Version >= 3 && req.IncludeAuthorizedOperations {
				g.AuthorizedOperations = allGroupOperations
			}
		}
		resp.Groups = append(resp.Groups, g)
	}
	return server.Now(resp)
}

func describeGroup(g *kmsg.DescribeGroupsResponseGroup, found *group.Described) {
	g.State, g.ProtocolType, g.Protocol = found.State.String(), found.ProtocolType, found.Protocol
	for i := range found.Members {
		m, from := kmsg.NewDescribeGroupsResponseGroupMember(), &found.Members[i]
		m.MemberID, m.InstanceID, m.ClientID, m.ClientHost = from.MemberID, from.InstanceID, from.ClientID, from.Host
		m.ProtocolMetadata, m.MemberAssignment = from.Metadata, from.Assignment
		g.Members = append(g.Members, m)
	}
}
