package partition

import (
	"slices"
	"time"
)

// FollowerState is what a leader knows of a follower. End and Start are -1 before its first fetch in this leader epoch.
type FollowerState struct {
	ID         int32
	Start, End int64 // of its log
	InISR      bool
	CaughtUp   time.Time // when it was last known to have everything
}

// Followers lists the other replicas as the leader knows them; none when this replica does not lead.
func (p *Partition) Followers() []FollowerState {
	out := make([]FollowerState, 0, len(p.followers))
	for i := range p.followers {
		f := &p.followers[i]
		out = append(out, FollowerState{ID: f.id, Start: f.start, End: f.end, InISR: slices.Contains(p.state.ISR, f.id), CaughtUp: f.caughtUp})
	}
	return out
}
