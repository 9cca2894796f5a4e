package group

import (
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage"
)

// Join is a JoinGroup request. It calls done once, when the generation begins or the request is refused; done must not block.
func (c *Coordinator) Join(group string, req *Join, done func(JoinReply)) {
	refuse := func(err *kerr.Error) { done(JoinReply{Err: err, MemberID: req.MemberID, Generation: -1}) }
	p, e, err := c.findNamed(group)
	if err != nil {
		refuse(err)
		return
	}
	if req.Session < c.cfg.Limits.MinSession || req.Session > c.cfg.Limits.MaxSession {
		refuse(kerr.InvalidSessionTimeout)
		return
	}
	if e == nil && req.MemberID == "" {
		e, err = p.groupOrNew(group)
	} else if e == nil {
		err = kerr.UnknownMemberID
	}
	if err != nil {
		refuse(err)
		return
	}
	token := &waiting[JoinReply]{done}
	e.do(func(g *Group, now time.Time) Effects { return g.Join(now, req, token) })
}

// Sync is a SyncGroup request. It calls done once, when the assignment is there or the request is refused; done must not block.
func (c *Coordinator) Sync(group string, req *Sync, done func(SyncReply)) {
	_, e, err := c.findNamed(group)
	switch {
	case err == kerr.CoordinatorLoadInProgress:
		err = kerr.RebalanceInProgress // the rebalance is lost: the member begins it again, and needs no other coordinator
	case err == nil && e == nil:
		err = kerr.UnknownMemberID
	}
	if err != nil {
		done(SyncReply{Err: err})
		return
	}
	token := &waiting[SyncReply]{done}
	e.do(func(g *Group, now time.Time) Effects { return g.Sync(now, req, token) })
}

// Heartbeat is a Heartbeat request.
func (c *Coordinator) Heartbeat(group string, who Membership) *kerr.Error {
	_, e, err := c.findNamed(group)
	switch {
	case err == kerr.CoordinatorLoadInProgress:
		return nil // sessions begin anew when it is loaded
	case err != nil:
		return err
	case e == nil:
		return kerr.UnknownMemberID
	}
	e.do(func(g *Group, now time.Time) (out Effects) {
		err, out = g.Heartbeat(now, who)
		return out
	})
	return err
}

// Leave is a LeaveGroup request. It returns an error for all, or what became of each.
func (c *Coordinator) Leave(group string, leaving []Leaving) (whole *kerr.Error, each []*kerr.Error) {
	_, e, err := c.findNamed(group)
	if err != nil {
		return err, nil
	}
	if e == nil {
		return nil, SameError(kerr.UnknownMemberID, len(leaving))
	}
	e.do(func(g *Group, now time.Time) (out Effects) {
		whole, each, out = g.Leave(now, leaving)
		return out
	})
	return whole, each
}

// Commit is an OffsetCommit request. It calls done once with an error, or nil, for each offset; done must not block.
func (c *Coordinator) Commit(group string, req *Commit, done func([]*kerr.Error)) {
	p, e, err := c.find(group)
	switch {
	case err != nil || e != nil:
	case req.Generation >= 0:
		err = kerr.IllegalGeneration // of a group that is gone
	default:
		e, err = p.groupOrNew(group)
	}
	if err != nil {
		done(SameError(err, len(req.Offsets)))
		return
	}
	token := &waiting[[]*kerr.Error]{done}
	e.do(func(g *Group, now time.Time) Effects { return g.Commit(now, req, token) })
}

// CommitInTransaction is a TxnOffsetCommit request. It calls done once with an error, or nil, for each offset; done must not
// block. The offsets count when the transaction is committed.
func (c *Coordinator) CommitInTransaction(group string, tx Transaction, req *Commit, done func([]*kerr.Error)) {
	p, _, err := c.findNamed(group)
	if err != nil {
		done(SameError(err, len(req.Offsets)))
		return
	}
	verified := func(g storage.Guard, err *kerr.Error) {
		req.Guard = g
		if err != nil {
			done(SameError(commitError(err), len(req.Offsets)))
			return
		}
		p.commitInTransaction(group, req, done)
	}
	if c.cfg.Verify == nil {
		verified(0, nil)
		return
	}
	c.cfg.Verify(p.id, tx, verified)
}

func (p *partition) commitInTransaction(group string, req *Commit, done func([]*kerr.Error)) {
	e, err := p.groupOrNew(group)
	if err != nil {
		done(SameError(err, len(req.Offsets)))
		return
	}
	tx := p.opened(req.ProducerID, e) // before it is, so that the end of the transaction finds the group
	token := &waiting[[]*kerr.Error]{func(errs []*kerr.Error) {
		if slices.ContainsFunc(errs, func(err *kerr.Error) bool { return err != nil }) {
			p.closed(req.ProducerID, e, tx)
		}
		done(errs)
	}}
	e.do(func(g *Group, now time.Time) Effects { return g.Commit(now, req, token) })
}

// Fetch is one group of an OffsetFetch request: some partitions, or all if asked is nil.
func (c *Coordinator) Fetch(group string, asked []TopicPartition, stable bool) (found []FetchedOffset, err *kerr.Error) {
	p, e, err := c.find(group)
	if err != nil {
		return nil, err
	}
	if e == nil {
		for _, tp := range asked {
			found = append(found, noOffset(tp, nil))
		}
		return found, nil
	}
	e.see(func(g *Group) { found = g.Fetch(asked, stable) })
	if p.ctx.Err() != nil {
		return nil, kerr.NotCoordinator // nothing is known of a group that was unloaded meanwhile: "no offset" would have a consumer begin anew
	}
	return found, nil
}

// Describe is one group of a DescribeGroups request. A group that is not there is Dead.
func (c *Coordinator) Describe(group string) (d Described, err *kerr.Error) {
	_, e, err := c.find(group)
	if err != nil {
		return Described{}, err
	}
	if e == nil {
		return Described{State: Dead}, nil
	}
	e.see(func(g *Group) { d = g.Describe() })
	return d, nil
}

// Listed is what ListGroups tells of a group.
type Listed struct {
	ID, ProtocolType string
	State            State
}

// List is every group that is coordinated here, by id. The error says that some may be missing.
func (c *Coordinator) List() (all []Listed, err *kerr.Error) {
	if c.loading() {
		err = kerr.CoordinatorLoadInProgress
	}
	for _, e := range c.entries() {
		e.see(func(g *Group) { all = append(all, Listed{g.ID(), g.ProtocolType(), g.State()}) })
	}
	slices.SortFunc(all, func(a, b Listed) int { return strings.Compare(a.ID, b.ID) })
	return all, err
}

// Delete is one group of a DeleteGroups request.
func (c *Coordinator) Delete(group string) *kerr.Error {
	_, e, err := c.find(group)
	if err != nil {
		return err
	}
	if e == nil {
		return kerr.GroupIDNotFound
	}
	e.do(func(g *Group, now time.Time) (out Effects) {
		err, out = g.Delete(now)
		return out
	})
	return err
}

// DeleteOffsets is an OffsetDelete request. It returns an error for all, or what became of each.
func (c *Coordinator) DeleteOffsets(group string, all []TopicPartition) (whole *kerr.Error, each []*kerr.Error) {
	_, e, err := c.findNamed(group)
	if err != nil {
		return err, nil
	}
	if e == nil {
		return kerr.GroupIDNotFound, nil
	}
	e.do(func(g *Group, now time.Time) (out Effects) {
		whole, each, out = g.DeleteOffsets(now, all)
		return out
	})
	return whole, each
}

// findNamed is find for requests that the group without a name cannot make. Those that can keep old clients working.
func (c *Coordinator) findNamed(group string) (*partition, *entry, *kerr.Error) {
	if group == "" {
		return nil, nil, kerr.InvalidGroupID
	}
	return c.find(group)
}

// find is the partition of a group, if it is coordinated here, and the group, nil if there is none.
func (c *Coordinator) find(group string) (*partition, *entry, *kerr.Error) {
	p, err := c.partitionOf(group)
	if err != nil {
		return nil, nil, err
	}
	e, err := p.group(group)
	return p, e, err
}
