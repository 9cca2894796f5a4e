package partition

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Proposal is an ISR change for the controller to commit with AlterPartition (KIP-497).
type Proposal struct {
	LeaderEpoch    int32
	PartitionEpoch int32 // the version the change is based on
	ISR            []int32
	Recovering     bool
}

// change is a proposal in flight. The maximal ISR is the committed set and, for a growth, the one who joins.
type change struct {
	proposal Proposal
	joins    int32 // None for a shrink
}

// Answer is the controller's verdict on a proposal. When Error is nil, the other fields are the committed state.
type Answer struct {
	Error          *kerr.Error
	LeaderEpoch    int32
	PartitionEpoch int32
	ISR            []int32
	Recovering     bool
}

func (p *Partition) inMaximalISR(id int32) bool {
	return p.change != nil && p.change.joins == id || slices.Contains(p.state.ISR, id)
}

func (p *Partition) maximalSize() int {
	if p.change != nil && p.change.joins != None {
		return len(p.state.ISR) + 1
	}
	return len(p.state.ISR)
}

// proposeGrowth proposes f, which has just fetched, for the ISR once it has reached the high watermark and this leader's epoch.
func (p *Partition) proposeGrowth(f *follower, live Liveness) *Proposal {
	f.qualified = p.mayJoin(f, live)
	if p.change != nil || !f.qualified {
		return nil
	}
	return p.proposeJoin(f)
}

func (p *Partition) mayJoin(f *follower, live Liveness) bool {
	return !slices.Contains(p.state.ISR, f.id) && f.end >= p.watermark && f.end >= p.epochStart && live.Alive(f.id)
}

func (p *Partition) proposeJoin(f *follower) *Proposal {
	f.qualified = false
	return p.propose(append(slices.Clone(p.state.ISR), f.id), f.id)
}

// Tick applies the passing of time: followers that have not caught up within replica.lag.time.max.ms are proposed for
// removal, and replicas the watermark no longer has to wait for may let it move. The owner calls it at least every half
// of that time.
func (p *Partition) Tick(now time.Time, live Liveness) (e Effects) {
	if p.role != Leader {
		return e
	}
	if isr := p.inSync(now); p.change == nil && len(isr) < len(p.state.ISR) {
		e.Propose = p.propose(isr, None)
	}
	p.advance(now, live, &e)
	return e
}

// inSync is the committed ISR without the members that lag.
func (p *Partition) inSync(now time.Time) []int32 {
	return slices.DeleteFunc(slices.Clone(p.state.ISR), func(id int32) bool {
		i := slices.IndexFunc(p.followers, func(f follower) bool { return f.id == id })
		return i >= 0 && !p.followers[i].inSync(p.end, now, p.settings.LagTimeMax)
	})
}

func (p *Partition) propose(isr []int32, joins int32) *Proposal {
	p.change = &change{joins: joins, proposal: Proposal{
		LeaderEpoch:    p.state.LeaderEpoch,
		PartitionEpoch: p.state.PartitionEpoch,
		ISR:            isr,
		// A leader elected uncleanly has recovered as soon as it can propose anything: local recovery is done.
		Recovering: false,
	}}
	return &p.change.proposal
}

// AlterPartitionAnswered applies the controller's verdict on the proposal sent. It reports true when the proposal must
// be sent again. Verdicts on anything but the change in flight are ignored.
func (p *Partition) AlterPartitionAnswered(sent *Proposal, a Answer, now time.Time, live Liveness) (again bool, e Effects) {
	if !p.Proposes(sent) {
		return false, e
	}
	switch a.Error {
	case nil:
		p.commit(a, now, live, &e)
	case kerr.IneligibleReplica, kerr.OperationNotAttempted:
		p.change = nil           // the follower fetches again and is proposed again if it is still in sync
		p.advance(now, live, &e) // the watermark no longer waits for it as for a member
	case kerr.FencedLeaderEpoch, kerr.InvalidUpdateVersion, kerr.UnknownTopicOrPartition, kerr.UnknownTopicID,
		kerr.InvalidRequest, kerr.NewLeaderElected:
		// A LeaderAndIsr that settles it is on its way; until then the maximal ISR stays the safe assumption.
	default:
		return true, e
	}
	return false, e
}

// commit takes over the state the controller reports, unless a newer one is known already.
func (p *Partition) commit(a Answer, now time.Time, live Liveness, e *Effects) {
	if a.LeaderEpoch != p.state.LeaderEpoch || a.PartitionEpoch < p.state.PartitionEpoch {
		return
	}
	p.state.ISR, p.state.PartitionEpoch, p.state.Recovering = a.ISR, a.PartitionEpoch, a.Recovering
	p.change = nil
	p.advance(now, live, e)
	e.Propose = p.nextGrowth(live)
}

// nextGrowth looks for a follower that qualified while another change was in flight, so that it need not wait for its
// next fetch.
func (p *Partition) nextGrowth(live Liveness) *Proposal {
	for i := range p.followers {
		if f := &p.followers[i]; f.qualified && p.mayJoin(f, live) {
			return p.proposeJoin(f)
		}
	}
	return nil
}

// Proposes tells whether the proposal is the change in flight, not yet answered or made void.
func (p *Partition) Proposes(sent *Proposal) bool {
	return p.change != nil && &p.change.proposal == sent
}
