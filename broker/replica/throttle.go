package replica

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// throttle limits the bytes a second that replication moves for throttled replicas (KIP-73). What moves is recorded when it
// has moved, and may exceed the rate: then nothing more moves until the excess is paid off at the rate. Up to one second's
// worth that was not used is saved. Safe for concurrent use.
//
// Kafka measures over ten windows of a second instead; the rate over some seconds is the same.
type throttle struct {
	limited atomic.Bool

	mu   sync.Mutex
	rate float64 // bytes a second, while limited
	debt float64 // bytes moved beyond the rate; negative: saved
	at   time.Time
}

// set changes the rate; a negative one is no limit.
func (t *throttle) set(rate int64, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pay(now)
	t.rate, t.debt = float64(rate), max(t.debt, 0)
	t.limited.Store(rate >= 0)
}

// pay lets time pass. The caller holds t.mu.
func (t *throttle) pay(now time.Time) {
	if elapsed := now.Sub(t.at); elapsed > 0 && !t.at.IsZero() {
		t.debt = max(t.debt-t.rate*elapsed.Seconds(), -t.rate)
	}
	t.at = now
}

// record notes n bytes that moved.
func (t *throttle) record(n int, now time.Time) {
	if n == 0 || !t.limited.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pay(now)
	t.debt += float64(n)
}

// wait is how long nothing may move: 0 when something may. At the rate 0, and for a large debt, it is a second, after which
// to ask again.
func (t *throttle) wait(now time.Time) time.Duration {
	if !t.limited.Load() {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pay(now)
	switch {
	case t.rate == 0:
		return time.Second
	case t.debt <= 0:
		return 0
	}
	return min(time.Duration(t.debt/t.rate*float64(time.Second))+time.Millisecond, time.Second)
}

// isThrottled reports whether a topic's list, * or partition:broker pairs, names a replica.
func isThrottled(list []string, partition, broker int32) bool {
	pair := strconv.Itoa(int(partition)) + ":" + strconv.Itoa(int(broker))
	return slices.Contains(list, "*") || slices.Contains(list, pair)
}

// throttling says as which of the two a replica is throttled: a leader is throttled in what followers that are not in sync
// fetch from it, a follower in what it fetches while it is behind.
type throttling struct{ leader, follower atomic.Bool }

func (r *Replicas) setThrottling(h *hosted) {
	leader, follower := r.cfg.Throttled(h.tp.Topic)
	h.throttled.leader.Store(isThrottled(leader, h.tp.Partition, r.cfg.BrokerID))
	h.throttled.follower.Store(isThrottled(follower, h.tp.Partition, r.cfg.BrokerID))
}

// SetThrottles changes the rates in bytes a second (leader. and follower.replication.throttled.rate); negative ones are no
// limit.
func (r *Replicas) SetThrottles(leader, follower int64) {
	r.leaderThrottle.set(leader, r.cfg.Clock())
	r.followerThrottle.set(follower, time.Now()) // fetchers live by the real clock
}

// holdsBack reports whether a follower gets nothing of a partition now. The caller holds h.mu.
func (r *Replicas) holdsBack(h *hosted, follower int32, now time.Time) bool {
	return h.throttled.leader.Load() && r.leaderThrottle.wait(now) > 0 && !slices.Contains(h.core.ISR(), follower)
}

// recordSent notes what followers are given of throttled partitions.
func (e *evaluation) recordSent(part *fetchPart, n int) {
	if !e.follower() || n == 0 || !e.r.leaderThrottle.limited.Load() {
		return
	}
	if h := e.r.table().hosted[part.TopicPartition]; h != nil && h.throttled.leader.Load() {
		e.r.leaderThrottle.record(n, e.now)
	}
}

// holdBack notes what a follower was given, and makes a throttled one that is behind wait.
func (f *fetcher) holdBack(p *following, n int, leaderWatermark int64) {
	if !p.at.throttled.follower.Load() || !f.r.followerThrottle.limited.Load() {
		return
	}
	now := time.Now()
	f.r.followerThrottle.record(n, now)
	if wait := f.r.followerThrottle.wait(now); wait > 0 && p.next.offset < leaderWatermark {
		p.retryAt = now.Add(wait)
	}
}
