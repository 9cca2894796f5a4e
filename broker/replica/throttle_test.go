package replica

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestThrottleSavesASecondAndPaysItsDebt(t *testing.T) {
	var th throttle
	now := time.Unix(1000, 0)
	waits := func(want time.Duration) {
		t.Helper()
		if got := th.wait(now); got < want || got > want+2*time.Millisecond {
			t.Errorf("the wait is %v, want %v", got, want)
		}
	}
	th.record(1<<30, now)
	waits(0) // no limit
	th.set(1000, now)
	waits(0)
	th.record(500, now)
	waits(500 * time.Millisecond)
	now = now.Add(500 * time.Millisecond)
	waits(0)
	now = now.Add(time.Hour)
	th.record(1500, now) // a second was saved, not an hour
	waits(500 * time.Millisecond)
	th.record(1_000_000, now)
	waits(time.Second) // ask again then
	th.set(1_000_000_000, now)
	now = now.Add(2 * time.Millisecond)
	waits(0) // a higher rate counts at once
	th.set(0, now)
	waits(time.Second)
	th.set(-1, now)
	waits(0)
}

// TestThrottleHoldsTheRate: whoever moves only when it may, and at most a batch at a time, stays under the rate, but for a
// second's savings and the last batch.
func TestThrottleHoldsTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Int64Range(1, 1_000_000).Draw(t, "rate")
		const batch = 50_000
		var th throttle
		start := time.Unix(1000, 0)
		now := start
		th.set(rate, now)
		var moved int64
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if th.wait(now) == 0 {
				n := rapid.IntRange(0, batch).Draw(t, "bytes")
				th.record(n, now)
				moved += int64(n)
			}
			if limit := float64(rate)*(now.Sub(start).Seconds()+1) + batch; float64(moved) > limit {
				t.Fatalf("%d bytes moved in %v at a rate of %d", moved, now.Sub(start), rate)
			}
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(t, "pause")))
		}
	})
}

func TestThrottledReplicas(t *testing.T) {
	for _, tt := range []struct {
		list []string
		want bool
	}{
		{nil, false}, {[]string{"*"}, true}, {[]string{"0:1", "3:2"}, true}, {[]string{"3:1", "2:2"}, false},
	} {
		if got := isThrottled(tt.list, 3, 2); got != tt.want {
			t.Errorf("%v names partition 3 on broker 2: %t", tt.list, got)
		}
	}
}
