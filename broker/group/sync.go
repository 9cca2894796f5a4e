package group

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Sync is a SyncGroup request.
func (g *Group) Sync(now time.Time, req *Sync, token Token) Effects {
	if err := g.checkSync(req); err != nil {
		g.out.Syncs = append(g.out.Syncs, SyncAnswer{token, SyncReply{Err: err}})
		return g.settle(now)
	}
	m := g.members.get(req.MemberID)
	switch g.state {
	case PreparingRebalance:
		g.out.Syncs = append(g.out.Syncs, SyncAnswer{token, SyncReply{Err: kerr.RebalanceInProgress}})
	case CompletingRebalance:
		g.answerSync(m, SyncReply{Err: kerr.RebalanceInProgress}) // its earlier request, if it waits
		m.sync = token
		g.synced(m)
		if m.id == g.leader {
			g.persistAssignment(now, req.Assignments)
		}
	case Stable:
		g.synced(m)
		m.beat(now)
		g.out.Syncs = append(g.out.Syncs, SyncAnswer{token, g.assigned(m)})
	}
	return g.settle(now)
}

func (g *Group) checkSync(req *Sync) *kerr.Error {
	if g.state == Dead {
		return kerr.CoordinatorNotAvailable
	}
	if err := g.check(req.Membership); err != nil {
		return err
	}
	if req.ProtocolType != nil && *req.ProtocolType != g.protocolType {
		return kerr.InconsistentGroupProtocol
	}
	if req.Protocol != nil && (g.protocol == nil || *req.Protocol != *g.protocol) {
		return kerr.InconsistentGroupProtocol
	}
	return nil
}

func (g *Group) synced(m *member) {
	if delete(g.syncing.missing, m.id); len(g.syncing.missing) == 0 {
		g.syncing = syncPhase{}
	}
}

// persistAssignment writes the generation as its leader assigned it. The group is Stable after that, unless another
// rebalance has begun meanwhile.
func (g *Group) persistAssignment(now time.Time, by map[string][]byte) {
	assignments := make(map[string][]byte, g.members.size())
	for _, m := range g.members.all {
		assignments[m.id] = by[m.id]
	}
	generation := g.generation
	g.append(g.metadataRecord(now, assignments), func(now time.Time, _ int64, err *kerr.Error) {
		if g.state != CompletingRebalance || g.generation != generation {
			return
		}
		if err != nil {
			told := metadataError(err)
			g.failSyncs(now, told)
			g.mayRebalance(now, fmt.Sprintf("the assignment could not be stored: %v", told.Message))
			return
		}
		g.stabilise(now, assignments)
	})
}

func (g *Group) stabilise(now time.Time, assignments map[string][]byte) {
	g.enter(Stable, now)
	for _, m := range g.members.all {
		m.assignment = assignments[m.id]
		if g.answerSync(m, g.assigned(m)) {
			m.beat(now)
		}
	}
	g.tell(Event{Kind: Rebalanced, Members: g.members.size(), Reason: g.joining.reason})
}

// failSyncs takes the assignments back and tells those who wait for them why.
func (g *Group) failSyncs(now time.Time, err *kerr.Error) {
	for _, m := range g.members.all {
		m.assignment = nil
		if g.answerSync(m, SyncReply{Err: err}) {
			m.beat(now)
		}
	}
}

func (g *Group) assigned(m *member) SyncReply {
	protocolType := g.protocolType // a copy: the reply may be encoded when the group has another
	return SyncReply{ProtocolType: &protocolType, Protocol: g.protocol, Assignment: m.assignment}
}

func (g *Group) assignments() map[string][]byte {
	all := make(map[string][]byte, g.members.size())
	for _, m := range g.members.all {
		all[m.id] = m.assignment
	}
	return all
}

// answerSync replies to a member's parked sync, if there is one.
func (g *Group) answerSync(m *member, r SyncReply) bool {
	if m.sync == nil {
		return false
	}
	g.out.Syncs = append(g.out.Syncs, SyncAnswer{m.sync, r})
	m.sync = nil
	return true
}
