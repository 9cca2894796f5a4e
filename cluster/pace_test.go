package cluster

import (
	"testing"
	"time"
)

// readings counts what is read within d.
func readings(d time.Duration, busy, watched bool, partitions int) (rounds, meta, all, sizes, watchedTopics int) {
	var p pace
	for now := noon; now.Before(noon.Add(d)); {
		w, next := p.due(now, busy, watched, load{partitions: partitions})
		rounds++
		if w.metadata {
			meta++
		}
		if w.all {
			all++
		}
		if w.sizes {
			sizes++
		}
		if w.watched {
			watchedTopics++
		}
		now = now.Add(max(next, time.Millisecond))
	}
	return
}

func TestPace(t *testing.T) {
	for _, c := range []struct {
		name          string
		busy, watched bool
		partitions    int
		meta, all     int
		sizes, topics int
	}{
		{"idle", false, false, 20, 10, 10, 2, 0},
		{"busy", true, false, 20, 100, 100, 10, 0},
		{"watched", false, true, 20, 100, 10, 10, 100},
		{"busy and large", true, true, 20_000, 5, 1, 1, 100},
	} {
		rounds, meta, all, sizes, topics := readings(10*time.Second, c.busy, c.watched, c.partitions)
		near := func(got, want int) bool { return got >= want*9/10-1 && got <= want*11/10+1 }
		if !near(meta, c.meta) || !near(all, c.all) || !near(sizes, c.sizes) || !near(topics, c.topics) {
			t.Errorf("%s: metadata %d, offsets %d, sizes %d, watched %d; want about %d, %d, %d, %d", c.name, meta, all, sizes, topics, c.meta, c.all, c.sizes, c.topics)
		}
		if rounds > 125 {
			t.Errorf("%s: %d rounds in ten seconds", c.name, rounds)
		}
	}
}
