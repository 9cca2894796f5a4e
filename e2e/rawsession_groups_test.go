//go:build e2e || interop

package e2e

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupsSession is about consumer groups: FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup, DescribeGroups,
// ListGroups and DeleteGroups. Groups are made so that one member's answer never depends on another's speed.
func groupsSession(s *rawScript) {
	s.topic("grouped", [][]int32{{1, 2, 3}, {2, 3, 1}}, keepForever)
	findSteps(s)
	strangerSteps(s)
	lifeSteps(s)
	steadySteps(s)
	rebalanceSteps(s)
	staticSteps(s)
	expirySteps(s)
	endOfGroupSteps(s)
}

func findSteps(s *rawScript) {
	find := func(kind int8, keys ...string) func(int16) kmsg.Request {
		return func(int16) kmsg.Request {
			req := kmsg.NewPtrFindCoordinatorRequest()
			req.CoordinatorType, req.CoordinatorKeys = kind, keys
			if len(keys) > 0 {
				req.CoordinatorKey = keys[0]
			}
			return req
		}
	}
	s.each("find the coordinator of a group", 1, find(0, "g"))
	s.each("find the coordinator of the group without a name", 1, find(0, ""))
	s.versions("find the coordinator of a transaction", 1, 1, 6, find(1, "t"))
	s.versions("find the coordinator of the transaction without a name", 1, 1, 6, find(1, ""))
	s.versions("find a coordinator of share groups", 1, 1, 6, find(2, "g"))
	s.versions("find a coordinator of an unknown type", 1, 1, 6, find(9, "g"))
	s.versions("find several coordinators", 1, 4, 6, find(0, "a", "b", "c", "a", ""))
	s.versions("find no coordinator", 1, 4, 6, find(0))
}

// strangerSteps are from members that no group knows.
func strangerSteps(s *rawScript) {
	home, away := coordinator("nobody"), coordinator("nobody")%3+1
	requests := []struct {
		name  string
		build func(group string) kmsg.Request
	}{
		{"join", func(g string) kmsg.Request { return joinOf(g, "stranger", "range") }},
		{"sync", func(g string) kmsg.Request { return syncOf(g, "stranger", 1) }},
		{"heartbeat", func(g string) kmsg.Request { return heartbeatOf(g, "stranger", 1) }},
		{"leave", func(g string) kmsg.Request { return leaveOf(g, "stranger") }},
		{"describe", func(g string) kmsg.Request { return describeGroups(g) }},
		{"delete", func(g string) kmsg.Request { return deleteGroups(g) }},
	}
	for _, r := range requests {
		s.each("stranger: "+r.name+" a group that is not there", home, func(int16) kmsg.Request { return r.build("nobody") })
		s.each("stranger: "+r.name+" at another coordinator", away, func(int16) kmsg.Request { return r.build("nobody") })
		s.each("stranger: "+r.name+" the group without a name", coordinator(""), func(int16) kmsg.Request { return r.build("") })
	}
	bad := func(edit func(*kmsg.JoinGroupRequest)) func(int16) kmsg.Request {
		return func(int16) kmsg.Request {
			req := joinOf("nobody", "", "range")
			edit(req)
			return req
		}
	}
	s.each("join with too short a session timeout", home, bad(func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = 999 }))
	s.each("join with too long a session timeout", home, bad(func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = 1800001 }))
	s.each("join with a negative session timeout", home, bad(func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis = -1 }))
	s.each("join without a protocol type", home, bad(func(r *kmsg.JoinGroupRequest) { r.ProtocolType = "" }))
	s.each("join without protocols", home, bad(func(r *kmsg.JoinGroupRequest) { r.Protocols = []kmsg.JoinGroupRequestProtocol{} }))
	for i, instance := range []string{"", "a b", ".", longName(249), longName(250)} {
		for v := int16(5); v <= 9; v++ {
			group := fmt.Sprintf("instance-%d-v%d", i, v) // one that is taken may not hinder the next
			req := withVersion(joinOf(group, "", "range"), v)
			s.send("join with the instance id "+shown(instance), coordinator(group), withInstance(req, instance))
		}
	}
	s.each("describe no group", home, func(int16) kmsg.Request { return describeGroups() })
	s.each("describe two groups, one of another coordinator", home, func(int16) kmsg.Request { return describeGroups("nobody", elsewhere("nobody")) })
	s.each("delete no group", home, func(int16) kmsg.Request { return deleteGroups() })
	s.each("delete two groups, one of another coordinator", home, func(int16) kmsg.Request { return deleteGroups("nobody", elsewhere("nobody")) })
	s.each("delete a group twice", home, func(int16) kmsg.Request { return deleteGroups("nobody", "nobody") })
}

// elsewhere is a group of another coordinator.
func elsewhere(group string) string {
	other := group
	for coordinator(other) == coordinator(group) {
		other += "x"
	}
	return other
}

// lifeSteps lead one member through its life in every version.
func lifeSteps(s *rawScript) {
	for v := range int16(10) {
		group := fmt.Sprintf("life-v%d", v)
		at := coordinator(group)
		step := func(name string, last int16, req kmsg.Request) kmsg.Response {
			req.SetVersion(min(v, last))
			return s.send(fmt.Sprintf("life %d: %s", v, name), at, req)
		}
		joined := step("join", 9, joinOf(group, "", "range", "roundrobin")).(*kmsg.JoinGroupResponse)
		if v >= 4 {
			step("heartbeat before having joined", 4, heartbeatOf(group, joined.MemberID, 0))
			step("describe before having joined", 5, describeGroups(group))
			joined = step("join with the member id", 9, joinOf(group, joined.MemberID, "range", "roundrobin")).(*kmsg.JoinGroupResponse)
		}
		member, generation := joined.MemberID, joined.Generation
		step("describe before the assignment", 5, describeGroups(group))
		step("heartbeat before the assignment", 4, heartbeatOf(group, member, generation))
		step("commit before the assignment", 9, commitOf(group, member, generation, "grouped", 0, 7))
		step("sync", 5, syncOf(group, member, generation, member))
		step("sync again", 5, syncOf(group, member, generation))
		step("heartbeat", 4, heartbeatOf(group, member, generation))
		step("commit", 9, commitOf(group, member, generation, "grouped", 0, 7))
		step("fetch", 9, offsetFetchOf(group, "grouped", 0, 1))
		step("describe", 5, describeGroups(group))
		step("delete while it lives", 2, deleteGroups(group))
		step("leave", 5, leaveOf(group, member))
		step("heartbeat after leaving", 4, heartbeatOf(group, member, generation))
		step("leave again", 5, leaveOf(group, member))
		step("describe when empty", 5, describeGroups(group))
		step("fetch when empty", 9, offsetFetchOf(group, "grouped", 0, 1))
		step("join when empty, as who left", 9, joinOf(group, member, "range"))
		step("delete", 2, deleteGroups(group))
		step("describe when deleted", 5, describeGroups(group))
	}
}

// joinedMember joins a group as its only member, and is no step of the session but for its name.
func (s *rawScript) joinedMember(name, group string, edit ...func(*kmsg.JoinGroupRequest)) (member string, generation int32) {
	req := withVersion(joinOf(group, "", "range", "roundrobin"), 5)
	for _, e := range edit {
		e(req)
	}
	joined := ask[*kmsg.JoinGroupResponse](s, name+" joins", coordinator(group), req)
	if joined.ErrorCode == 79 {
		req.MemberID = joined.MemberID
		joined = ask[*kmsg.JoinGroupResponse](s, name+" joins with its id", coordinator(group), req)
	}
	return joined.MemberID, joined.Generation
}

// steadySteps are from a member of a stable group, and from some that claim to be one.
func steadySteps(s *rawScript) {
	const group = "steady"
	at := coordinator(group)
	member, generation := s.joinedMember("steady", group)
	s.send("steady gets its assignment", at, withVersion(syncOf(group, member, generation, member), 3))
	for _, c := range []struct {
		name       string
		member     string
		generation int32
	}{
		{"the member", member, generation},
		{"a former generation", member, generation - 1},
		{"a generation to come", member, generation + 1},
		{"a negative generation", member, -1},
		{"an unknown member", "raw-0-stranger", generation},
		{"a member without id", "", generation},
		{"nobody, outside of generations", "", -1},
	} {
		s.each("steady: heartbeat from "+c.name, at, func(int16) kmsg.Request { return heartbeatOf(group, c.member, c.generation) })
		s.each("steady: sync from "+c.name, at, func(int16) kmsg.Request { return syncOf(group, c.member, c.generation) })
		s.each("steady: commit from "+c.name, at, func(int16) kmsg.Request { return commitOf(group, c.member, c.generation, "grouped", 0, 3) })
	}
	s.each("steady: leave of an unknown member", at, func(int16) kmsg.Request { return leaveOf(group, "raw-0-stranger") })
	s.each("steady: join with another protocol type", at, func(int16) kmsg.Request {
		req := joinOf(group, "", "range")
		req.ProtocolType = "connect"
		return req
	})
	s.each("steady: join without a common protocol", at, func(int16) kmsg.Request { return joinOf(group, "", "sticky") })
	s.each("steady: join of an unknown member", at, func(int16) kmsg.Request { return joinOf(group, "raw-0-stranger", "range") })
	for _, c := range []struct{ kind, protocol string }{{"consumer", "range"}, {"connect", "range"}, {"consumer", "roundrobin"}} {
		s.versions(fmt.Sprintf("steady: sync as %s with %s", c.kind, c.protocol), at, 5, 5, func(int16) kmsg.Request {
			req := syncOf(group, member, generation)
			req.ProtocolType, req.Protocol = &c.kind, &c.protocol
			return req
		})
	}
	s.each("steady: describe", at, func(v int16) kmsg.Request { return describeGroups(group) })
	s.versions("steady: describe with authorized operations", at, 3, 5, func(int16) kmsg.Request {
		req := describeGroups(group, "nobody")
		req.IncludeAuthorizedOperations = true
		return req
	})
	s.each("steady: delete", at, func(int16) kmsg.Request { return deleteGroups(group) })
	for _, states := range []string{"Stable", "stable", "Stable,Empty", "Empty", "PreparingRebalance,CompletingRebalance", "Dead", "None", ""} {
		s.versions("list groups in the states "+states, at, 4, 5, func(int16) kmsg.Request { return listGroups(states, "-") })
	}
	for _, types := range []string{"classic", "Classic", "consumer", "share", "none", ""} {
		s.versions("list groups of the types "+types, at, 5, 5, func(int16) kmsg.Request { return listGroups("Stable", types) })
	}
	s.each("list groups", at, func(int16) kmsg.Request { return listGroups("-", "-") })
	s.each("list groups at another coordinator", at%3+1, func(int16) kmsg.Request { return listGroups("-", "-") })
	s.send("steady: leave", at, withVersion(leaveOf(group, member), 1))
}

// rebalanceSteps are about a group of two.
func rebalanceSteps(s *rawScript) {
	const group = "pair"
	at := coordinator(group)
	a, first := s.joinedMember("pair: a", group)
	s.send("pair: a gets its assignment", at, withVersion(syncOf(group, a, first, a), 3))
	b := ask[*kmsg.JoinGroupResponse](s, "pair: b asks for an id", at, withVersion(joinOf(group, "", "range"), 9)).MemberID
	s.send("pair: describe while b is on its way", at, withVersion(describeGroups(group), 5))
	join := s.start("pair: b joins", at, withVersion(joinOf(group, b, "range"), 9))
	s.rebalancing(group)
	s.each("pair: heartbeat of a during the rebalance", at, func(int16) kmsg.Request { return heartbeatOf(group, a, first) })
	s.each("pair: sync of a during the rebalance", at, func(int16) kmsg.Request { return syncOf(group, a, first) })
	s.each("pair: commit of a during the rebalance", at, func(int16) kmsg.Request { return commitOf(group, a, first, "grouped", 0, 5) })
	s.send("pair: describe during the rebalance", at, withVersion(describeGroups(group), 5))
	again := ask[*kmsg.JoinGroupResponse](s, "pair: a joins again", at, withVersion(joinOf(group, a, "range", "roundrobin"), 9))
	join.wait()
	second := again.Generation
	s.send("pair: describe before the assignment", at, withVersion(describeGroups(group), 5))
	s.each("pair: heartbeat of b before the assignment", at, func(int16) kmsg.Request { return heartbeatOf(group, b, second) })
	s.each("pair: commit of b before the assignment", at, func(int16) kmsg.Request { return commitOf(group, b, second, "grouped", 1, 5) })
	s.send("pair: b joins as before, before the assignment", at, withVersion(joinOf(group, b, "range"), 9))
	waiting := s.start("pair: b waits for its assignment", at, withVersion(syncOf(group, b, second), 5))
	s.send("pair: a assigns", at, withVersion(syncOf(group, a, second, a, b), 5))
	waiting.wait()
	s.send("pair: describe when stable", at, withVersion(describeGroups(group), 5))
	s.each("pair: the follower joins as before", at, func(int16) kmsg.Request { return joinOf(group, b, "range") })
	s.versions("pair: leave of both and a stranger", at, 3, 3, func(int16) kmsg.Request { return leaveOf(group, b, "stranger", a, b) })
	s.send("pair: describe when empty", at, withVersion(describeGroups(group), 5))
}

// rebalancing waits until a group is preparing its rebalance.
func (s *rawScript) rebalancing(group string) { s.groupIn(group, "PreparingRebalance") }

func (s *rawScript) groupIn(group, state string) {
	s.t.Helper()
	until(s, group+" is "+state, coordinator(group), withVersion(describeGroups(group), 0), func(r *kmsg.DescribeGroupsResponse) bool {
		return len(r.Groups) == 1 && r.Groups[0].State == state
	})
}

// staticSteps are about members with an instance id (KIP-345).
func staticSteps(s *rawScript) {
	for v := int16(5); v <= 9; v++ {
		group, one, two := fmt.Sprintf("static-v%d", v), "one", "two"
		at := coordinator(group)
		step := func(name string, last int16, req kmsg.Request) kmsg.Response {
			req.SetVersion(min(v, last))
			return s.send(fmt.Sprintf("static %d: %s", v, name), at, req)
		}
		instance := func(req kmsg.Request, id string) kmsg.Request { return withInstance(req, id) }
		first := step("join", 9, instance(joinOf(group, "", "range"), one)).(*kmsg.JoinGroupResponse)
		step("sync", 5, instance(syncOf(group, first.MemberID, first.Generation, first.MemberID), one))
		second := step("join again without member id", 9, instance(joinOf(group, "", "range"), one)).(*kmsg.JoinGroupResponse)
		step("heartbeat of who was fenced", 4, instance(heartbeatOf(group, first.MemberID, first.Generation), one))
		step("heartbeat of who was fenced, without instance id", 4, heartbeatOf(group, first.MemberID, first.Generation))
		step("sync of who was fenced", 5, instance(syncOf(group, first.MemberID, first.Generation), one))
		step("commit of who was fenced", 9, instance(commitOf(group, first.MemberID, first.Generation, "grouped", 0, 1), one))
		step("join of who was fenced", 9, instance(joinOf(group, first.MemberID, "range"), one))
		step("heartbeat of an unknown instance", 4, instance(heartbeatOf(group, second.MemberID, second.Generation), two))
		step("join of an unknown instance with a member id", 9, instance(joinOf(group, second.MemberID, "range"), two))
		step("heartbeat of the new one", 4, instance(heartbeatOf(group, second.MemberID, second.Generation), one))
		step("sync of the new one", 5, instance(syncOf(group, second.MemberID, second.Generation, second.MemberID), one))
		step("commit of the new one", 9, instance(commitOf(group, second.MemberID, second.Generation, "grouped", 0, 1), one))
		step("describe", 5, describeGroups(group))
		step("leave of who was fenced", 5, leaveAs(group, first.MemberID, one))
		step("leave of an unknown instance", 5, leaveAs(group, "", two))
		step("leave by the instance id alone", 5, leaveAs(group, "", one))
		step("describe when empty", 5, describeGroups(group))
	}
}

// withInstance sets the instance id of a request that has one.
func withInstance(req kmsg.Request, id string) kmsg.Request {
	switch r := req.(type) {
	case *kmsg.JoinGroupRequest:
		r.InstanceID = &id
	case *kmsg.SyncGroupRequest:
		r.InstanceID = &id
	case *kmsg.HeartbeatRequest:
		r.InstanceID = &id
	case *kmsg.OffsetCommitRequest:
		r.InstanceID = &id
	}
	return req
}

// expirySteps are about members that fall silent.
func expirySteps(s *rawScript) {
	const group = "silent"
	at := coordinator(group)
	short := func(r *kmsg.JoinGroupRequest) { r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = 1000, 1000 }
	member, generation := s.joinedMember("silent", group, short)
	s.send("silent gets its assignment", at, withVersion(syncOf(group, member, generation, member), 3))
	s.groupIn(group, "Empty")
	s.send("silent: heartbeat after the session's end", at, withVersion(heartbeatOf(group, member, generation), 3))
	s.send("silent: describe after the session's end", at, withVersion(describeGroups(group), 5))

	const late = "late"
	at = coordinator(late)
	a, first := s.joinedMember("late: a", late, func(r *kmsg.JoinGroupRequest) { r.RebalanceTimeoutMillis = 1000 })
	s.send("late: a gets its assignment", at, withVersion(syncOf(late, a, first, a), 3))
	join := withVersion(joinOf(late, "", "range"), 4)
	join.RebalanceTimeoutMillis = 1000
	b := ask[*kmsg.JoinGroupResponse](s, "late: b asks for an id", at, join).MemberID
	join.MemberID = b
	s.send("late: b joins, and a does not come in time", at, join)
	s.send("late: heartbeat of a", at, withVersion(heartbeatOf(late, a, first), 3))
	s.send("late: describe", at, withVersion(describeGroups(late), 5))
	s.send("late: b leaves", at, withVersion(leaveOf(late, b), 2))
}

func endOfGroupSteps(s *rawScript) {
	const group = "many-kinds"
	at := coordinator(group)
	for _, kind := range []string{"connect", "sr", "anything at all"} {
		member, generation := s.joinedMember(kind, group, func(r *kmsg.JoinGroupRequest) {
			r.ProtocolType = kind
			r.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "v0", Metadata: []byte{0, 1, 255}}}
		})
		s.send("a group of "+kind+": assignment", at, withVersion(syncOf(group, member, generation, member), 3))
		s.send("a group of "+kind+": describe", at, withVersion(describeGroups(group), 5))
		s.send("a group of "+kind+": leave", at, withVersion(leaveOf(group, member), 3))
		s.send("a group of "+kind+": list", at, withVersion(listGroups("Empty", "-"), 5))
	}
	s.send("a group that is left is deleted", at, withVersion(deleteGroups("pair", "steady"), 2))
}
