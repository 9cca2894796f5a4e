//go:build e2e || interop

package e2e

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func joinOf(group, member string, protocols ...string) *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.ProtocolType = group, member, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 30000, 20000
	for _, p := range protocols {
		req.Protocols = append(req.Protocols, kmsg.JoinGroupRequestProtocol{Name: p, Metadata: subscription("grouped")})
	}
	return req
}

// subscription is a consumer's metadata, version 0: it wants these topics.
func subscription(topics ...string) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Topics = topics
	return m.AppendTo(nil)
}

// syncOf asks for an assignment; with members, it is the leader's and assigns their ids to them.
func syncOf(group, member string, generation int32, members ...string) *kmsg.SyncGroupRequest {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Group, req.MemberID, req.Generation = group, member, generation
	kind, protocol := "consumer", "range"
	req.ProtocolType, req.Protocol = &kind, &protocol
	if group == "many-kinds" {
		req.ProtocolType, req.Protocol = nil, nil
	}
	for i, m := range members {
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: m, MemberAssignment: []byte(fmt.Sprintf("share %d", i))})
	}
	return req
}

func heartbeatOf(group, member string, generation int32) *kmsg.HeartbeatRequest {
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group, req.MemberID, req.Generation = group, member, generation
	return req
}

func leaveOf(group string, members ...string) *kmsg.LeaveGroupRequest {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = group, members[0]
	for _, m := range members {
		req.Members = append(req.Members, kmsg.LeaveGroupRequestMember{MemberID: m})
	}
	return req
}

func leaveAs(group, member, instance string) *kmsg.LeaveGroupRequest {
	req := leaveOf(group, member)
	req.Members[0].InstanceID = &instance
	return req
}

func describeGroups(groups ...string) *kmsg.DescribeGroupsRequest {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = groups
	return req
}

func deleteGroups(groups ...string) *kmsg.DeleteGroupsRequest {
	req := kmsg.NewPtrDeleteGroupsRequest()
	req.Groups = groups
	return req
}

// listGroups filters by states and types, separated by commas; - is no filter.
func listGroups(states, types string) *kmsg.ListGroupsRequest {
	req := kmsg.NewPtrListGroupsRequest()
	if states != "-" {
		req.StatesFilter = strings.Split(states, ",")
	}
	if types != "-" {
		req.TypesFilter = strings.Split(types, ",")
	}
	return req
}
