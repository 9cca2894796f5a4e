package partition

import (
	"slices"
	"time"
)

// Fetched is a follower's fetch: proof of how far its log reaches.
type Fetched struct {
	Replica  int32
	Offset   int64 // its log end
	LogStart int64 // its log start, -1 unknown
}

// Appended notes that the leader's log now ends at end.
func (p *Partition) Appended(end int64, now time.Time, live Liveness) (e Effects) {
	p.end = end
	p.advance(now, live, &e)
	return e
}

// FollowerFetched notes a follower's progress; the follower may join the ISR by it and the high watermark may move.
// The caller has checked leadership, epoch, that Offset lies within the leader's log and that the logs do not diverge.
// It reports false for a broker that is not assigned a replica.
func (p *Partition) FollowerFetched(f Fetched, now time.Time, live Liveness) (assigned bool, e Effects) {
	i := slices.IndexFunc(p.followers, func(other follower) bool { return other.id == f.Replica })
	if i < 0 {
		return false, e
	}
	p.followers[i].fetched(f.Offset, f.LogStart, p.end, now)
	e.Propose = p.proposeGrowth(&p.followers[i], live)
	p.advance(now, live, &e)
	return true, e
}

// advance moves the high watermark as far as the rules allow (kafka-formats D.5) and collects what that completes.
func (p *Partition) advance(now time.Time, live Liveness, e *Effects) {
	if p.role != Leader || p.underMinISR() {
		return
	}
	candidate := p.end
	for i := range p.followers {
		f := &p.followers[i]
		if f.end < candidate && (p.inMaximalISR(f.id) || p.joining(f, now, live)) {
			candidate = f.end
		}
	}
	if candidate <= p.watermark {
		return
	}
	p.watermark = candidate
	e.HighWatermarkMoved = true
	p.release(e)
}

// joining tells whether a replica outside the ISR is so close behind that the high watermark should wait for it: it
// could otherwise never reach the watermark of a busy partition and join.
func (p *Partition) joining(f *follower, now time.Time, live Liveness) bool {
	return f.inSync(p.end, now, p.settings.LagTimeMax) && live.Alive(f.id)
}

// Replicated notes on a follower that its log now ends at end, and that the leader announced leaderWatermark.
func (p *Partition) Replicated(end, leaderWatermark int64) (e Effects) {
	p.end = end
	if to := min(leaderWatermark, end); to > p.watermark {
		p.watermark = to
		e.HighWatermarkMoved = true
	}
	return e
}

// Truncated notes that the log was cut (or restarted) so that it now spans start to end. The high watermark goes with
// it: truncation is the only thing that lowers one.
func (p *Partition) Truncated(start, end int64) {
	p.end = end
	p.watermark = max(min(p.watermark, end), start)
}

// WatermarkLags tells whether a new leader's high watermark has not yet reached the start of its own epoch. Until then
// the latest offset cannot be told: OFFSET_NOT_AVAILABLE (KIP-207).
func (p *Partition) WatermarkLags() bool {
	return p.role == Leader && p.watermark < p.epochStart
}

// LowWatermark is the smallest log start among live replicas, given the leader's own: what DeleteRecords waits for.
func (p *Partition) LowWatermark(leaderStart int64, live Liveness) int64 {
	low := leaderStart
	for i := range p.followers {
		if f := &p.followers[i]; live.Alive(f.id) {
			low = min(low, f.start)
		}
	}
	return low
}
