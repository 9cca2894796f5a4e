package group

import "klab/broker/fact"

// offsetsTopic is the topic that the facts of loading are about.
const offsetsTopic = "__consumer_offsets"

func (c *Coordinator) observe(kind string, partition int32, fields map[string]any) {
	c.cfg.Observe(fact.Fact{
		Time: c.cfg.Clock(), Broker: c.cfg.BrokerID, Kind: kind, Topic: offsetsTopic, Partition: partition, Fields: fields,
	})
}

// report makes a fact of what happened to a group.
func (c *Coordinator) report(group string, e *Event) {
	fields := map[string]any{"group": group, "generation": e.Generation, "reason": e.Reason}
	var kind string
	switch e.Kind {
	case Rebalancing:
		kind = fact.GroupRebalancing
	case Rebalanced:
		kind, fields["members"] = fact.GroupRebalanced, e.Members
	case MemberJoined, MemberLeft, MemberExpired:
		kind = map[EventKind]string{
			MemberJoined: fact.GroupMemberJoined, MemberLeft: fact.GroupMemberLeft, MemberExpired: fact.GroupMemberExpired,
		}[e.Kind]
		fields["member"], fields["client"], fields["host"] = e.MemberID, e.ClientID, e.Host
		if e.InstanceID != nil {
			fields["instance"] = *e.InstanceID
		}
	}
	c.cfg.Observe(fact.Fact{Time: c.cfg.Clock(), Broker: c.cfg.BrokerID, Kind: kind, Fields: fields})
}
