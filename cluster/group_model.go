package cluster

import (
	"slices"
	"strings"
	"time"
)

const (
	groupsARound = 100             // groups of one coordinator that are read in depth in one round
	wantedFor    = 3 * time.Second // how long a group stays wanted after somebody looked at it
	trendSize    = 120             // samples of a group's lag
	trendStep    = time.Second     // between two of them
	endsFreshFor = 2 * time.Second // how old a high watermark may be for the lag of a wanted group
	tellMembers  = 8               // members that join or leave at once are told one by one up to this number
)

// groupsModel is what is known of the groups. It is part of the model.
type groupsModel struct {
	byName map[string]*groupModel
	wanted map[string]time.Time // by name: when it was last asked for
	listed map[int32]time.Time  // by broker: when it last listed its groups
	err    error                // of the last listing; nil: some broker answered
	built  []Group
	dirty  bool
}

type groupModel struct {
	group  Group
	missed bool      // its coordinator did not list it the last time
	said   string    // the state at its last reading in depth
	tried  time.Time // when that was, also where it failed
}

func newGroupsModel() groupsModel {
	return groupsModel{byName: map[string]*groupModel{}, wanted: map[string]time.Time{}, listed: map[int32]time.Time{}}
}

// want notes that somebody looks at these groups, and says whether one of them was not wanted before.
func (g *groupsModel) want(now time.Time, names []string) (fresh bool) {
	for _, name := range names {
		fresh = fresh || now.Sub(g.wanted[name]) > wantedFor
		g.wanted[name] = now
	}
	return fresh
}

// looking says whether somebody looks at a group.
func (g *groupsModel) looking(now time.Time) bool {
	for name, at := range g.wanted {
		if now.Sub(at) <= wantedFor {
			return true
		}
		delete(g.wanted, name)
	}
	return false
}

// listing is one broker's answer to ListGroups.
type listing struct {
	broker int32
	at     time.Time
	groups []listedGroup
}

type listedGroup struct{ name, state, kind, protocolType string }

// list takes a broker's listing in. A group that its coordinator misses once may be on its way to another; missed twice, it
// is gone.
func (g *groupsModel) list(l listing, d *diff) {
	first := g.listed[l.broker].IsZero()
	g.err, g.dirty, g.listed[l.broker] = nil, true, l.at
	present := make(map[string]bool, len(l.groups))
	for _, found := range l.groups {
		present[found.name] = true
		known, ok := g.byName[found.name]
		if !ok {
			known = &groupModel{group: Group{Name: found.name, Epoch: Unknown, Lag: Unknown}}
			g.byName[found.name] = known
			if !first {
				d.group(KindGroupCreated, found.name, l.broker, map[string]any{"state": found.state})
			}
		}
		known.missed = false
		at := &known.group
		at.Type, at.ProtocolType, at.Coordinator, at.At = found.kind, found.protocolType, l.broker, l.at
		at.enter(found.state, d)
	}
	for name, known := range g.byName {
		switch {
		case present[name] || known.group.Coordinator != l.broker:
		case !known.missed:
			known.missed = true
		default:
			delete(g.byName, name)
			d.group(KindGroupDeleted, name, l.broker, nil)
		}
	}
}

// enter takes a state that was told. A broker before Kafka 2.6 lists none: what a description told holds on.
func (g *Group) enter(state string, d *diff) {
	if state == "" || state == g.State {
		return
	}
	if g.State != "" {
		d.group(KindGroupState, g.Name, g.Coordinator, map[string]any{"old": g.State, "new": state})
	}
	g.State = state
}

// deepen chooses which of a coordinator's groups to read in depth now: those that somebody looks at, then those whose state
// changed since, then those that were read longest ago.
func (g *groupsModel) deepen(broker int32, now time.Time, limit int) []string {
	var all []*groupModel
	for _, known := range g.byName {
		if known.group.Coordinator == broker && known.group.Type != "share" {
			all = append(all, known)
		}
	}
	rank := func(k *groupModel) int {
		switch at, wanted := g.wanted[k.group.Name]; {
		case wanted && now.Sub(at) <= wantedFor:
			return 0
		case k.said != k.group.State:
			return 1
		}
		return 2
	}
	slices.SortFunc(all, func(a, b *groupModel) int {
		if r := rank(a) - rank(b); r != 0 {
			return r
		}
		if c := a.tried.Compare(b.tried); c != 0 {
			return c
		}
		return strings.Compare(a.group.Name, b.group.Name)
	})
	names := make([]string, 0, min(limit, len(all)))
	for _, known := range all[:min(limit, len(all))] {
		names = append(names, known.group.Name)
	}
	return names
}

// described is one group's answer to DescribeGroups or ConsumerGroupDescribe.
type described struct {
	name, state, protocol string
	epoch                 int32
	members               []GroupMember
	at                    time.Time
	err                   error
}

// describe takes a description in.
func (g *groupsModel) describe(in described, d *diff) {
	known, ok := g.byName[in.name]
	if !ok {
		return
	}
	g.dirty = true
	at := &known.group
	known.tried, known.said = in.at, at.State // its turn has passed
	if at.Err = in.err; in.err != nil {
		return // what was read before stays, with its age
	}
	if !at.MembersAt.IsZero() {
		d.members(*at, in)
	}
	at.enter(in.state, d)
	known.said = at.State
	at.Protocol, at.Epoch, at.Members, at.MembersAt = in.protocol, in.epoch, in.members, in.at
	at.assign()
}

// assign notes which member has each of the group's partitions.
func (g *Group) assign() {
	owner := map[partitionKey]int{}
	for i, m := range g.Members {
		for _, t := range m.Assigned {
			for _, p := range t.Partitions {
				owner[partitionKey{t.Topic, p}] = i
			}
		}
	}
	list := make([]GroupPartition, 0, len(g.Partitions)+len(owner))
	for _, p := range g.Partitions {
		key := partitionKey{p.Topic, p.Partition}
		i, owned := owner[key]
		if p.Member = i; !owned {
			p.Member = Unknown
		}
		if owned || p.Committed >= 0 {
			list = append(list, p)
		}
		delete(owner, key)
	}
	for key, i := range owner {
		list = append(list, GroupPartition{Topic: key.topic, Partition: key.partition, Committed: Unknown, Epoch: Unknown, End: Unknown, Lag: Unknown, Member: i})
	}
	sortPartitions(list)
	g.Partitions = list
}

func sortPartitions(list []GroupPartition) {
	slices.SortFunc(list, func(a, b GroupPartition) int {
		if c := strings.Compare(a.Topic, b.Topic); c != 0 {
			return c
		}
		return int(a.Partition) - int(b.Partition)
	})
}

// committed is one group's answer to OffsetFetch.
type committed struct {
	name    string
	offsets []GroupPartition // Topic, Partition, Committed, Epoch and Metadata
	at      time.Time
	err     error
}

// applyCommitted takes a group's offsets in, and measures its lag against the high watermarks that are known.
func (m *model) applyCommitted(in committed) {
	known, ok := m.groups.byName[in.name]
	if !ok {
		return
	}
	m.groups.dirty = true
	g := &known.group
	if in.err != nil {
		g.Err = in.err
		return
	}
	g.Partitions, g.OffsetsAt = in.offsets, in.at
	g.assign()
	g.Lag = Unknown
	for i := range g.Partitions {
		p := &g.Partitions[i]
		p.End, p.EndAt, p.Lag, p.Beyond = Unknown, time.Time{}, Unknown, 0
		if t, ok := m.topics[p.Topic]; ok && t.partitions[p.Partition] != nil {
			p.measure(t.partitions[p.Partition], in.at)
		}
		if p.Lag >= 0 {
			g.Lag = max(0, g.Lag) + p.Lag
		}
	}
	g.sample(in.at)
}

// measure compares what was committed, as read at a time, with the high watermark. One that was asked for earlier may have been
// passed since; an offset beyond one that was asked for later is none that the log has.
func (p *GroupPartition) measure(log *partitionModel, read time.Time) {
	p.End, p.EndAt = log.high, log.at
	switch {
	case p.End < 0 || p.Committed < 0:
	case p.Committed <= p.End:
		p.Lag = p.End - p.Committed
	case log.asked.Before(read):
		p.Lag = 0
	default:
		p.Beyond = p.Committed - p.End
	}
}

// sample adds the lag to the trend, unless the newest sample is too young.
func (g *Group) sample(at time.Time) {
	if g.Lag < 0 || len(g.Trend) > 0 && at.Sub(g.Trend[len(g.Trend)-1].At) < trendStep/2 {
		return
	}
	trend := g.Trend[max(0, len(g.Trend)-trendSize+1):]
	g.Trend = append(slices.Clone(trend), LagSample{at, g.Lag}) // snapshots hold the old one
}

// staleEnds are the partitions of a reading whose high watermark is not known, is passed by what was committed, or is older than
// the lag of a group that somebody looks at should be.
func (m *model) staleEnds(in []committed, now time.Time) []partitionKey {
	var keys []partitionKey
	seen := map[partitionKey]bool{}
	for _, c := range in {
		if now.Sub(m.groups.wanted[c.name]) > wantedFor {
			continue
		}
		for _, p := range c.offsets {
			key := partitionKey{p.Topic, p.Partition}
			t, ok := m.topics[p.Topic]
			if !ok || seen[key] || t.partitions[p.Partition] == nil {
				continue
			}
			if end := t.partitions[p.Partition]; now.Sub(end.at) < endsFreshFor && p.Committed <= end.high {
				continue
			}
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}

// build returns the groups by name; the same slice as long as nothing new was read.
func (g *groupsModel) build() []Group {
	if !g.dirty {
		return g.built
	}
	g.dirty = false
	built := make([]Group, 0, len(g.byName))
	for _, name := range sortedKeys(g.byName) {
		built = append(built, g.byName[name].group)
	}
	g.built = built
	return built
}

// at is when the groups were last listed by a broker; zero: never.
func (g *groupsModel) at() time.Time {
	var newest time.Time
	for _, at := range g.listed {
		if at.After(newest) {
			newest = at
		}
	}
	return newest
}
