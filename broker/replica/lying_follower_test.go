package replica

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// TestAFollowerThatLiesMovesNoHighWatermark claims positions and epochs in the name of a follower that is cut off, and of a
// broker that has no replica: each is refused with Kafka's error, and the high watermark stays where the real one left it.
func TestAFollowerThatLiesMovesNoHighWatermark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2)
		l.elect(0, 1, []int32{1, 2}, []int32{1, 2})
		within(t, time.Second, l.brokers[1].produce(0, -1, "a"))
		l.elect(0, 1, []int32{1, 2}, []int32{1, 2}) // so that there is an older leader epoch
		within(t, time.Second, l.brokers[1].produce(0, -1, "b"))
		l.isolate(2, true)
		within(t, time.Second, l.brokers[1].produce(0, 1, "c"))
		synctest.Wait()
		var epoch int32
		l.mu.Lock()
		epoch = l.states[0].LeaderEpoch
		l.mu.Unlock()
		if watermark, end := l.brokers[1].ends(0); watermark != 2 || end != 3 {
			t.Fatalf("high watermark %d, log end %d before the lies, want 2 and 3", watermark, end)
		}
		lies := []struct {
			name         string
			replica      int32
			offset       int64
			epoch        int32 // current leader epoch
			fetchedEpoch int32 // last fetched epoch
			want         *kerr.Error
		}{
			{"beyond the log end", 2, 4, epoch, -1, kerr.OffsetOutOfRange},
			{"far beyond the log end", 2, 1 << 62, epoch, -1, kerr.OffsetOutOfRange},
			{"before the log start", 2, -1, epoch, -1, kerr.OffsetOutOfRange},
			{"at the end, in a former leader epoch", 2, 3, epoch - 1, -1, kerr.FencedLeaderEpoch},
			{"at the end, in a leader epoch to come", 2, 3, epoch + 1, -1, kerr.UnknownLeaderEpoch},
			{"at the end, with a last fetched epoch that ended before", 2, 3, epoch, epoch - 1, nil}, // told where it diverges
			{"at the end, as a broker without a replica", 9, 3, epoch, epoch, kerr.NotLeaderForPartition},
			{"at the end, as a negative broker", -7, 3, epoch, epoch, nil}, // a consumer
		}
		for _, lie := range lies {
			req := consumerFetch(0, lie.offset)
			req.ReplicaID, req.MaxWaitMillis = lie.replica, 0
			q := &req.Topics[0].Partitions[0]
			q.CurrentLeaderEpoch, q.LastFetchedEpoch = lie.epoch, lie.fetchedEpoch
			a := l.brokers[1].fetchOnce(req).Topics[0].Partitions[0]
			if got := kerr.TypedErrorForCode(a.ErrorCode); got != lie.want {
				t.Errorf("%s: %v, want %v", lie.name, got, lie.want)
			}
			if diverges := a.DivergingEpoch.EndOffset >= 0; diverges != (lie.fetchedEpoch == epoch-1) {
				t.Errorf("%s: diverging epoch %+v", lie.name, a.DivergingEpoch)
			}
			synctest.Wait()
			if watermark, _ := l.brokers[1].ends(0); watermark != 2 {
				t.Fatalf("%s: the high watermark is now %d", lie.name, watermark)
			}
		}
		l.isolate(2, false)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if watermark, _ := l.brokers[1].ends(0); watermark != 3 {
			t.Errorf("the high watermark is %d when the real follower is back, want 3", watermark)
		}
	})
}
