package group

import (
	"time"
)

// Deadline is when Tick must be called next; ok is false if nothing is waited for.
func (g *Group) Deadline() (at time.Time, ok bool) {
	sooner := func(t time.Time) {
		if !ok || t.Before(at) {
			at, ok = t, true
		}
	}
	if g.state == Dead {
		return at, false
	}
	if g.state == PreparingRebalance {
		sooner(g.joining.deadline)
	}
	if !g.syncing.deadline.IsZero() {
		sooner(g.syncing.deadline)
	}
	for _, until := range g.pending {
		sooner(until)
	}
	for _, m := range g.members.all {
		if m.counted() {
			sooner(m.deadline)
		}
	}
	return at, ok
}

// Tick does what is due by now.
func (g *Group) Tick(now time.Time) Effects { return g.settle(now) }

// expire ends the times that are over, until none is.
func (g *Group) expire(now time.Time) {
	for g.expireOne(now) {
	}
}

func (g *Group) expireOne(now time.Time) bool {
	if at, ok := g.Deadline(); !ok || at.After(now) {
		return false
	}
	due := func(t time.Time) bool { return !t.After(now) }
	if g.state == PreparingRebalance && due(g.joining.deadline) {
		g.joinDeadline(now)
		return true
	}
	if !g.syncing.deadline.IsZero() && due(g.syncing.deadline) {
		g.expireSyncs(now)
		return true
	}
	for id, until := range g.pending {
		if due(until) {
			delete(g.pending, id)
			g.completeJoin(now)
			return true
		}
	}
	for _, m := range g.members.all {
		if m.counted() && due(m.deadline) {
			g.removeMember(now, m, MemberExpired, "was not heard of for its session timeout", "")
			return true
		}
	}
	return false
}

// expireSyncs removes who has not asked for its assignment within the rebalance timeout, and rebalances without them.
func (g *Group) expireSyncs(now time.Time) {
	for _, m := range append([]*member(nil), g.members.all...) {
		if _, missing := g.syncing.missing[m.id]; missing {
			g.tellOf(MemberExpired, m, "did not ask for its assignment before the rebalance timeout")
			g.drop(m)
		}
	}
	g.prepareRebalance(now, "members did not ask for their assignment")
}
