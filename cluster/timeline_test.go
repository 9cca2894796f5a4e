package cluster

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func seqs(facts []Fact) []int64 {
	list := make([]int64, len(facts))
	for i, f := range facts {
		list[i] = f.Seq
	}
	return list
}

// A reader that comes now and then sees every fact once and in order, except for gaps that it is told of.
func TestReadersMissNothingUnnoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 8).Draw(t, "limit")
		timeline := NewTimeline(limit)
		var cursor, appended, seen int64
		for _, step := range rapid.SliceOfN(rapid.IntRange(0, 12), 1, 40).Draw(t, "steps") {
			for range step {
				timeline.Append(Fact{Kind: "x", Broker: -1, Partition: -1})
				appended++
			}
			facts, next, gap := timeline.Since(cursor)
			missed := appended - cursor - int64(len(facts))
			if gap != (missed > 0) {
				t.Fatalf("gap = %v with %d missed", gap, missed)
			}
			if want := min(appended-cursor, int64(limit)); int64(len(facts)) != want {
				t.Fatalf("%d facts, want %d", len(facts), want)
			}
			for i, f := range facts {
				if f.Seq != appended-int64(len(facts))+1+int64(i) {
					t.Fatalf("order: %v", seqs(facts))
				}
			}
			cursor, seen = next, seen+int64(len(facts))
		}
		if cursor != appended {
			t.Fatalf("cursor %d after %d facts", cursor, appended)
		}
	})
}

func TestTimelineLastAndGet(t *testing.T) {
	timeline := NewTimeline(3)
	if got := timeline.Last(5); len(got) != 0 {
		t.Errorf("an empty timeline has %v", got)
	}
	for range 5 {
		timeline.Append(Fact{Broker: -1})
	}
	if got := seqs(timeline.Last(2)); !slices.Equal(got, []int64{4, 5}) {
		t.Errorf("last two = %v", got)
	}
	if got := seqs(timeline.Last(9)); !slices.Equal(got, []int64{3, 4, 5}) {
		t.Errorf("all that is kept = %v", got)
	}
	for seq, want := range map[int64]bool{0: false, 2: false, 3: true, 5: true, 6: false} {
		if f, ok := timeline.Get(seq); ok != want || ok && f.Seq != seq {
			t.Errorf("Get(%d) = %v, %v", seq, f, ok)
		}
	}
}

func TestAppendedWakesReaders(t *testing.T) {
	timeline := NewTimeline(3)
	woken := timeline.Appended()
	select {
	case <-woken:
		t.Fatal("woken by nothing")
	default:
	}
	timeline.Append(Fact{})
	<-woken
}

// A cause that the source names wins over the one that would be found.
func TestNamedCause(t *testing.T) {
	timeline := NewTimeline(10)
	start := time.Unix(100, 0)
	asked := timeline.Append(Fact{Kind: KindClusterStopping, Time: start, Broker: -1})
	timeline.Append(Fact{Kind: KindProcessKilled, Time: start.Add(time.Second), Broker: 1})
	f := timeline.Append(Fact{Kind: KindBrokerDown, Time: start.Add(3 * time.Second), Broker: 1, Cause: asked.Seq})
	if f.Cause != asked.Seq || f.SinceCause != 3*time.Second {
		t.Errorf("cause %d since %v", f.Cause, f.SinceCause)
	}
}
