package cluster

import "slices"

// Kinds of facts about groups. On a launched cluster the coordinators tell them (broker/fact); on any other they are the
// differences between two readings, so a rebalance that begins and ends between two of them shows in the members alone.
const (
	KindGroupCreated    = "group.created"
	KindGroupDeleted    = "group.deleted"
	KindGroupState      = "group.state"
	KindGroupRebalanced = "group.rebalanced"
	KindMemberJoined    = "group.member.joined"
	KindMemberLeft      = "group.member.left"
	KindMemberExpired   = "group.member.expired"
	KindRebalancing     = "group.rebalancing"
	KindGroupsLoaded    = "groups.loaded"
)

// Kinds of facts about transactions, told by the coordinators of a launched cluster.
const (
	KindTxnBegan       = "transaction.began"
	KindTxnPrepared    = "transaction.prepared"
	KindTxnCommitted   = "transaction.committed"
	KindTxnAborted     = "transaction.aborted"
	KindProducerFenced = "producer.fenced"
)

// group adds a fact about a group. Its source is the coordinator that was asked.
func (d *diff) group(kind, name string, coordinator int32, fields map[string]any) {
	if fields == nil {
		fields = map[string]any{}
	}
	fields["group"], fields["coordinator"] = name, coordinator
	d.add(Fact{Kind: kind, Broker: -1, Partition: -1, Fields: fields})
}

// members adds what differs between a group as it was and as it is described now.
func (d *diff) members(old Group, now described) {
	joined, left := apart(now.members, old.Members), apart(old.Members, now.members)
	d.tellMembers(KindMemberJoined, old, joined, len(now.members))
	d.tellMembers(KindMemberLeft, old, left, len(now.members))
	if len(now.members) > 0 && now.state != "PreparingRebalance" && now.state != "CompletingRebalance" && !sameAssignment(old.Members, now.members) {
		fields := map[string]any{"members": len(now.members)}
		if now.protocol != "" {
			fields["protocol"] = now.protocol
		}
		if now.epoch >= 0 {
			fields["epoch"] = now.epoch
		}
		d.group(KindGroupRebalanced, old.Name, old.Coordinator, fields)
	}
}

func (d *diff) tellMembers(kind string, g Group, list []GroupMember, total int) {
	if len(list) > tellMembers {
		d.group(kind, g.Name, g.Coordinator, map[string]any{"count": len(list), "members": total})
		return
	}
	for _, m := range list {
		fields := map[string]any{"member": m.ID, "client": m.ClientID, "members": total}
		if m.InstanceID != "" {
			fields["instance"] = m.InstanceID
		}
		d.group(kind, g.Name, g.Coordinator, fields)
	}
}

// apart returns the members of a that are not in b.
func apart(a, b []GroupMember) []GroupMember {
	var only []GroupMember
	for _, m := range a {
		if !slices.ContainsFunc(b, func(o GroupMember) bool { return o.ID == m.ID }) {
			only = append(only, m)
		}
	}
	return only
}

func sameAssignment(a, b []GroupMember) bool {
	return slices.EqualFunc(a, b, func(x, y GroupMember) bool {
		return x.ID == y.ID && slices.EqualFunc(x.Assigned, y.Assigned, func(s, t TopicPartitions) bool {
			return s.Topic == t.Topic && slices.Equal(s.Partitions, t.Partitions)
		})
	})
}
