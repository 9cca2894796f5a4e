package replica

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage"
)

// deleteTo asks a broker and returns a channel that gets the result.
func (b *labBroker) deleteTo(p int32, offset int64) <-chan Deleted {
	done := make(chan Deleted, 1)
	b.DeleteRecords(&DeleteRecords{
		Timeout: 10 * time.Second, Partitions: []DeleteTo{{tp(p), offset}},
		Done: func(r []Deleted) { done <- r[0] },
	})
	return done
}

func TestDeleteRecordsWaitsForTheReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2, 3)
		l.elect(0, 1, three, three)
		for range 10 {
			within(t, time.Second, l.brokers[1].produce(0, -1, "v"))
		}
		got := within(t, 2*time.Second, l.brokers[1].deleteTo(0, 4))
		if got.Err != nil || got.LowWatermark != 4 {
			t.Fatalf("delete to 4: low watermark %d, %v", got.LowWatermark, got.Err)
		}
		for _, id := range three {
			if start := l.brokers[id].table().hosted[tp(0)].log.StartOffset(); start != 4 {
				t.Errorf("broker %d: the log starts at %d, want 4", id, start)
			}
		}
		if got := within(t, 2*time.Second, l.brokers[1].deleteTo(0, ToHighWatermark)); got.Err != nil || got.LowWatermark != 10 {
			t.Errorf("delete to the high watermark: %d, %v", got.LowWatermark, got.Err)
		}
		if got := within(t, time.Second, l.brokers[1].deleteTo(0, 5)); got.Err != nil || got.LowWatermark != 10 {
			t.Errorf("delete what is gone: %d, %v", got.LowWatermark, got.Err)
		}
	})
}

func TestDeleteRecordsRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2, 3)
		l.elect(0, 1, three, three)
		within(t, time.Second, l.brokers[1].produce(0, -1, "v"))
		log := l.brokers[1].table().hosted[tp(0)].log
		refused := func(why string, b *labBroker, p int32, offset int64, want *kerr.Error) {
			t.Helper()
			if got := within(t, time.Second, b.deleteTo(p, offset)); !errors.Is(got.Err, want) || got.LowWatermark != -1 {
				t.Errorf("%s: low watermark %d, %v, want %v", why, got.LowWatermark, got.Err, want)
			}
		}
		refused("above the high watermark", l.brokers[1], 0, 2, kerr.OffsetOutOfRange)
		refused("a negative offset", l.brokers[1], 0, -2, kerr.OffsetOutOfRange)
		refused("a follower", l.brokers[2], 0, 1, kerr.NotLeaderForPartition)
		refused("an unknown partition", l.brokers[1], 9, 1, kerr.UnknownTopicOrPartition)
		c := storage.DefaultLogConfig()
		c.CleanupPolicy = []string{"compact"}
		log.SetConfig(c)
		refused("a compacted topic", l.brokers[1], 0, 1, kerr.PolicyViolation)
		c.CleanupPolicy = []string{"compact", "delete"}
		log.SetConfig(c)
		if got := within(t, 2*time.Second, l.brokers[1].deleteTo(0, 1)); got.Err != nil || got.LowWatermark != 1 {
			t.Errorf("compact,delete: %d, %v", got.LowWatermark, got.Err)
		}
	})
}

func TestDeleteRecordsEndsWithItsTimeOrTheLeadership(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2, 3)
		l.elect(0, 1, three, three)
		within(t, time.Second, l.brokers[1].produce(0, -1, "v"))
		synctest.Wait()
		time.Sleep(time.Second)
		l.isolate(3, true)
		began := time.Now()
		got := within(t, time.Minute, l.brokers[1].deleteTo(0, 1))
		if !errors.Is(got.Err, kerr.RequestTimedOut) || got.LowWatermark != 0 || time.Since(began) != 10*time.Second {
			t.Errorf("a replica that does not answer: %d, %v after %v", got.LowWatermark, got.Err, time.Since(began))
		}
		wait := l.brokers[1].deleteTo(0, ToHighWatermark)
		l.elect(0, 2, []int32{1, 2}, three, 1, 2)
		if got := within(t, time.Second, wait); !errors.Is(got.Err, kerr.NotLeaderForPartition) {
			t.Errorf("leadership lost: %v", got.Err)
		}
	})
}
