package group

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// replace gives a static member that comes back without its member id another one (KIP-345). Whoever had the old one is
// fenced. A Stable group does not rebalance for it, as long as the protocol stays the same.
func (g *Group) replace(j joining, m *member, id string) {
	before := replaced{member: m, id: m.id, leader: g.leader, session: m.session, rebalance: m.rebalance}
	g.answerJoin(m, JoinReply{Err: kerr.FencedInstanceID, MemberID: m.id, Generation: -1})
	g.answerSync(m, SyncReply{Err: kerr.FencedInstanceID})
	g.rename(m, id)
	g.update(j, m)
	m.beat(j.now)
	switch g.state {
	case Stable:
		if g.choose() != *g.protocol {
			g.mayRebalance(j.now, because(fmt.Sprintf("static member %s came back and changes the protocol", m.id), j.Reason))
			return
		}
		g.persistReplacement(j, before)
	case CompletingRebalance: // the leader may assign to the old id
		g.prepareRebalance(j.now, because(fmt.Sprintf("static member %s came back", m.id), j.Reason))
	}
}

// replaced is what a static member was before it came back.
type replaced struct {
	member             *member
	id, leader         string
	session, rebalance time.Duration
}

func (g *Group) rename(m *member, id string) {
	if g.leader == m.id {
		g.leader = id
	}
	g.members.rename(m, id)
}

// persistReplacement writes the group with the new member id, and answers the join after that.
func (g *Group) persistReplacement(j joining, before replaced) {
	m, generation := before.member, g.generation
	g.append(g.metadataRecord(j.now, g.assignments()), func(now time.Time, _ int64, err *kerr.Error) {
		if g.generation != generation || g.state != Stable || g.members.get(m.id) != m || m.join != j.token {
			return // a rebalance has begun meanwhile, and answers the join
		}
		if err == nil {
			g.answerReplaced(now, j, m, before.leader)
			return
		}
		g.members.setJoin(m, nil)
		g.rename(m, before.id)
		m.session, m.rebalance = before.session, before.rebalance
		m.beat(now)
		reply := g.joined(m, false)
		reply.Err, reply.MemberID, reply.Leader = metadataError(err), "", before.leader
		g.out.Joins = append(g.out.Joins, JoinAnswer{j.token, reply})
	})
}

// answerReplaced lets a returned static member go on in the current generation. Nobody would hear of an assignment that it
// made now: so a leader that knows SkipAssignment is told not to make one, and one that does not is told that the leader is
// the one it was (KIP-814).
func (g *Group) answerReplaced(now time.Time, j joining, m *member, oldLeader string) {
	reply := g.joined(m, j.CanSkip)
	if j.CanSkip {
		reply.SkipAssignment = m.id == g.leader
	} else {
		reply.Leader = oldLeader
	}
	g.answerJoin(m, reply)
	m.beat(now)
}

// metadataError is what members are told of a failed append of the group's metadata.
func metadataError(err *kerr.Error) *kerr.Error {
	switch err {
	case kerr.UnknownTopicOrPartition, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend:
		return kerr.CoordinatorNotAvailable
	case kerr.NotLeaderForPartition, kerr.KafkaStorageError:
		return kerr.NotCoordinator
	case kerr.RequestTimedOut:
		return kerr.RebalanceInProgress
	case kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidFetchSize:
		return kerr.UnknownServerError
	default:
		return err
	}
}
