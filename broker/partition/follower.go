package partition

import "time"

// follower is what a leader knows of another replica's progress (kafka-formats D.4).
type follower struct {
	id    int32
	end   int64 // its log end: the offset of its last fetch; unknown before the first in this leader epoch
	start int64 // its log start; unknown likewise

	// caughtUp is the last moment at which the follower is known to have had everything the leader had. A fetch at
	// or past the leader's end proves it for now; a fetch at or past the end the leader had at the previous fetch
	// proves it for then.
	caughtUp         time.Time
	lastFetch        time.Time
	leaderEndAtFetch int64

	// qualified says that its last fetch, in this leader epoch, qualified it for the ISR while another change was in flight. Only
	// a fetch can: what a replica had before it was gone for a while, it may have lost.
	qualified bool
}

func newFollower(id int32) follower {
	return follower{id: id, end: unknown, start: unknown, leaderEndAtFetch: unknown}
}

// restart begins a new leader epoch: only ISR membership counts as proof of having been in sync.
func (f *follower) restart(leaderEnd int64, inSync bool, now time.Time) {
	f.caughtUp, f.lastFetch, f.qualified = time.Time{}, time.Time{}, false
	if inSync {
		f.caughtUp = now
		f.lastFetch = now
	}
	f.leaderEndAtFetch = leaderEnd
	if f.end == unknown {
		f.leaderEndAtFetch = unknown
		f.lastFetch = time.Time{}
	}
}

// fetched notes a fetch at offset at.
func (f *follower) fetched(at, start, leaderEnd int64, now time.Time) {
	switch {
	case at >= leaderEnd:
		f.caughtUp = now
	case f.leaderEndAtFetch != unknown && at >= f.leaderEndAtFetch && f.lastFetch.After(f.caughtUp):
		f.caughtUp = f.lastFetch
	}
	f.end, f.start = at, start
	f.leaderEndAtFetch, f.lastFetch = leaderEnd, now
}

// inSync is the rule for staying in the ISR: at the leader's end, or there within the allowed lag.
func (f *follower) inSync(leaderEnd int64, now time.Time, lagTimeMax time.Duration) bool {
	return f.end == leaderEnd || now.Sub(f.caughtUp) <= lagTimeMax
}
