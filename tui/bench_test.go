package tui

import (
	"fmt"
	"testing"

	"klab/cluster"
)

// large is a cluster of many topics and a full timeline.
func large(topics int) *fakeSource {
	f := leaderKilled()
	f.snap.Topics = nil
	for i := range topics {
		f.snap.Topics = append(f.snap.Topics, topicOf(fmt.Sprintf("topic-%06d", i), 3, false))
	}
	for range 500 {
		f.timeline.Append(fact(0, cluster.KindLeaderElected, -1, "orders", 0, map[string]any{"old": 1, "new": 2, "epoch": 7}))
	}
	f.tail = newFakeTail()
	for i := range 10_000 {
		f.tail.add(cluster.Record{Topic: "orders", Offset: int64(i), Time: noon, Key: []byte("order-17"), Value: fmt.Appendf(nil, `{"id":%d,"note":"订单已付款 and a rather long value that is cut at the edge"}`, i)})
	}
	return f
}

// BenchmarkView draws the largest screens whole: each must stay below a millisecond.
func BenchmarkView(b *testing.B) {
	for _, bm := range []struct {
		name   string
		topics int
		keys   []string
		lang   cluster.Lang
	}{
		{"overview", 1000, nil, cluster.Chinese},
		{"topics", 100_000, []string{"2", "end"}, cluster.English},
		{"tail", 10, []string{"2", "t"}, cluster.English},
		{"timeline", 10, []string{"5"}, cluster.Chinese},
	} {
		b.Run(bm.name, func(b *testing.B) {
			s := newStage(b, staging{w: 200, h: 60, lang: bm.lang, src: large(bm.topics)})
			s.press(bm.keys...)
			s.frame()
			b.ReportAllocs()
			for b.Loop() {
				s.root.fresh = false
				s.root.View()
			}
		})
	}
}

// TestViewIsFast holds the budget with a wide margin for slow machines.
func TestViewIsFast(t *testing.T) {
	s := newStage(t, staging{w: 200, h: 60, lang: cluster.Chinese, src: large(100_000)})
	s.press("2", "end")
	result := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			s.root.fresh = false
			s.root.View()
		}
	})
	if each := result.NsPerOp(); each > 10_000_000 {
		t.Errorf("drawing 200x60 with 100,000 topics takes %d ns", each)
	}
}
