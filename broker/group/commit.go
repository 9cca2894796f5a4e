package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/batch"
)

// Commit is an OffsetCommit or TxnOffsetCommit request.
func (g *Group) Commit(now time.Time, c *Commit, token Token) Effects {
	err := g.checkCommit(c)
	if err == nil && !c.Transactional && g.state == CompletingRebalance {
		err = kerr.RebalanceInProgress // who commits has heard of a generation whose assignment it does not have yet
	}
	if err != nil {
		g.refuseCommit(c, token, err)
		return g.settle(now)
	}
	if m := g.members.get(c.MemberID); m != nil && !c.Transactional {
		m.beat(now)
	}
	g.persistCommit(now, c, token)
	return g.settle(now)
}

// checkCommit lets members of the current generation commit, and others as long as the group has no members. Transactional
// commits of old clients do not say who sends them.
func (g *Group) checkCommit(c *Commit) *kerr.Error {
	anonymous := c.Generation < 0 && c.MemberID == "" && c.InstanceID == nil
	switch {
	case g.state == Dead:
		return kerr.CoordinatorNotAvailable
	case c.Generation < 0 && g.state == Empty:
		return nil
	case !anonymous:
		return g.check(c.Membership)
	case !c.Transactional && g.state != Empty:
		return kerr.UnknownMemberID
	default:
		return nil
	}
}

func (g *Group) persistCommit(now time.Time, c *Commit, token Token) {
	fit := make([]CommittedOffset, 0, len(c.Offsets))
	for i := range c.Offsets {
		if !g.limits.MetadataTooLarge(c.Offsets[i].Metadata) {
			fit = append(fit, c.Offsets[i])
		}
	}
	if len(fit) == 0 {
		g.answerCommit(c, token, nil)
		return
	}
	records := make([]batch.Record, len(fit))
	for i := range fit {
		records[i] = offsetRecord(now, g.id, &fit[i])
	}
	if c.Transactional {
		g.appendTx(records, fit, c, token)
		return
	}
	counted := g.offsets.begin(fit)
	g.append(records, func(_ time.Time, base int64, err *kerr.Error) {
		g.offsets.end(fit, counted, base, err != nil)
		g.answerCommit(c, token, commitError(err))
	})
}

func (g *Group) appendTx(records []batch.Record, fit []CommittedOffset, c *Commit, token Token) {
	entries := g.offsets.beginTx(c.ProducerID, fit)
	a := g.append(records, func(_ time.Time, base int64, err *kerr.Error) {
		g.offsets.endTx(c.ProducerID, fit, entries, base, err != nil)
		g.answerCommit(c, token, commitError(err))
	})
	a.ProducerID, a.ProducerEpoch, a.Guard = c.ProducerID, c.ProducerEpoch, c.Guard
}

// refuseCommit says the same of every offset.
func (g *Group) refuseCommit(c *Commit, token Token, err *kerr.Error) {
	g.out.Commits = append(g.out.Commits, CommitAnswer{token, SameError(err, len(c.Offsets))})
}

// answerCommit says of every offset what became of the append, but of those that were left out of it.
func (g *Group) answerCommit(c *Commit, token Token, err *kerr.Error) {
	errs := SameError(err, len(c.Offsets))
	for i := range c.Offsets {
		if g.limits.MetadataTooLarge(c.Offsets[i].Metadata) {
			errs[i] = kerr.OffsetMetadataTooLarge
		}
	}
	g.out.Commits = append(g.out.Commits, CommitAnswer{token, errs})
}

// SameError is n times the same error.
func SameError(err *kerr.Error, n int) []*kerr.Error {
	errs := make([]*kerr.Error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// commitError is what a client is told of a failed append of offsets.
func commitError(err *kerr.Error) *kerr.Error {
	switch err {
	case kerr.UnknownTopicOrPartition, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend:
		return kerr.CoordinatorNotAvailable
	case kerr.NotLeaderForPartition, kerr.KafkaStorageError:
		return kerr.NotCoordinator
	case kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidFetchSize:
		return kerr.InvalidCommitOffsetSize
	case kerr.NetworkException:
		return kerr.CoordinatorLoadInProgress
	default:
		return err
	}
}
