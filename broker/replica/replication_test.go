package replica

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/fact"
	"klab/broker/storage"
	"klab/broker/storage/fsys"
)

var three = []int32{1, 2, 3}

// within fails if the result takes longer than limit of the bubble's time.
func within[T any](t *testing.T, limit time.Duration, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(limit):
		t.Fatalf("nothing came within %v", limit)
		panic("unreachable")
	}
}

func TestAcksAllIsAnsweredWhenTheWholeISRHasTheRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2, 3)
		l.elect(0, 1, three, three)
		for i := range 50 {
			began := time.Now()
			got := within(t, 5*time.Second, l.brokers[1].produce(0, -1, fmt.Sprint("v", i)))
			if got.Err != nil || got.Info.FirstOffset != int64(i) {
				t.Fatalf("write %d: offset %d, error %v", i, got.Info.FirstOffset, got.Err)
			}
			// No timer may be in the way of a write once the followers have their sessions.
			if took := time.Since(began); took != 0 {
				t.Fatalf("write %d took %v of the bubble's time: something waited for a timer", i, took)
			}
		}
		time.Sleep(watermarkDelay)
		synctest.Wait()
		for _, id := range three {
			b := l.brokers[id]
			if w, end := b.ends(0); w != 50 || end != 50 {
				t.Errorf("broker %d: high watermark %d, log end %d, want 50 of both: followers must hear of it soon", id, w, end)
			}
			if !bytes.Equal(b.bytesOf(0), l.brokers[1].bytesOf(0)) {
				t.Errorf("broker %d: the log differs from the leader's", id)
			}
		}
		if got := l.brokers[1].consume(0); len(got) != 50 || got[49] != "v49" {
			t.Errorf("consumed %v", got)
		}
	})
}

func TestATopicWithoutAnIDIsReplicatedByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2)
		l.topicID = storage.TopicID{}
		l.elect(0, 1, []int32{1, 2}, []int32{1, 2})
		if got := within(t, time.Second, l.brokers[1].produce(0, -1, "a")); got.Err != nil {
			t.Fatal(got.Err)
		}
	})
}

func TestAFollowerThatStopsIsRemovedFromTheISRAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2, 3)
		l.minISR = 2
		l.elect(0, 1, three, three)
		within(t, time.Second, l.brokers[1].produce(0, -1, "before"))
		l.isolate(3, true)
		waits := l.brokers[1].produce(0, -1, "while lagging")
		if got := within(t, 11*time.Second, waits); !errors.Is(got.Err, kerr.RequestTimedOut) {
			t.Fatalf("got %v, want REQUEST_TIMED_OUT: broker 3 is still in the ISR", got.Err)
		}
		time.Sleep(50 * time.Second) // longer than replica.lag.time.max.ms and its check
		synctest.Wait()
		if got := l.isr(0); !slices.Equal(got, []int32{1, 2}) {
			t.Fatalf("ISR %v, want 1 and 2", got)
		}
		if got := within(t, time.Second, l.brokers[1].produce(0, -1, "without 3")); got.Err != nil {
			t.Fatal(got.Err)
		}
		l.isolate(3, false)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := l.isr(0); !slices.Equal(got, three) {
			t.Fatalf("ISR %v, want all three again", got)
		}
		if !bytes.Equal(l.brokers[3].bytesOf(0), l.brokers[1].bytesOf(0)) {
			t.Error("broker 3 did not catch up")
		}
		if got := l.brokers[1].consume(0); !slices.Equal(got, []string{"before", "while lagging", "without 3"}) {
			t.Errorf("consumed %v", got)
		}
	})
}

func TestWritesAreRefusedBelowMinISR(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2, 3)
		l.minISR = 2
		l.elect(0, 1, []int32{1}, three, 1)
		if got := <-l.brokers[1].produce(0, -1, "a"); !errors.Is(got.Err, kerr.NotEnoughReplicas) {
			t.Errorf("acks=all: %v, want NOT_ENOUGH_REPLICAS", got.Err)
		}
		if got := <-l.brokers[1].produce(0, 1, "b"); got.Err != nil {
			t.Errorf("acks=1: %v", got.Err)
		}
		if w, end := l.brokers[1].ends(0); w != 0 || end != 1 {
			t.Errorf("high watermark %d, log end %d: it must not advance below min ISR", w, end)
		}
	})
}

func TestFailoverKeepsWhatWasAcknowledgedAndTruncatesWhatWasNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2, 3)
		l.elect(0, 1, three, three)
		within(t, time.Second, l.brokers[1].produce(0, -1, "a", "b"))
		synctest.Wait()

		l.isolate(1, true) // still believes that it leads
		lost := l.brokers[1].produce(0, -1, "never committed")
		unsafe := l.brokers[1].produce(0, 1, "acknowledged by one")
		if got := <-unsafe; got.Err != nil {
			t.Fatal(got.Err)
		}
		l.elect(0, 2, []int32{2, 3}, three, 2, 3)
		began := time.Now()
		if got := within(t, time.Second, l.brokers[2].produce(0, -1, "c")); got.Err != nil {
			t.Fatal(got.Err)
		}
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("the first write of the new leader took %v", took)
		}
		if first := l.factsOf(fact.WriteFirst); first[len(first)-1].Broker != 2 || first[len(first)-1].Fields["epoch"] != int32(1) {
			t.Errorf("first writes %v", first)
		}

		l.isolate(1, false)
		l.tell(1, *l.states[0]) // broker 1 hears that it follows
		if got := <-lost; !errors.Is(got.Err, kerr.NotLeaderForPartition) {
			t.Errorf("the write of the old leader: %v, want NOT_LEADER_OR_FOLLOWER", got.Err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for _, id := range three {
			if !bytes.Equal(l.brokers[id].bytesOf(0), l.brokers[2].bytesOf(0)) {
				t.Errorf("broker %d: the log differs from the leader's", id)
			}
		}
		if got := l.brokers[2].consume(0); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("consumed %v", got)
		}
		if cut := l.factsOf(fact.ReplicaTruncated); len(cut) != 1 || cut[0].Broker != 1 || cut[0].Fields["to"] != int64(2) || cut[0].Fields["from"] != int64(4) {
			t.Errorf("truncations %v", cut)
		}
		if !slices.Equal(l.isr(0), three) {
			t.Errorf("ISR %v", l.isr(0))
		}
	})
}

func TestAnAssignmentDoesNotWaitForTheParkedFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2)
		both := []int32{1, 2}
		l.elect(0, 1, both, both)
		within(t, time.Second, l.brokers[1].produce(0, -1, "a"))
		synctest.Wait() // broker 2's fetch is parked at broker 1
		began := time.Now()
		l.elect(1, 1, both, both)
		if got := within(t, time.Second, l.brokers[1].produce(1, -1, "b")); got.Err != nil {
			t.Fatal(got.Err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("the first write to a new partition took %v", took)
		}
		// The follower hears first: it retries within milliseconds, not after replica.fetch.backoff.ms.
		began = time.Now()
		l.elect(2, 1, both, both, 2)
		synctest.Wait()
		l.tell(1, *l.states[2])
		if got := within(t, time.Second, l.brokers[1].produce(2, -1, "c")); got.Err != nil {
			t.Fatal(got.Err)
		}
		if took := time.Since(began); took > 50*time.Millisecond {
			t.Errorf("the first write after a follower that was early took %v", took)
		}
	})
}

func TestIdleBrokersExchangeFewFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2, 3)
		for p := range int32(9) {
			l.elect(p, 1+p%3, three, three)
		}
		for p := range int32(9) {
			within(t, time.Second, l.brokers[1+p%3].produce(p, -1, "a"))
		}
		time.Sleep(time.Second)
		before := l.fetches()
		time.Sleep(10 * time.Second)
		// Six pairs, two fetches a second each.
		if n := l.fetches() - before; n < 110 || n > 130 {
			t.Errorf("%d fetches in 10 idle seconds, want about 120", n)
		}
	})
}

// The old leader of a controlled shutdown is out of the ISR and fetches on until it ends, so the watermark waits for it.
func TestAWriteDoesNotWaitForABrokerThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2, 3)
		l.elect(0, 3, three, three)
		within(t, time.Second, l.brokers[3].produce(0, -1, "a"))
		l.ineligible[3] = true              // it shuts down
		l.elect(0, 1, []int32{1, 2}, three) // 3 hands over, and follows
		synctest.Wait()
		l.isolate(3, true)
		pending := l.brokers[1].produce(0, -1, "b")
		synctest.Wait()
		began := time.Now()
		l.brokers[3].down = true
		l.announceBrokers()
		if got := within(t, time.Second, pending); got.Err != nil {
			t.Fatal(got.Err)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("the write was acknowledged %v after its last obstacle had gone", took)
		}
		l.brokers[3].down = false
	})
}

// A replica that led without writing holds an epoch at its log's end that the next leader has never had.
func TestALeaderThatNeverWroteFollowsWithoutFetchingInALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2, 3)
		l.elect(0, 1, three, three)
		within(t, time.Second, l.brokers[1].produce(0, -1, "a"))
		l.isolate(2, true)
		l.elect(0, 2, []int32{2}, three, 2) // nobody else hears of this epoch
		l.isolate(2, false)
		l.elect(0, 3, three, three)
		synctest.Wait()
		before := l.fetches()
		time.Sleep(10 * time.Second)
		if n := l.fetches() - before; n > 60 {
			t.Errorf("%d fetches in 10 idle seconds, want about 40", n)
		}
		if !slices.Equal(l.isr(0), three) {
			t.Errorf("ISR %v", l.isr(0))
		}
	})
}

func (l *lab) fetches() (n int) {
	for _, b := range l.brokers {
		b.mu.Lock()
		n += b.seen[1]
		b.mu.Unlock()
	}
	return n
}

func TestAFollowerBehindTheLeadersLogStartBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2)
		both := []int32{1, 2}
		l.elect(0, 1, []int32{1}, both, 1)
		for i := range 5 {
			<-l.brokers[1].produce(0, 1, fmt.Sprint(i))
		}
		if err := l.brokers[1].table().hosted[tp(0)].log.AdvanceStartOffset(3); err != nil {
			t.Fatal(err)
		}
		l.tell(2, *l.states[0])
		time.Sleep(2 * time.Second)
		synctest.Wait()
		log := l.brokers[2].table().hosted[tp(0)].log
		if log.StartOffset() != 3 || log.EndOffset() != 5 {
			t.Errorf("the follower's log spans %d to %d, want 3 to 5", log.StartOffset(), log.EndOffset())
		}
		if got := l.isr(0); !slices.Equal(got, both) {
			t.Errorf("ISR %v", got)
		}
	})
}

func TestAFollowerTakesOverTheLeadersLogStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2)
		both := []int32{1, 2}
		l.elect(0, 1, both, both)
		for i := range 5 {
			within(t, time.Second, l.brokers[1].produce(0, -1, fmt.Sprint(i)))
		}
		l.brokers[1].table().hosted[tp(0)].log.AdvanceStartOffset(2)
		time.Sleep(time.Second)
		if start := l.brokers[2].table().hosted[tp(0)].log.StartOffset(); start != 2 {
			t.Errorf("the follower's log starts at %d, want 2", start)
		}
	})
}

func TestAlterPartitionIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2)
		tries := 0
		l.alter = func(req *kmsg.AlterPartitionRequest) (*kmsg.AlterPartitionResponse, error) {
			if tries++; tries == 1 {
				return nil, errors.New("no controller")
			}
			resp, err := l.commitISR(req)
			if tries == 2 {
				resp = kmsg.NewPtrAlterPartitionResponse()
				resp.ErrorCode = kerr.NotController.Code
				l.states[0].ZKVersion--
			}
			return resp, err
		}
		l.elect(0, 1, []int32{1}, []int32{1, 2})
		time.Sleep(time.Second)
		if got := l.isr(0); !slices.Equal(got, []int32{1, 2}) || tries != 3 {
			t.Errorf("ISR %v after %d tries, want both brokers after 3", got, tries)
		}
	})
}

func TestRestartKeepsHighWatermarksAndLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1)
		disk := fsys.NewMem()
		b := l.start(2, disk)
		l.announceBrokers()
		both := []int32{1, 2}
		l.elect(0, 2, both, both)
		within(t, time.Second, b.produce(0, -1, "a", "b", "c"))
		synctest.Wait()
		b.stop()
		b = l.start(2, disk)
		l.announceBrokers()
		l.elect(0, 2, both, both)
		if w, end := b.ends(0); w != 3 || end != 3 {
			t.Errorf("after the restart: high watermark %d, log end %d, want 3 of both", w, end)
		}
		if got := b.consume(0); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("consumed %v", got)
		}
	})
}
