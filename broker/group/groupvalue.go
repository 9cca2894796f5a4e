package group

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/storage/batch"
)

// metadataRecord is the group as it is now, with assignments by member.
func (g *Group) metadataRecord(now time.Time, assignments map[string][]byte) []batch.Record {
	v := kmsg.GroupMetadataValue{
		Version: groupValueVersion, ProtocolType: g.protocolType, Generation: g.generation, Protocol: g.protocol,
		CurrentStateTimestamp: -1,
	}
	if g.leader != "" {
		v.Leader = &g.leader
	}
	if !g.since.IsZero() {
		v.CurrentStateTimestamp = g.since.UnixMilli()
	}
	for _, m := range g.members.all {
		v.Members = append(v.Members, kmsg.GroupMetadataValueMember{
			MemberID: m.id, InstanceID: m.instance, ClientID: m.clientID, ClientHost: m.host,
			RebalanceTimeoutMillis: int32(m.rebalance.Milliseconds()), SessionTimeoutMillis: int32(m.session.Milliseconds()),
			Subscription: notNil(m.metadata(*g.protocol)), Assignment: notNil(assignments[m.id]),
		})
	}
	return []batch.Record{{Timestamp: now.UnixMilli(), Key: writeGroupKey(g.id), Value: v.AppendTo(nil)}}
}

// notNil: Kafka cannot read null there.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// readGroup is a group as its metadata describes it: Stable with the members that it had, or Empty.
func readGroup(id string, limits *Limits, b []byte) (*Group, error) {
	if err := checkVersion(b, newestGroupValue); err != nil {
		return nil, fmt.Errorf("cannot read the metadata of group %q: %w", id, err)
	}
	v := kmsg.NewGroupMetadataValue()
	if err := v.ReadFrom(b); err != nil {
		return nil, fmt.Errorf("cannot read the metadata of group %q: %w", id, err)
	}
	g := &Group{id: id, limits: limits, protocolType: v.ProtocolType, protocol: v.Protocol, generation: v.Generation}
	if v.Leader != nil {
		g.leader = *v.Leader
	}
	if v.Version >= 2 && v.CurrentStateTimestamp != -1 {
		g.since = time.UnixMilli(v.CurrentStateTimestamp)
	}
	if len(v.Members) == 0 {
		g.readSubscriptions()
		return g, nil
	}
	if v.Protocol == nil {
		return nil, fmt.Errorf("cannot read the metadata of group %q: it has members and no protocol", id)
	}
	g.state = Stable
	for i := range v.Members {
		if err := g.restore(&v.Members[i], v.Version); err != nil {
			return nil, fmt.Errorf("cannot read the metadata of group %q: %w", id, err)
		}
	}
	g.readSubscriptions()
	return g, nil
}

// restore adds a member as it was. Its session begins when the group is loaded.
func (g *Group) restore(raw *kmsg.GroupMetadataValueMember, version int16) error {
	m := &member{
		id: raw.MemberID, instance: raw.InstanceID, clientID: raw.ClientID, host: raw.ClientHost,
		session:    time.Duration(raw.SessionTimeoutMillis) * time.Millisecond,
		rebalance:  time.Duration(raw.RebalanceTimeoutMillis) * time.Millisecond,
		protocols:  []Protocol{{*g.protocol, raw.Subscription}},
		assignment: raw.Assignment,
	}
	if version == 0 {
		m.rebalance = m.session
	}
	if g.members.get(m.id) != nil {
		return fmt.Errorf("it has member %q twice", m.id)
	}
	if m.instance != nil {
		if _, taken := g.members.static(*m.instance); taken {
			return fmt.Errorf("it has instance %q twice", *m.instance)
		}
	}
	g.members.add(m)
	return nil
}
