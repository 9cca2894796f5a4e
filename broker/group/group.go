package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Group is one group. New and a loaded partition make it; its methods must not be called at the same time.
type Group struct {
	id     string
	limits *Limits

	state        State
	since        time.Time // when the state began; zero if the log does not say
	protocolType string    // "" for a group that has never had members
	protocol     *string   // of the current generation; nil if it has no members
	generation   int32
	leader       string // member id, "" for none
	members      roster
	pending      map[string]time.Time // member ids that were given out and have not joined, and until when they may

	joining  joinPhase
	syncing  syncPhase
	subjects *topicSet // what the members subscribe to; nil if that is not known

	offsets offsets
	out     Effects // of the method that runs
}

// New is a group without members and offsets.
func New(id string, limits *Limits, now time.Time) *Group {
	return &Group{id: id, limits: limits, since: now}
}

// ID is the group's id.
func (g *Group) ID() string { return g.id }

// State is the group's state.
func (g *Group) State() State { return g.state }

// Generation counts completed rebalances; 0 before the first.
func (g *Group) Generation() int32 { return g.generation }

// ProtocolType is what kind of members the group has, such as consumer or connect; "" if it never had any.
func (g *Group) ProtocolType() string { return g.protocolType }

// Offsets counts the partitions that have a committed offset.
func (g *Group) Offsets() int { return len(g.offsets.committed) }

// Members counts the members.
func (g *Group) Members() int { return g.members.size() }

func (g *Group) enter(s State, now time.Time) { g.state, g.since = s, now }

// Describe tells what DescribeGroups wants to know. Its slices must not be changed.
func (g *Group) Describe() Described {
	d := Described{State: g.state, ProtocolType: g.protocolType}
	stable := g.state == Stable
	if stable {
		d.Protocol = *g.protocol
	}
	for _, m := range g.members.all {
		dm := DescribedMember{MemberID: m.id, InstanceID: m.instance, ClientID: m.clientID, Host: m.host}
		if stable {
			dm.Metadata, dm.Assignment = m.metadata(*g.protocol), m.assignment
		}
		d.Members = append(d.Members, dm)
	}
	return d
}

// checkMember says why a request of a member is refused, whatever its generation.
func (g *Group) checkMember(id string, instance *string) *kerr.Error {
	if instance != nil {
		switch current, ok := g.members.static(*instance); {
		case !ok:
			return kerr.UnknownMemberID
		case current.id != id:
			return kerr.FencedInstanceID
		}
	}
	if g.members.get(id) == nil {
		return kerr.UnknownMemberID
	}
	return nil
}

// check is checkMember, and the generation.
func (g *Group) check(w Membership) *kerr.Error {
	if err := g.checkMember(w.MemberID, w.InstanceID); err != nil {
		return err
	}
	if w.Generation != g.generation {
		return kerr.IllegalGeneration
	}
	return nil
}

// Heartbeat is a HeartBeat request.
func (g *Group) Heartbeat(now time.Time, w Membership) (*kerr.Error, Effects) {
	if g.state == Dead {
		return kerr.CoordinatorNotAvailable, Effects{}
	}
	if err := g.check(w); err != nil {
		return err, Effects{}
	}
	g.members.get(w.MemberID).beat(now)
	if g.state == PreparingRebalance {
		return kerr.RebalanceInProgress, g.settle(now)
	}
	return nil, g.settle(now)
}

// Unload ends the group because this broker does not coordinate it any more: who waits is told NOT_COORDINATOR.
func (g *Group) Unload(now time.Time) Effects {
	for _, m := range g.members.all {
		g.answerJoin(m, JoinReply{Err: kerr.NotCoordinator, MemberID: m.id, Generation: -1})
		g.answerSync(m, SyncReply{Err: kerr.NotCoordinator})
	}
	g.enter(Dead, now)
	return g.settle(now)
}

// Loaded begins the timers of a group that was read from the log.
func (g *Group) Loaded(now time.Time) Effects {
	for _, m := range g.members.all {
		m.beat(now)
	}
	if g.members.size() > g.limits.MaxSize {
		g.prepareRebalance(now, "the loaded group is over group.max.size")
	}
	return g.settle(now)
}
