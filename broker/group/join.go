package group

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// joining is one JoinGroup under way.
type joining struct {
	*Join
	now   time.Time
	token Token
}

// Join is a JoinGroup request. Session timeouts were checked.
func (g *Group) Join(now time.Time, req *Join, token Token) Effects {
	j := joining{req, now, token}
	switch {
	case !g.hasRoomFor(req.MemberID):
		g.dropOversize(req.MemberID)
		g.refuseJoin(j, "", kerr.GroupMaxSizeReached)
	case g.state == Dead:
		g.refuseJoin(j, req.MemberID, kerr.CoordinatorNotAvailable)
	case !g.accepts(req.ProtocolType, req.Protocols):
		g.refuseJoin(j, req.MemberID, kerr.InconsistentGroupProtocol)
	case req.MemberID == "":
		g.joinAnew(j)
	default:
		g.joinAgain(j)
	}
	g.completeJoin(now)
	return g.settle(now)
}

// hasRoomFor reports whether group.max.size lets this member in (KIP-389). While members join, those who wait are counted:
// the last to come are shed when the limit was lowered.
func (g *Group) hasRoomFor(id string) bool {
	m := g.members.get(id)
	switch g.state {
	case PreparingRebalance:
		return m != nil && m.join != nil || g.members.waiting < g.limits.MaxSize
	case CompletingRebalance, Stable:
		return m != nil || g.members.size() < g.limits.MaxSize
	default:
		return true
	}
}

func (g *Group) dropOversize(id string) {
	delete(g.pending, id)
	if m := g.members.get(id); m != nil {
		g.drop(m)
	}
}

// joinAnew lets somebody in who has no member id.
func (g *Group) joinAnew(j joining) {
	prefix := j.ClientID
	if j.InstanceID != nil {
		prefix = *j.InstanceID
	}
	id := prefix + "-" + j.UniqueMemberPart
	if j.InstanceID != nil {
		if m, ok := g.members.static(*j.InstanceID); ok {
			g.replace(j, m, id)
			return
		}
	} else if j.NeedsKnownID {
		if g.pending == nil {
			g.pending = map[string]time.Time{}
		}
		g.pending[id] = j.now.Add(j.Session)
		g.refuseJoin(j, id, kerr.MemberIDRequired)
		return
	}
	g.admit(j, id)
}

// joinAgain is a member, or one that was given its id to join with.
func (g *Group) joinAgain(j joining) {
	if _, ok := g.pending[j.MemberID]; ok {
		if j.InstanceID != nil {
			g.refuseJoin(j, j.MemberID, kerr.UnknownServerError) // ids of static members are never pending
			return
		}
		g.admit(j, j.MemberID)
		return
	}
	if err := g.checkMember(j.MemberID, j.InstanceID); err != nil {
		g.refuseJoin(j, j.MemberID, err)
		return
	}
	m := g.members.get(j.MemberID)
	same := m.wants(j.Protocols)
	switch {
	case g.state == PreparingRebalance:
		g.rejoin(j, m, "member %s joins while the group prepares to rebalance")
	case g.state == Stable && g.leader == m.id:
		g.rejoin(j, m, "leader %s joins again")
	case !same:
		g.rejoin(j, m, "member %s joins with other metadata")
	default: // it has not heard of the generation that it is in
		g.out.Joins = append(g.out.Joins, JoinAnswer{j.token, g.joined(m, g.state == CompletingRebalance)})
	}
}

// admit adds a member and begins a rebalance.
func (g *Group) admit(j joining, id string) {
	m := &member{
		id: id, instance: j.InstanceID, clientID: j.ClientID, host: j.Host, session: j.Session, rebalance: j.Rebalance,
		protocols: j.Protocols, isNew: true, join: j.token, deadline: j.now.Add(newMemberJoinTimeout),
	}
	delete(g.pending, id)
	if g.members.size() == 0 {
		g.protocolType = j.ProtocolType
	}
	if g.leader == "" {
		g.leader = id
	}
	if g.state == PreparingRebalance && g.generation == 0 {
		g.joining.grew = true
	}
	g.members.add(m)
	g.tellOf(MemberJoined, m, j.Reason)
	g.mayRebalance(j.now, because(fmt.Sprintf("member %s joined", id), j.Reason))
}

// rejoin parks a member's join and begins a rebalance, unless one is being prepared.
func (g *Group) rejoin(j joining, m *member, why string) {
	g.update(j, m)
	g.mayRebalance(j.now, because(fmt.Sprintf(why, m.id), j.Reason))
}

// update takes over what a member says of itself, and parks its join.
func (g *Group) update(j joining, m *member) {
	g.answerJoin(m, JoinReply{Err: kerr.RebalanceInProgress, MemberID: m.id, Generation: -1}) // its earlier request, if it waits
	g.members.setProtocols(m, j.Protocols)
	m.rebalance, m.session = j.Rebalance, j.Session
	g.members.setJoin(m, j.token)
}

func because(what, reason string) string {
	if reason == "" {
		return what
	}
	return what + ": " + reason
}

// joined answers a member with the current generation.
func (g *Group) joined(m *member, withMembers bool) JoinReply {
	protocolType := g.protocolType // a copy: the reply may be encoded when the group has another
	r := JoinReply{MemberID: m.id, Generation: g.generation, ProtocolType: &protocolType, Protocol: g.protocol, Leader: g.leader}
	if withMembers && m.id == g.leader {
		r.Members = g.everybody()
	}
	return r
}

// everybody is what a leader assigns by.
func (g *Group) everybody() []JoinedMember {
	all := make([]JoinedMember, 0, g.members.size())
	for _, m := range g.members.all {
		all = append(all, JoinedMember{m.id, m.instance, m.metadata(*g.protocol)})
	}
	return all
}

func (g *Group) refuseJoin(j joining, id string, err *kerr.Error) {
	g.out.Joins = append(g.out.Joins, JoinAnswer{j.token, JoinReply{Err: err, MemberID: id, Generation: -1}})
}

// answerJoin replies to a member's parked join, if there is one.
func (g *Group) answerJoin(m *member, r JoinReply) {
	if m.join == nil {
		return
	}
	g.out.Joins = append(g.out.Joins, JoinAnswer{m.join, r})
	g.members.setJoin(m, nil)
}
