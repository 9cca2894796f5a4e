package group

import (
	"cmp"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// joinPhase is the wait for members to join. It ends when all have, or at the deadline. The first rebalance of a group
// instead waits for its initial delay, and for more of them while members keep coming, up to the rebalance timeout (KIP-134).
type joinPhase struct {
	deadline time.Time
	initial  bool
	left     time.Duration // how much longer the initial delay may become
	grew     bool          // a member came in the initial delay
	reason   string
}

// leastWait is how long a group at least waits again when nobody joined: members may claim a rebalance timeout of nothing.
const leastWait = 100 * time.Millisecond

// syncPhase is the wait for members to fetch their assignment.
type syncPhase struct {
	deadline time.Time           // zero if nobody is waited for
	missing  map[string]struct{} // member ids
}

func (g *Group) mayRebalance(now time.Time, reason string) {
	if g.state.canRebalance() {
		g.prepareRebalance(now, reason)
	}
}

// prepareRebalance asks all members to join again.
func (g *Group) prepareRebalance(now time.Time, reason string) {
	if g.state == CompletingRebalance {
		g.failSyncs(now, kerr.RebalanceInProgress)
	}
	g.syncing = syncPhase{}
	timeout, delay := g.members.rebalanceTimeout(), g.limits.InitialDelay
	g.joining = joinPhase{deadline: now.Add(timeout), reason: reason}
	if g.state == Empty {
		g.joining.deadline, g.joining.initial, g.joining.left = now.Add(delay), true, max(timeout-delay, 0)
	}
	g.enter(PreparingRebalance, now)
	g.tell(Event{Kind: Rebalancing, Reason: reason})
	g.completeJoin(now)
}

// completeJoin ends the join phase if everybody is there who is expected.
func (g *Group) completeJoin(now time.Time) {
	all := g.members.waiting == g.members.size() && len(g.pending) == 0
	if g.state == PreparingRebalance && !g.joining.initial && all {
		g.endJoin(now)
	}
}

// joinDeadline is the end of the join phase's time.
func (g *Group) joinDeadline(now time.Time) {
	p := &g.joining
	if !p.initial || !p.grew || p.left == 0 {
		g.endJoin(now)
		return
	}
	more := min(g.limits.InitialDelay, p.left)
	p.grew, p.left, p.deadline = false, p.left-more, now.Add(more)
}

// endJoin begins the next generation with those who joined, and with static members that did not.
func (g *Group) endJoin(now time.Time) {
	for _, m := range g.members.dynamicAbsent() {
		g.tellOf(MemberExpired, m, "did not join again before the rebalance timeout")
		g.drop(m)
	}
	if g.members.size() > 0 && !g.electLeader() {
		g.joining.initial, g.joining.deadline = false, now.Add(max(g.members.rebalanceTimeout(), leastWait))
		return
	}
	g.generation++
	g.syncing = syncPhase{}
	if g.members.size() == 0 {
		g.becomeEmpty(now)
		return
	}
	chosen := g.choose()
	g.protocol = &chosen
	g.readSubscriptions()
	g.enter(CompletingRebalance, now)
	g.answerJoined(now)
}

// electLeader keeps the leader if it joined, or takes the first that did; false if nobody did.
func (g *Group) electLeader() bool {
	if m := g.members.get(g.leader); m != nil && m.join != nil {
		return true
	}
	for _, m := range g.members.all {
		if m.join != nil {
			g.leader = m.id
			return true
		}
	}
	return false
}

func (g *Group) answerJoined(now time.Time) {
	g.syncing = syncPhase{deadline: now.Add(g.members.rebalanceTimeout()), missing: make(map[string]struct{}, g.members.size())}
	for _, m := range g.members.all {
		g.answerJoin(m, g.joined(m, true))
		m.beat(now)
		m.isNew = false
		g.syncing.missing[m.id] = struct{}{}
	}
}

func (g *Group) becomeEmpty(now time.Time) {
	g.protocol = nil
	g.readSubscriptions()
	g.enter(Empty, now)
	g.tell(Event{Kind: Rebalanced, Reason: g.joining.reason})
	g.append(g.metadataRecord(now, nil), nil) // if this fails, the old members come back at the next load, and time out
}

// drop takes a member out. What it waits for is answered with UNKNOWN_MEMBER_ID: it begins anew, if it is there at all.
func (g *Group) drop(m *member) {
	g.answerJoin(m, JoinReply{Err: kerr.UnknownMemberID, Generation: -1})
	g.answerSync(m, SyncReply{Err: kerr.UnknownMemberID})
	g.members.remove(m)
	delete(g.syncing.missing, m.id)
	if g.leader == m.id {
		g.leader = ""
		if g.members.size() > 0 {
			g.leader = g.members.all[0].id
		}
	}
}

// removeMember drops a member, and lets the rest rebalance.
func (g *Group) removeMember(now time.Time, m *member, kind EventKind, why, reason string) {
	g.tellOf(kind, m, cmp.Or(reason, why))
	g.drop(m)
	if g.state == PreparingRebalance {
		g.completeJoin(now)
		return
	}
	if g.state == Stable || g.state == CompletingRebalance {
		g.prepareRebalance(now, because(fmt.Sprintf("member %s %s", m.id, why), reason))
	}
}

// dynamicAbsent are the members without an instance id that have not joined.
func (r *roster) dynamicAbsent() (absent []*member) {
	for _, m := range r.all {
		if m.instance == nil && m.join == nil {
			absent = append(absent, m)
		}
	}
	return absent
}
