package cluster

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// The ring holds the newest records within both bounds, numbered without holes.
func TestRingKeepsTheNewest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit, maxBytes := rapid.IntRange(1, 10).Draw(t, "records"), rapid.IntRange(1, 60).Draw(t, "bytes")
		r := newRing(limit, maxBytes)
		var sizes []int
		for i, size := range rapid.SliceOfN(rapid.IntRange(0, 25), 0, 60).Draw(t, "sizes") {
			sizes = append(sizes, size)
			r.push(Record{Offset: int64(i), Value: make([]byte, size)})
			kept := sizes[r.first-1:]
			total := 0
			for _, s := range kept {
				total += s
			}
			if len(kept) != r.len() || r.len() > limit || total != r.bytes || total > maxBytes && r.len() > 1 {
				t.Fatalf("%d kept of %d, %d bytes (counted %d)", r.len(), len(sizes), total, r.bytes)
			}
			if r.len() < limit && r.first > 1 && total+sizes[r.first-2] <= maxBytes {
				t.Fatalf("record %d was forgotten without need", r.first-1)
			}
		}
		for i, rec := range r.window(0, 100) {
			if rec.Seq != r.first+int64(i) || rec.Offset != rec.Seq-1 {
				t.Fatalf("record %d: %+v", i, rec)
			}
		}
	})
}

func fetched(offsets ...int64) kgo.Fetches {
	var records []*kgo.Record
	for _, o := range offsets {
		records = append(records, &kgo.Record{Topic: "t", Offset: o, Value: fmt.Append(nil, o)})
	}
	return kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: "t", Partitions: []kgo.FetchPartition{{Records: records}}}}}}
}

func newTestTail(records int) *Tail {
	return &Tail{ring: newRing(records, 1<<20), changed: make(chan struct{})}
}

func TestTailCountsWhatReadersMissed(t *testing.T) {
	tail := newTestTail(3)
	tail.take(fetched(0, 1), noon)
	records, cursor, gap := tail.Since(0, 10)
	if len(records) != 2 || gap != 0 {
		t.Fatalf("%d records, gap %d", len(records), gap)
	}
	tail.take(fetched(2, 3, 4, 5, 6), noon) // 2 and 3 leave before anybody saw them
	records, cursor, gap = tail.Since(cursor, 10)
	if len(records) != 3 || records[0].Offset != 4 || gap != 2 || cursor != 7 {
		t.Errorf("%d records, gap %d, cursor %d", len(records), gap, cursor)
	}
	if s := tail.Stats(); s.Read != 7 || s.Dropped != 2 || s.Kept != 3 {
		t.Errorf("stats = %+v", s)
	}
}

func offsetsOf(records []Record) (list []int64) {
	for _, r := range records {
		list = append(list, r.Offset)
	}
	return list
}

func TestPauseHoldsTheViewHoweverMuchComes(t *testing.T) {
	tail := newTestTail(4)
	tail.take(fetched(0, 1), noon)
	tail.Pause()
	for _, coming := range [][]int64{{2, 3}, {4, 5, 6, 7, 8}} {
		tail.take(fetched(coming...), noon)
		tail.Pause() // a second time changes nothing
		if seen, _, gap := tail.Since(0, 10); !slices.Equal(offsetsOf(seen), []int64{0, 1}) || gap != 0 {
			t.Errorf("offsets %v while paused, gap %d", offsetsOf(seen), gap)
		}
		if first, last := tail.Bounds(); first != 1 || last != 2 {
			t.Errorf("bounds %d %d", first, last)
		}
		if seen := tail.Window(2, 10); !slices.Equal(offsetsOf(seen), []int64{1}) {
			t.Errorf("a window of %v", offsetsOf(seen))
		}
		if s := tail.Stats(); !s.Paused || s.Waiting != coming[len(coming)-1]-1 || s.Read != s.Waiting+2 || s.Kept != 2 {
			t.Errorf("stats = %+v", s)
		}
	}
	tail.Resume()
	seen, cursor, gap := tail.Since(2, 10)
	if !slices.Equal(offsetsOf(seen), []int64{5, 6, 7, 8}) || gap != 3 || cursor != 9 {
		t.Errorf("after the pause %v, gap %d, cursor %d", offsetsOf(seen), gap, cursor)
	}
	if s := tail.Stats(); s.Paused || s.Waiting != 0 || s.Dropped != 3 || s.Kept != 4 {
		t.Errorf("stats = %+v", s)
	}
}

// TestAPauseForgetsNothing: what was there before is still there after a pause in which little came.
func TestAPauseForgetsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		paused, never := newTestTail(6), newTestTail(6)
		next := int64(0)
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 5), 1, 12).Draw(t, "coming") {
			var coming []int64
			for range n {
				coming = append(coming, next)
				next++
			}
			if rapid.Bool().Draw(t, "pause") {
				paused.Pause()
			} else {
				paused.Resume()
			}
			paused.take(fetched(coming...), noon)
			never.take(fetched(coming...), noon)
		}
		paused.Resume()
		if got, want := offsetsOf(paused.Window(0, 100)), offsetsOf(never.Window(0, 100)); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func TestRate(t *testing.T) {
	var r rate
	for i := range 20 {
		r.add(noon.Add(time.Duration(i)*rateSlot), 10)
	}
	last := noon.Add(19 * rateSlot)
	if got := r.perSecond(last); got != 100 {
		t.Errorf("steady: %v", got)
	}
	if got := r.perSecond(last.Add(time.Second)); got != 50 {
		t.Errorf("a second later: %v", got)
	}
	if got := r.perSecond(last.Add(time.Hour)); got != 0 {
		t.Errorf("an hour later: %v", got)
	}
}

func TestTailFollowsATopic(t *testing.T) {
	c := connect(t, fakeKafka(t))
	if err := c.CreateTopic(t.Context(), NewTopic{Name: "orders", Partitions: 3}); err != nil {
		t.Fatal(err)
	}
	write(t, c, "orders", "old")
	tail, err := c.Tail(t.Context(), TailOptions{Topic: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	write(t, c, "orders", "a", "b", "c")
	deadline := within(t, 5*time.Second)
	for tail.Stats().Read < 3 {
		changed := tail.Changed()
		select {
		case <-changed:
		case <-deadline.Done():
			t.Fatalf("stats = %+v", tail.Stats())
		}
	}
	if first := tail.Window(0, 1)[0]; string(first.Value) == "old" || first.Topic != "orders" || first.Seq != 1 {
		t.Errorf("first record = %+v", first)
	}
}

func write(t *testing.T, c *Cluster, topic string, values ...string) {
	t.Helper()
	p := ProduceRequest{Topic: topic}
	for _, v := range values {
		p.Records = append(p.Records, NewRecord{Key: []byte(v), Value: []byte(v)})
	}
	if _, err := c.Produce(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}
