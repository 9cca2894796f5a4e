package cluster

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// WantGroups says that somebody looks at these groups now: for some seconds they are read first, and once a second. Call
// it again as long as it is so; it returns at once.
func (c *Cluster) WantGroups(names ...string) {
	fresh := false
	c.update(func(m *model) { fresh = m.groups.want(time.Now(), names) })
	if fresh {
		c.lookAgain()
	}
}

// askGroups lists the groups that a broker coordinates, and reads some of them in depth.
func (c *Cluster) askGroups(ctx context.Context, l *link, broker int32) {
	if err := c.askGroupList(ctx, l, broker); err != nil {
		err = c.explain(err)
		c.update(func(m *model) { m.groups.err = err })
		return
	}
	var names []string
	c.update(func(m *model) { names = m.groups.deepen(broker, time.Now(), groupsARound) })
	c.askGroupsInDepth(ctx, l, names)
}

func (c *Cluster) askGroupList(ctx context.Context, l *link, broker int32) error {
	resp, err := l.request(ctx, kmsg.NewPtrListGroupsRequest())
	if err != nil {
		return err
	}
	list := resp.(*kmsg.ListGroupsResponse)
	if err := kerr.ErrorForCode(list.ErrorCode); err != nil {
		return err
	}
	in := listing{broker: broker, at: time.Now()}
	for _, g := range list.Groups {
		in.groups = append(in.groups, listedGroup{g.Group, g.GroupState, strings.ToLower(g.GroupType), g.ProtocolType})
	}
	c.learnGroups(func(m *model, d *diff) { m.groups.list(in, d) })
	return nil
}

// learnGroups changes the model, and appends the facts that the change shows to the timeline, unless the coordinators tell
// them themselves.
func (c *Cluster) learnGroups(change func(*model, *diff)) {
	d := diff{at: time.Now(), on: !c.Launched()}
	c.update(func(m *model) { change(m, &d) })
	for _, f := range d.facts {
		c.timeline.Append(f)
	}
}

// askGroupsInDepth reads members and offsets of groups of one coordinator.
func (c *Cluster) askGroupsInDepth(ctx context.Context, l *link, names []string) {
	for batch := range slices.Chunk(names, groupsARound) {
		var describing sync.WaitGroup
		describing.Go(func() { c.askMembers(ctx, l, batch) })
		offsets := c.askCommitted(ctx, l, batch)
		describing.Wait()
		var stale []partitionKey
		c.update(func(m *model) { stale = m.staleEnds(offsets, time.Now()) })
		c.askEnds(ctx, stale)
		c.update(func(m *model) {
			for _, o := range offsets {
				m.applyCommitted(o)
			}
		})
	}
}

// askMembers reads who is in the groups: one request for those of the classic protocol, one for those of KIP-848.
func (c *Cluster) askMembers(ctx context.Context, l *link, names []string) {
	classic, consumer := kmsg.NewPtrDescribeGroupsRequest(), kmsg.NewPtrConsumerGroupDescribeRequest()
	c.update(func(m *model) {
		for _, name := range names {
			if g := m.groups.byName[name]; g != nil && g.group.Type == "consumer" {
				consumer.Groups = append(consumer.Groups, name)
			} else {
				classic.Groups = append(classic.Groups, name)
			}
		}
	})
	var found []described
	if len(classic.Groups) > 0 {
		resp, err := l.request(ctx, classic)
		found = append(found, everyDescription(classic.Groups, describeClassic(resp, err), err)...)
	}
	if len(consumer.Groups) > 0 {
		resp, err := l.request(ctx, consumer)
		found = append(found, everyDescription(consumer.Groups, describeConsumer(resp, err), err)...)
	}
	c.learnGroups(func(m *model, d *diff) {
		for _, g := range found {
			m.groups.describe(g, d)
		}
	})
}

// errNotTold is the error of a group that its coordinator leaves out of an answer.
var errNotTold = errors.New("its coordinator says nothing of it")

// everyDescription adds to what was found the groups of which nothing was told: because of err, or for no reason.
func everyDescription(names []string, found []described, err error) []described {
	for _, name := range names {
		if !slices.ContainsFunc(found, func(d described) bool { return d.name == name }) {
			found = append(found, described{name: name, epoch: Unknown, at: time.Now(), err: cmp.Or(err, errNotTold)})
		}
	}
	return found
}

func describeClassic(resp kmsg.Response, err error) []described {
	if err != nil {
		return nil
	}
	var found []described
	for _, g := range resp.(*kmsg.DescribeGroupsResponse).Groups {
		in := described{name: g.Group, state: g.State, protocol: g.Protocol, epoch: Unknown, at: time.Now(), err: kerr.ErrorForCode(g.ErrorCode)}
		for _, m := range g.Members {
			in.members = append(in.members, GroupMember{
				ID: m.MemberID, InstanceID: text(m.InstanceID), ClientID: m.ClientID, Host: m.ClientHost,
				Assigned: assignmentOf(g.ProtocolType, m.MemberAssignment),
			})
		}
		sortMembers(in.members)
		found = append(found, in)
	}
	return found
}

// assignmentOf reads a member's assignment; only that of protocol type consumer is known.
func assignmentOf(protocolType string, raw []byte) []TopicPartitions {
	var a kmsg.ConsumerMemberAssignment
	if protocolType != "consumer" || a.ReadFrom(raw) != nil {
		return nil
	}
	var assigned []TopicPartitions
	for _, t := range a.Topics {
		assigned = append(assigned, TopicPartitions{t.Topic, slices.Sorted(slices.Values(t.Partitions))})
	}
	return sortTopics(assigned)
}

func sortTopics(list []TopicPartitions) []TopicPartitions {
	slices.SortFunc(list, func(a, b TopicPartitions) int { return strings.Compare(a.Topic, b.Topic) })
	return list
}

func sortMembers(list []GroupMember) {
	slices.SortFunc(list, func(a, b GroupMember) int { return strings.Compare(a.ID, b.ID) })
}

func describeConsumer(resp kmsg.Response, err error) []described {
	if err != nil {
		return nil
	}
	var found []described
	for _, g := range resp.(*kmsg.ConsumerGroupDescribeResponse).Groups {
		in := described{name: g.Group, state: g.State, protocol: g.AssignorName, epoch: g.Epoch, at: time.Now(), err: kerr.ErrorForCode(g.ErrorCode)}
		for _, m := range g.Members {
			member := GroupMember{ID: m.MemberID, InstanceID: text(m.InstanceID), ClientID: m.ClientID, Host: m.ClientHost}
			for _, t := range m.Assignment.TopicPartitions {
				member.Assigned = append(member.Assigned, TopicPartitions{t.Topic, slices.Sorted(slices.Values(t.Partitions))})
			}
			sortTopics(member.Assigned)
			in.members = append(in.members, member)
		}
		sortMembers(in.members)
		found = append(found, in)
	}
	return found
}

// askCommitted reads the groups' offsets: in one request, or in one for each with a broker before Kafka 3.0. Every group has
// its answer, if only why there is none.
func (c *Cluster) askCommitted(ctx context.Context, l *link, names []string) []committed {
	if len(names) == 0 {
		return nil
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	for _, name := range names {
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group = name
		req.Groups = append(req.Groups, g)
	}
	resp, err := l.request(ctx, req)
	if err != nil {
		return everyCommitted(names, nil, err)
	}
	if answer := resp.(*kmsg.OffsetFetchResponse); answer.Version >= 8 {
		return everyCommitted(names, c.fromOffsetFetch(answer), nil)
	}
	var found []committed
	for _, name := range names {
		one := kmsg.NewPtrOffsetFetchRequest()
		one.Group = name
		resp, err := l.request(ctx, one)
		if err != nil {
			found = append(found, everyCommitted([]string{name}, nil, err)...)
			continue
		}
		found = append(found, fromOldOffsetFetch(name, resp.(*kmsg.OffsetFetchResponse)))
	}
	return found
}

// everyCommitted adds to what was found the groups of which nothing was told: because of err, or for no reason.
func everyCommitted(names []string, found []committed, err error) []committed {
	for _, name := range names {
		if !slices.ContainsFunc(found, func(c committed) bool { return c.name == name }) {
			found = append(found, committed{name: name, at: time.Now(), err: cmp.Or(err, errNotTold)})
		}
	}
	return found
}

func (c *Cluster) fromOffsetFetch(resp *kmsg.OffsetFetchResponse) []committed {
	found := make([]committed, 0, len(resp.Groups))
	for _, g := range resp.Groups {
		in := committed{name: g.Group, at: time.Now(), err: kerr.ErrorForCode(g.ErrorCode)}
		for _, t := range g.Topics {
			topic := c.topicName(t.Topic, t.TopicID)
			if topic == "" {
				continue // it was deleted
			}
			for _, p := range t.Partitions {
				in.take(p.ErrorCode, GroupPartition{Topic: topic, Partition: p.Partition, Committed: p.Offset, Epoch: p.LeaderEpoch, Metadata: text(p.Metadata)})
			}
		}
		sortPartitions(in.offsets)
		found = append(found, in)
	}
	return found
}

func fromOldOffsetFetch(name string, resp *kmsg.OffsetFetchResponse) committed {
	in := committed{name: name, at: time.Now(), err: kerr.ErrorForCode(resp.ErrorCode)}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			in.take(p.ErrorCode, GroupPartition{Topic: t.Topic, Partition: p.Partition, Committed: p.Offset, Epoch: p.LeaderEpoch, Metadata: text(p.Metadata)})
		}
	}
	sortPartitions(in.offsets)
	return in
}

// take adds what was told of a partition. One whose offset is withheld makes the whole answer one that cannot be used: without
// it the others would look like all.
func (in *committed) take(code int16, p GroupPartition) {
	if err := kerr.ErrorForCode(code); err != nil && in.err == nil {
		in.err = fmt.Errorf("the offset of %s/%d: %w", p.Topic, p.Partition, err)
	}
	p.Member = Unknown
	in.offsets = append(in.offsets, p)
}

// topicName is the name, or that of the topic with this id where brokers answer with ids (KIP-848).
func (c *Cluster) topicName(name string, id [16]byte) string {
	if name != "" || id == [16]byte{} {
		return name
	}
	wanted := base64.RawURLEncoding.EncodeToString(id[:])
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.model.topics {
		if t.meta.id == wanted {
			return t.meta.name
		}
	}
	return ""
}

// askEnds reads the high watermarks of some partitions from their leaders.
func (c *Cluster) askEnds(ctx context.Context, keys []partitionKey) {
	var asking sync.WaitGroup
	for _, r := range c.leaders(keys) {
		l, err := c.link(r.address)
		if err != nil {
			continue
		}
		asking.Go(func() {
			o := offsets{broker: r.broker, asked: time.Now()}
			o.highs = listOffsets(ctx, l, consumerReplica, latestOffset, r.leads)
			o.at = time.Now()
			c.update(func(m *model) { m.applyOffsets(o) })
		})
	}
	asking.Wait()
}

// leaders divides partitions among the brokers that lead them.
func (c *Cluster) leaders(keys []partitionKey) []round {
	c.mu.Lock()
	defer c.mu.Unlock()
	byBroker := map[int32]*round{}
	for _, b := range c.model.meta.brokers {
		byBroker[b.id] = &round{broker: b.id, address: address(b.host, b.port)}
	}
	sortKeys(keys)
	for _, key := range keys {
		t, ok := c.model.topics[key.topic]
		if !ok || t.partitions[key.partition] == nil {
			continue
		}
		if r := byBroker[t.partitions[key.partition].meta.leader]; r != nil {
			r.leads = append(r.leads, key)
		}
	}
	var rounds []round
	for _, id := range sortedKeys(byBroker) {
		if r := byBroker[id]; len(r.leads) > 0 {
			rounds = append(rounds, *r)
		}
	}
	return rounds
}

func sortKeys(keys []partitionKey) {
	slices.SortFunc(keys, func(a, b partitionKey) int {
		if c := strings.Compare(a.topic, b.topic); c != 0 {
			return c
		}
		return int(a.partition) - int(b.partition)
	})
}
