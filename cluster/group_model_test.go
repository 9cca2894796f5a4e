package cluster

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

var groupsAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// kinds of the facts, with what they say.
func told(d diff) []string {
	var all []string
	for _, f := range d.facts {
		subject, text := f.Words(English)
		all = append(all, subject+": "+text)
	}
	return all
}

func listed(states ...string) listing {
	l := listing{broker: 1, at: groupsAt}
	for i := 0; i < len(states); i += 2 {
		l.groups = append(l.groups, listedGroup{name: states[i], state: states[i+1]})
	}
	return l
}

func TestGroupFactsAreDifferences(t *testing.T) {
	g := newGroupsModel()
	step := func(do func(d *diff), want ...string) {
		t.Helper()
		d := diff{at: groupsAt, on: true}
		do(&d)
		if got := told(d); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	two := []GroupMember{{ID: "a", ClientID: "app", Assigned: []TopicPartitions{{"orders", []int32{0, 1}}}}, {ID: "b", ClientID: "app", InstanceID: "worker-2"}}
	step(func(d *diff) { g.list(listed("billing", "Stable"), d) })
	step(func(d *diff) {
		g.describe(described{name: "billing", state: "Stable", epoch: -1, members: two[:1], at: groupsAt}, d)
	})
	step(func(d *diff) { g.list(listed("billing", "PreparingRebalance", "audit", "Empty"), d) }, "group billing: Stable -> PreparingRebalance", "group audit: created, state Empty")
	step(func(d *diff) {
		moved := slices.Clone(two)
		moved[0].Assigned = []TopicPartitions{{"orders", []int32{0}}}
		g.describe(described{name: "billing", state: "Stable", protocol: "range", epoch: -1, members: moved, at: groupsAt}, d)
	}, "group billing: worker-2 joined, 2 members", "group billing: rebalanced: 2 members, range", "group billing: PreparingRebalance -> Stable")
	step(func(d *diff) { g.describe(described{name: "billing", state: "Empty", epoch: -1, at: groupsAt}, d) },
		"group billing: app left, 0 members", "group billing: worker-2 left, 0 members", "group billing: Stable -> Empty")
	step(func(d *diff) { g.list(listed("billing", "Empty"), d) })
	step(func(d *diff) { g.list(listed("billing", "Empty"), d) }, "group audit: gone")
}

func TestManyMembersAreToldTogether(t *testing.T) {
	g := newGroupsModel()
	g.list(listed("big", "Stable"), &diff{})
	g.describe(described{name: "big", state: "Stable", at: groupsAt}, &diff{})
	var members []GroupMember
	for i := range 500 {
		members = append(members, GroupMember{ID: fmt.Sprint(i)})
	}
	d := diff{at: groupsAt, on: true}
	g.describe(described{name: "big", state: "PreparingRebalance", epoch: -1, members: members, at: groupsAt}, &d)
	if got := told(d); len(got) != 2 || got[0] != "group big: 500 members joined, 500 members" {
		t.Errorf("told %q", got)
	}
}

// However many groups there are, a round reads a bounded number of them: those looked at, those that changed, the oldest.
func TestARoundReadsABoundedNumberOfGroups(t *testing.T) {
	g := newGroupsModel()
	l := listing{broker: 1, at: groupsAt}
	for i := range 1000 {
		l.groups = append(l.groups, listedGroup{name: fmt.Sprintf("g%03d", i), state: "Stable"})
	}
	g.list(l, &diff{})
	for i := range 1000 {
		g.describe(described{name: fmt.Sprintf("g%03d", i), state: "Stable", at: groupsAt.Add(time.Duration(i) * time.Millisecond)}, &diff{})
	}
	l.groups[700].state = "Empty"
	g.list(l, &diff{})
	g.want(groupsAt, []string{"g900"})
	names := g.deepen(1, groupsAt, groupsARound)
	if len(names) != groupsARound || names[0] != "g900" || names[1] != "g700" || names[2] != "g000" {
		t.Errorf("%d groups, first %v", len(names), names[:3])
	}
	if names := g.deepen(2, groupsAt, groupsARound); len(names) != 0 {
		t.Errorf("broker 2 coordinates none, and is asked for %v", names)
	}
	if names := g.deepen(1, groupsAt.Add(wantedFor+1), 1); names[0] != "g700" {
		t.Errorf("nobody looks any more, and %v comes first", names)
	}
}

func TestLagAndItsCourse(t *testing.T) {
	m := newModel("x", false)
	m.applyMetadata(metadata{at: groupsAt, topics: []metaTopic{{name: "orders", partitions: []metaPartition{{id: 0, leader: 1}, {id: 1, leader: 1}}}}})
	m.groups.list(listed("billing", "Stable"), &diff{})
	m.groups.describe(described{name: "billing", state: "Stable", members: []GroupMember{{ID: "a", Assigned: []TopicPartitions{{"orders", []int32{0, 1}}}}}, at: groupsAt}, &diff{})
	read := func(second int, end, at int64) Group {
		now := groupsAt.Add(time.Duration(second) * time.Second)
		m.applyOffsets(offsets{broker: 1, at: now, highs: map[partitionKey]int64{{"orders", 0}: end}})
		m.applyCommitted(committed{name: "billing", at: now, offsets: []GroupPartition{{Topic: "orders", Partition: 0, Committed: at}}})
		return m.groups.build()[0]
	}
	g := read(0, 100, 40)
	if g.Lag != 60 || len(g.Partitions) != 2 || g.Partitions[1].Lag != Unknown || g.Partitions[1].Member != 0 {
		t.Errorf("group = %+v", g)
	}
	if _, known := g.Drift(); known {
		t.Error("one sample is no course")
	}
	g = read(10, 200, 90)
	if perSecond, known := g.Drift(); g.Lag != 110 || !known || perSecond != 5 {
		t.Errorf("lag %d drifts by %v", g.Lag, perSecond)
	}
	if g = read(11, 200, 250); g.Lag != 0 {
		t.Errorf("a commit beyond the watermark that was read before gives lag %d", g.Lag)
	}
}

// An answer that failed says nothing about members: those that were read stay, with their age, and nobody joins when it
// succeeds again.
func TestAFailedDescriptionTellsNothing(t *testing.T) {
	g := newGroupsModel()
	g.list(listed("billing", "Stable"), &diff{})
	two := described{name: "billing", state: "Stable", members: []GroupMember{{ID: "a"}, {ID: "b"}}, at: groupsAt}
	g.describe(two, &diff{})
	failed := errors.New("NOT_COORDINATOR")
	g.describe(described{name: "billing", at: groupsAt.Add(time.Second), err: failed}, &diff{})
	if now := g.build()[0]; now.MemberCount() != 2 || now.MembersAt != groupsAt || now.Err != failed {
		t.Errorf("group = %+v", now)
	}
	d := diff{at: groupsAt, on: true}
	g.describe(two, &d)
	if got := told(d); len(got) != 0 {
		t.Errorf("told %q", got)
	}
}

// A group whose reading fails has had its turn.
func TestAFailedReadingIsNotRepeatedFirst(t *testing.T) {
	g := newGroupsModel()
	g.list(listed("a", "Stable", "b", "Stable"), &diff{})
	g.describe(described{name: "b", state: "Stable", at: groupsAt}, &diff{})
	g.describe(described{name: "a", at: groupsAt.Add(time.Second), err: errors.New("NOT_COORDINATOR")}, &diff{})
	if names := g.deepen(1, groupsAt.Add(2*time.Second), 1); names[0] != "b" {
		t.Errorf("%v comes first", names)
	}
}

// Brokers before Kafka 2.6 list no states: descriptions alone tell them.
func TestAListingWithoutStatesKeepsThem(t *testing.T) {
	g := newGroupsModel()
	d := diff{at: groupsAt, on: true}
	for range 3 {
		g.list(listed("billing", ""), &d)
		g.describe(described{name: "billing", state: "Stable", at: groupsAt}, &d)
	}
	if got := told(d); len(got) != 0 || g.build()[0].State != "Stable" {
		t.Errorf("told %q, state %q", got, g.build()[0].State)
	}
	g.describe(described{name: "billing", state: "Empty", at: groupsAt}, &d)
	if got := told(d); len(got) != 1 || got[0] != "group billing: Stable -> Empty" {
		t.Errorf("told %q", got)
	}
}

// A group is beyond the end of its log when the topic was made anew, or truncated. It has no lag, least of all none.
func TestAGroupBeyondTheEndOfTheLog(t *testing.T) {
	m := newModel("x", false)
	m.applyMetadata(metadata{at: groupsAt, topics: []metaTopic{{name: "orders", partitions: []metaPartition{{id: 0, leader: 1}}}}})
	m.groups.list(listed("billing", "Empty"), &diff{})
	read := committed{name: "billing", at: groupsAt, offsets: []GroupPartition{{Topic: "orders", Committed: 500}}}
	later := groupsAt.Add(time.Second)
	m.applyOffsets(offsets{broker: 1, asked: later, at: later, highs: map[partitionKey]int64{{"orders", 0}: 10}})
	m.applyCommitted(read)
	if g := m.groups.build()[0]; g.Partitions[0].Beyond != 490 || g.Partitions[0].Lag != Unknown || g.Lag != Unknown {
		t.Errorf("group = %+v", g)
	}
	m.applyOffsets(offsets{broker: 1, asked: groupsAt.Add(-1), at: later, highs: map[partitionKey]int64{{"orders", 0}: 10}})
	m.applyCommitted(read)
	if g := m.groups.build()[0]; g.Partitions[0].Beyond != 0 || g.Partitions[0].Lag != 0 {
		t.Errorf("with an end that was asked for before: %+v", g)
	}
}
