package replica

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// alone is a broker that leads partitions 0 to n-1 as their only replica.
func alone(t *testing.T, n int32) *labBroker {
	l := newLab(t, 1)
	for p := range n {
		l.elect(p, 1, []int32{1}, []int32{1})
	}
	return l.brokers[1]
}

func (b *labBroker) write(p int32, values ...string) {
	b.lab.t.Helper()
	if got := <-b.produce(p, 1, values...); got.Err != nil {
		b.lab.t.Fatal(got.Err)
	}
}

// sessionFetch asks for a session, or continues one.
func sessionFetch(id, epoch int32, partitions ...int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MinBytes, req.MaxBytes, req.SessionID, req.SessionEpoch = 12, 1, 1<<20, id, epoch
	for _, p := range partitions {
		addPartition(req, p, 0)
	}
	return req
}

func told(resp *kmsg.FetchResponse) (partitions []int32) {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			partitions = append(partitions, p.Partition)
		}
	}
	return partitions
}

func TestFetchSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := alone(t, 3)
		b.write(0, "a")
		full := b.fetchOnce(sessionFetch(0, 0, 0, 1, 2))
		id := full.SessionID
		if id == 0 || !slices.Equal(told(full), []int32{0, 1, 2}) {
			t.Fatalf("a full fetch: session %d with partitions %v", id, told(full))
		}
		next := sessionFetch(id, 1)
		addPartition(next, 0, 1)
		if got := told(b.fetchOnce(next)); len(got) != 0 {
			t.Errorf("nothing is new, but the response has %v", got)
		}
		b.write(1, "b")
		if got := told(b.fetchOnce(sessionFetch(id, 2))); !slices.Equal(got, []int32{1}) {
			t.Errorf("the response has %v, only 1 is new", got)
		}
		b.write(2, "c")
		// Partition 1 has not moved on, so it gives its record again, but after the one that gave none last time.
		if got := told(b.fetchOnce(sessionFetch(id, 3))); !slices.Equal(got, []int32{2, 1}) {
			t.Errorf("the response has %v, want 2 before 1", got)
		}
		forget := sessionFetch(id, 4)
		topic := kmsg.NewFetchRequestForgottenTopic()
		topic.Topic, topic.Partitions = labTopic, []int32{1, 2}
		forget.ForgottenTopics = append(forget.ForgottenTopics, topic)
		if got := told(b.fetchOnce(forget)); len(got) != 0 {
			t.Errorf("forgotten partitions are told: %v", got)
		}
		if got := b.fetchOnce(sessionFetch(id, 4)); got.ErrorCode != kerr.InvalidFetchSessionEpoch.Code {
			t.Errorf("an old epoch: %v", kerr.ErrorForCode(got.ErrorCode))
		}
		if got := b.fetchOnce(sessionFetch(id+1, 1)); got.ErrorCode != kerr.FetchSessionIDNotFound.Code {
			t.Errorf("an unknown session: %v", kerr.ErrorForCode(got.ErrorCode))
		}
		byID := sessionFetch(id, 5)
		byID.Version = 13
		if got := b.fetchOnce(byID); got.ErrorCode != kerr.FetchSessionTopicIDError.Code {
			t.Errorf("topic ids in a session of names: %v", kerr.ErrorForCode(got.ErrorCode))
		}
		if got := b.fetchOnce(sessionFetch(id, -1, 0)); got.SessionID != 0 {
			t.Errorf("the final epoch gives session %d", got.SessionID)
		}
		if got := b.fetchOnce(sessionFetch(id, 5)); got.ErrorCode != kerr.FetchSessionIDNotFound.Code {
			t.Errorf("a closed session: %v", kerr.ErrorForCode(got.ErrorCode))
		}
	})
}

func TestSessionsAreEvicted(t *testing.T) {
	now := time.Now()
	c := newSessionCache(2, time.Minute)
	session := func(follower bool, size int) *session {
		s := &session{follower: follower, created: now}
		for i := range size {
			s.parts = append(s.parts, &fetchPart{})
			s.parts[i].Partition = int32(i)
		}
		return s
	}
	small, large := session(false, 1), session(false, 5)
	if !c.put(small, now) || !c.put(large, now) {
		t.Fatal("there was room")
	}
	if c.put(session(false, 3), now) {
		t.Error("a client's session took the place of one that is young and in use")
	}
	follower := session(true, 1)
	if !c.put(follower, now) || c.byID[small.id] != nil {
		t.Error("a follower's session must take the place of the smallest client's")
	}
	now = now.Add(2 * time.Minute)
	if !c.put(session(false, 1), now) {
		t.Error("sessions out of use for two minutes must yield")
	}
	if len(c.byID) != 2 {
		t.Errorf("%d sessions in 2 slots", len(c.byID))
	}
}

func TestLongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := alone(t, 2)
		wait := consumerFetch(0, 0)
		wait.MaxWaitMillis = 1000
		addPartition(wait, 1, 0)

		began := time.Now()
		if got := b.fetchOnce(wait); time.Since(began) != time.Second || len(told(got)) != 2 {
			t.Errorf("an empty fetch took %v, want the maximal wait", time.Since(began))
		}
		later := b.fetchLater(wait)
		time.Sleep(300 * time.Millisecond)
		began = time.Now()
		b.write(1, "a")
		if got := within(t, time.Minute, later); len(got.Topics[0].Partitions[1].RecordBatches) == 0 || time.Since(began) != 0 {
			t.Errorf("the append did not come at once with the answer, but something did after %v", time.Since(began))
		}

		big := consumerFetch(0, 0)
		big.MaxWaitMillis, big.MinBytes = 5000, 600
		later = b.fetchLater(big)
		for i := range 3 {
			b.write(0, fmt.Sprintf("%0100d", i))
		}
		synctest.Wait()
		if len(later) > 0 {
			t.Error("answered before there were min bytes")
		}
		b.write(0, fmt.Sprintf("%0100d", 3))
		synctest.Wait()
		if len(later) == 0 {
			t.Error("not answered although there are min bytes")
		}
	})
}

func TestAParkedFetchHearsOfLostLeadership(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2)
		l.elect(0, 1, []int32{1, 2}, []int32{1, 2})
		wait := consumerFetch(0, 0)
		wait.MaxWaitMillis, wait.Version = 10_000, 10 // later ones may read from a follower
		later := l.brokers[1].fetchLater(wait)
		l.elect(0, 2, []int32{1, 2}, []int32{1, 2})
		synctest.Wait()
		select {
		case got := <-later:
			if code := got.Topics[0].Partitions[0].ErrorCode; code != kerr.NotLeaderForPartition.Code {
				t.Errorf("answered with %v", kerr.ErrorForCode(code))
			}
		default:
			t.Error("still parked")
		}
	})
}

func TestFetchLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := alone(t, 2)
		for i := range 3 {
			b.write(0, fmt.Sprintf("%01000d", i))
			b.write(1, fmt.Sprintf("%01000d", i))
		}
		tests := []struct {
			name           string
			max, partition int32
			version        int16
			first, second  int
		}{
			{"all", 1 << 20, 1 << 20, 12, 3, 3},
			{"the first batch whatever its size", 1, 1, 12, 1, 0},
			{"a limit for each partition", 1 << 20, 2500, 12, 2, 2},
			{"a limit for all", 4500, 1 << 20, 12, 3, 1},
			{"before v3 not even the first batch", 1, 1, 2, 0, 0},
		}
		for _, test := range tests {
			req := consumerFetch(0, 0)
			addPartition(req, 1, 0)
			req.Version, req.MaxBytes = test.version, test.max
			for i := range req.Topics[0].Partitions {
				req.Topics[0].Partitions[i].PartitionMaxBytes = test.partition
			}
			got := b.fetchOnce(req).Topics[0].Partitions
			first, second := len(values(t, got[0].RecordBatches)), len(values(t, got[1].RecordBatches))
			if first != test.first || second != test.second {
				t.Errorf("%s: %d and %d records, want %d and %d", test.name, first, second, test.first, test.second)
			}
			if got[0].RecordBatches == nil || got[1].RecordBatches == nil {
				t.Errorf("%s: records are nil, which librdkafka takes for an error", test.name)
			}
		}
	})
}

func TestFetchErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2)
		l.elect(0, 1, []int32{1, 2}, []int32{1, 2})
		within(t, time.Second, l.brokers[1].produce(0, -1, "a"))
		time.Sleep(watermarkDelay)
		tests := []struct {
			name   string
			broker int32
			change func(*kmsg.FetchRequest, *kmsg.FetchRequestTopicPartition)
			want   *kerr.Error
		}{
			{"at the end", 1, func(_ *kmsg.FetchRequest, q *kmsg.FetchRequestTopicPartition) { q.FetchOffset = 1 }, nil},
			{"beyond the end", 1, func(_ *kmsg.FetchRequest, q *kmsg.FetchRequestTopicPartition) { q.FetchOffset = 2 }, kerr.OffsetOutOfRange},
			{"before the start", 1, func(_ *kmsg.FetchRequest, q *kmsg.FetchRequestTopicPartition) { q.FetchOffset = -1 }, kerr.OffsetOutOfRange},
			{"a newer epoch", 1, func(_ *kmsg.FetchRequest, q *kmsg.FetchRequestTopicPartition) { q.CurrentLeaderEpoch = 1 }, kerr.UnknownLeaderEpoch},
			{"from a follower", 2, func(*kmsg.FetchRequest, *kmsg.FetchRequestTopicPartition) {}, nil},
			{"from a follower, by an old client", 2, func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.Version = 10 }, kerr.NotLeaderForPartition},
			{"an unknown partition", 1, func(_ *kmsg.FetchRequest, q *kmsg.FetchRequestTopicPartition) { q.Partition = 7 }, kerr.UnknownTopicOrPartition},
			{"an unknown topic id", 1, func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) {
				r.Version, r.Topics[0].Topic, r.Topics[0].TopicID = 13, "", [16]byte{9}
			}, kerr.UnknownTopicID},
			{"a known topic id", 1, func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) {
				r.Version, r.Topics[0].Topic, r.Topics[0].TopicID = 13, "", l.topicID
			}, nil},
			{"a follower that has no replica", 1, func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.ReplicaID = 8 }, kerr.NotLeaderForPartition},
		}
		for _, test := range tests {
			req := consumerFetch(0, 0)
			test.change(req, &req.Topics[0].Partitions[0])
			a := l.brokers[test.broker].fetchOnce(req).Topics[0].Partitions[0]
			if got := kerr.TypedErrorForCode(a.ErrorCode); got != test.want {
				t.Errorf("%s: %v, want %v", test.name, got, test.want)
			}
			if a.PreferredReadReplica != -1 {
				t.Errorf("%s: sends the client to broker %d", test.name, a.PreferredReadReplica)
			}
		}
		l.elect(0, 1, []int32{1, 2}, []int32{1, 2})
		hint := consumerFetch(0, 0)
		hint.Version, hint.Topics[0].TopicID, hint.Topics[0].Partitions[0].CurrentLeaderEpoch = 16, l.topicID, 0
		resp := l.brokers[2].fetchOnce(hint)
		if leader := resp.Topics[0].Partitions[0].CurrentLeader.LeaderID; leader != 1 || len(resp.Brokers) != 1 || resp.Brokers[0].Host != "broker1" {
			t.Errorf("hint at broker %d, endpoints %v", leader, resp.Brokers)
		}
	})
}

func TestListOffset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2)
		l.elect(0, 1, []int32{1, 2}, []int32{1, 2})
		began := time.Now().UnixMilli()
		for i := range 3 {
			within(t, time.Second, l.brokers[1].produce(0, -1, fmt.Sprint(i)))
			time.Sleep(time.Second)
		}
		l.isolate(2, true)
		l.brokers[1].write(0, "not committed")
		tests := []struct {
			name      string
			broker    int32
			replica   int32
			timestamp int64
			offset    int64
			err       *kerr.Error
		}{
			{"latest for a consumer", 1, consumerID, latestTimestamp, 3, nil},
			{"latest for a follower", 1, 2, latestTimestamp, 4, nil},
			{"latest for a tool, at the leader", 1, debugID, latestTimestamp, 4, nil},
			{"latest for a tool, at a follower", 2, debugID, latestTimestamp, 3, nil},
			{"latest for a consumer, at a follower", 2, consumerID, latestTimestamp, -1, kerr.NotLeaderForPartition},
			{"earliest", 1, consumerID, earliestTimestamp, 0, nil},
			{"earliest local", 1, consumerID, earliestLocalTimestamp, 0, nil},
			{"latest tiered", 1, consumerID, latestTieredTimestamp, -1, nil},
			{"by time", 1, consumerID, began + 1, 1, nil},
			{"by time, committed only", 1, consumerID, began + 2001, -1, nil},
			{"by time, for a tool", 1, debugID, began + 2001, 3, nil},
			{"largest timestamp, for a tool", 1, debugID, maxTimestamp, 3, nil},
		}
		for _, test := range tests {
			got, err := l.brokers[test.broker].ListOffset(OffsetQuery{
				TopicPartition: tp(0), Replica: test.replica, CurrentEpoch: -1, Timestamp: test.timestamp,
			})
			if test.err != nil {
				if err != test.err {
					t.Errorf("%s: error %v, want %v", test.name, err, test.err)
				}
				continue
			}
			if err != nil || got.Offset != test.offset {
				t.Errorf("%s: offset %d, error %v; want %d", test.name, got.Offset, err, test.offset)
			}
		}
		if got, err := l.brokers[1].SegmentOffsets(OffsetQuery{TopicPartition: tp(0), Replica: consumerID, CurrentEpoch: -1, Timestamp: latestTimestamp}, 10); err != nil || !slices.Equal(got, []int64{3, 0}) {
			t.Errorf("v0 latest: %v, %v", got, err)
		}
	})
}

func TestLatestIsNotAvailableBeforeTheHighWatermarkHasCaughtUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, 1, 2)
		both := []int32{1, 2}
		l.elect(0, 1, both, both)
		l.isolate(2, true)
		l.brokers[1].write(0, "a")
		l.elect(0, 1, both, both, 1)
		query := OffsetQuery{TopicPartition: tp(0), Replica: consumerID, CurrentEpoch: -1, Timestamp: latestTimestamp}
		if _, err := l.brokers[1].ListOffset(query); err != kerr.OffsetNotAvailable {
			t.Errorf("%v, want OFFSET_NOT_AVAILABLE", err)
		}
		l.isolate(2, false)
		l.tell(2, *l.states[0])
		time.Sleep(2 * time.Second)
		if got, err := l.brokers[1].ListOffset(query); err != nil || got.Offset != 1 {
			t.Errorf("%d, %v; want 1", got.Offset, err)
		}
	})
}

// TestRecordsStayUntilTheyWereWritten has a reply wait for its connection while others use, and give back, the memory that
// their records were in.
func TestRecordsStayUntilTheyWereWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := alone(t, 2)
		b.write(0, strings.Repeat("slow", 5000))
		b.write(1, strings.Repeat("fast", 5000))
		var waiting *kmsg.FetchResponse
		writtenWaiting := b.Fetch(consumerFetch(0, 0), "PLAINTEXT", func(resp *kmsg.FetchResponse) { waiting = resp })
		for range 100 {
			var other *kmsg.FetchResponse
			written := b.Fetch(consumerFetch(1, 0), "PLAINTEXT", func(resp *kmsg.FetchResponse) { other = resp })
			if got := values(t, other.Topics[0].Partitions[0].RecordBatches); got[0] != strings.Repeat("fast", 5000) {
				t.Fatalf("the other reply has %d values, the first of %d bytes", len(got), len(got[0]))
			}
			written()
			written() // a server may say so twice
		}
		if got := values(t, waiting.Topics[0].Partitions[0].RecordBatches); got[0] != strings.Repeat("slow", 5000) {
			t.Errorf("the reply that waited was overwritten: %.20q...", got[0])
		}
		writtenWaiting()
		if held := b.held.held.Load(); held != 0 {
			t.Errorf("%d bytes are held after all was written", held)
		}
	})
}
