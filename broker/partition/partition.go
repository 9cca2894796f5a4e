package partition

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Role is what this broker's replica is at the moment.
type Role uint8

// A replica is Idle until the controller's first LeaderAndIsr and again after StopReplica.
const (
	Idle Role = iota
	Leader
	Follower
)

// None stands for "no leader" and "no epoch".
const None int32 = -1

// unknown is the log end of a follower that has not fetched since this broker became leader.
const unknown int64 = -1

// Liveness tells which brokers may be in an ISR: those in the controller's live set.
type Liveness interface {
	Alive(broker int32) bool
}

// Settings are the values the rules depend on.
type Settings struct {
	MinISR     int           // min.insync.replicas, at least 1
	LagTimeMax time.Duration // replica.lag.time.max.ms
}

// State is what the controller says about a partition in LeaderAndIsr.
type State struct {
	ControllerEpoch int32
	Leader          int32
	LeaderEpoch     int32
	PartitionEpoch  int32 // version of the state znode
	ISR             []int32
	Replicas        []int32
	Recovering      bool // leader_recovery_state: the leader was elected uncleanly and has not yet reported RECOVERED
}

// Partition is the state of one replica. Create it with New.
type Partition struct {
	broker   int32 // this broker
	settings Settings

	role  Role
	state State // committed; State.ISR always holds the leader while role is Leader
	since int32 // leader epoch in which this replica began to lead; meaningful for a leader

	end        int64 // log end offset
	watermark  int64 // high watermark; <= end
	epochStart int64 // log end when this leader epoch began; meaningful for a leader

	followers []follower // every other replica, in assignment order; only for a leader
	change    *change    // the ISR change in flight, nil if none
	waiters   []Waiter   // by offset; all above the high watermark
}

// New returns an idle replica of a log that ends at end, with the high watermark last checkpointed for it. The caller
// clamps the watermark into the log's bounds.
func New(broker int32, settings Settings, end, watermark int64) *Partition {
	return &Partition{
		broker:    broker,
		settings:  settings,
		state:     State{Leader: None, LeaderEpoch: None, PartitionEpoch: None},
		end:       end,
		watermark: watermark,
	}
}

// Effects is what the owner must do after an input. The zero value means nothing.
type Effects struct {
	// Acked are waiters to complete now with AckError (nil: the records are committed). The slice is the owner's.
	Acked    []Waiter
	AckError *kerr.Error

	HighWatermarkMoved bool      // wake fetches that wait for the high watermark
	Propose            *Proposal // send with AlterPartition, resend until answered with something final
}

// Role says whether this replica leads.
func (p *Partition) Role() Role { return p.role }

// Leader is the broker that leads, or None.
func (p *Partition) Leader() int32 { return p.state.Leader }

// LeaderEpoch is the epoch of the last LeaderAndIsr, None before the first.
func (p *Partition) LeaderEpoch() int32 { return p.state.LeaderEpoch }

// LeadsSince is the leader epoch in which this replica began to lead without a break, None if it does not lead. The epoch may
// have been raised since, by one at a time: the controller does that when it takes a replica out of the ISR, for example.
func (p *Partition) LeadsSince() int32 {
	if p.role != Leader {
		return None
	}
	return p.since
}

// PartitionEpoch is the version of the state znode as this replica knows it.
func (p *Partition) PartitionEpoch() int32 { return p.state.PartitionEpoch }

// HighWatermark is the offset after the last committed record.
func (p *Partition) HighWatermark() int64 { return p.watermark }

// EndOffset is the log end offset.
func (p *Partition) EndOffset() int64 { return p.end }

// ISR is the committed in-sync replica set. It must not be changed.
func (p *Partition) ISR() []int32 { return p.state.ISR }

// Replicas is the assignment. It must not be changed.
func (p *Partition) Replicas() []int32 { return p.state.Replicas }

// SetMinISR changes min.insync.replicas; lowering it may let the high watermark move.
func (p *Partition) SetMinISR(n int, now time.Time, live Liveness) Effects {
	p.settings.MinISR = n
	var e Effects
	p.advance(now, live, &e)
	return e
}

// BecomeLeader takes over leadership. A new leader epoch starts at the current log end, and every follower's progress
// is unknown until it fetches. It reports false, and changes nothing but the committed state, when this replica already
// leads in that epoch.
func (p *Partition) BecomeLeader(s State, now time.Time, live Liveness) (newEpoch bool, e Effects) {
	newEpoch = p.role != Leader || s.LeaderEpoch > p.state.LeaderEpoch
	wasLeader := p.role == Leader
	if !wasLeader || s.LeaderEpoch > p.state.LeaderEpoch+1 { // another may have led in the epoch that was missed
		p.since = s.LeaderEpoch
	}
	p.role, p.state, p.change = Leader, s, nil
	if newEpoch {
		p.epochStart = p.end
	}
	p.rebuildFollowers(wasLeader, newEpoch, now)
	p.advance(now, live, &e)
	return newEpoch, e
}

// rebuildFollowers keeps what is known of followers only when leadership continues.
func (p *Partition) rebuildFollowers(wasLeader, newEpoch bool, now time.Time) {
	old := p.followers
	p.followers = make([]follower, 0, len(p.state.Replicas))
	for _, id := range p.state.Replicas {
		if id == p.broker {
			continue
		}
		f := newFollower(id)
		if i := slices.IndexFunc(old, func(f follower) bool { return f.id == id }); wasLeader && i >= 0 {
			f = old[i]
		}
		if newEpoch {
			f.restart(p.end, slices.Contains(p.state.ISR, id), now)
		}
		p.followers = append(p.followers, f)
	}
}

// BecomeFollower gives up leadership, if this replica had it, and follows s.Leader (None: nobody for now). Waiters come
// back with NOT_LEADER_OR_FOLLOWER.
func (p *Partition) BecomeFollower(s State) Effects {
	p.role, p.state = Follower, s
	return p.resign(kerr.NotLeaderForPartition)
}

// Stop makes the replica idle: the controller stopped it, or its log directory failed. Waiters come back with why.
func (p *Partition) Stop(why *kerr.Error) Effects {
	p.role = Idle
	return p.resign(why)
}

func (p *Partition) resign(why *kerr.Error) Effects {
	acked := p.waiters
	p.followers, p.change, p.waiters = nil, nil, nil
	return Effects{Acked: acked, AckError: why}
}

// CheckLeader tells whether a request that carries currentEpoch (None if it carries none) may be served by this
// replica as leader: nil, NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH (KIP-320).
func (p *Partition) CheckLeader(currentEpoch int32) *kerr.Error {
	if err := p.CheckEpoch(currentEpoch); err != nil {
		return err
	}
	if p.role != Leader {
		return kerr.NotLeaderForPartition
	}
	return nil
}

// CheckEpoch compares a request's leader epoch with this replica's, for requests any replica may serve.
func (p *Partition) CheckEpoch(currentEpoch int32) *kerr.Error {
	switch {
	case p.role == Idle:
		return kerr.NotLeaderForPartition
	case currentEpoch < 0 || currentEpoch == p.state.LeaderEpoch:
		return nil
	case currentEpoch < p.state.LeaderEpoch:
		return kerr.FencedLeaderEpoch
	default:
		return kerr.UnknownLeaderEpoch
	}
}
