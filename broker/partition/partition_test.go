package partition

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// brokers is who is alive.
type brokers map[int32]bool

func (b brokers) Alive(id int32) bool { return b[id] }

var (
	t0  = time.Date(2024, 11, 6, 12, 0, 0, 0, time.UTC)
	all = brokers{1: true, 2: true, 3: true}
)

const lagTimeMax = 30 * time.Second

// leading returns broker 1 as the leader in epoch 5 of a log that ends at end, with the given ISR of the replicas 1 to 3.
func leading(minISR int, end, watermark int64, isr ...int32) *Partition {
	p := New(1, Settings{MinISR: minISR, LagTimeMax: lagTimeMax}, end, watermark)
	p.BecomeLeader(State{Leader: 1, LeaderEpoch: 5, PartitionEpoch: 7, ISR: isr, Replicas: []int32{1, 2, 3}}, t0, all)
	return p
}

func (p *Partition) fetch(replica int32, offset int64, at time.Time) Effects {
	_, e := p.FollowerFetched(Fetched{Replica: replica, Offset: offset}, at, all)
	return e
}

func TestHighWatermark(t *testing.T) {
	tests := []struct {
		name string
		p    *Partition
		do   func(p *Partition)
		want int64
	}{
		{"stays where it was until followers fetch", leading(1, 10, 4, 1, 2, 3), func(p *Partition) {}, 4},
		{"waits for every member", leading(1, 10, 4, 1, 2, 3), func(p *Partition) { p.fetch(2, 10, t0) }, 4},
		{"is the smallest log end of the ISR", leading(1, 10, 4, 1, 2, 3), func(p *Partition) {
			p.fetch(2, 10, t0)
			p.fetch(3, 8, t0)
		}, 8},
		{"never goes back", leading(1, 10, 4, 1, 2, 3), func(p *Partition) {
			p.fetch(2, 2, t0)
			p.fetch(3, 2, t0)
		}, 4},
		{"follows the log of a leader that is alone", leading(1, 10, 4, 1), func(p *Partition) {}, 10},
		{"does not move below min ISR", leading(2, 10, 4, 1), func(p *Partition) { p.Appended(20, t0, all) }, 4},
		{"moves when min ISR is lowered", leading(2, 10, 4, 1), func(p *Partition) { p.SetMinISR(1, t0, all) }, 10},
		{"needs no more members than there are replicas", func() *Partition {
			p := New(1, Settings{MinISR: 3, LagTimeMax: lagTimeMax}, 10, 4)
			p.BecomeLeader(State{Leader: 1, LeaderEpoch: 1, ISR: []int32{1}, Replicas: []int32{1}}, t0, all)
			return p
		}(), func(p *Partition) {}, 10},
		{"waits for a replica that is about to join", leading(1, 10, 4, 1, 2), func(p *Partition) {
			p.fetch(3, 10, t0) // caught up: proposed, so part of the maximal ISR
			p.Appended(20, t0, all)
			p.fetch(2, 20, t0)
		}, 10},
		{"waits for one outside of the ISR that was caught up just now", leading(1, 10, 4, 1, 2), func(p *Partition) {
			p.followers[1].end, p.followers[1].caughtUp = 7, t0
			p.fetch(2, 10, t0.Add(time.Second))
		}, 7},
		{"does not wait for one that is dead", leading(1, 10, 4, 1, 2), func(p *Partition) {
			p.followers[1].end, p.followers[1].caughtUp = 7, t0
			p.FollowerFetched(Fetched{Replica: 2, Offset: 10}, t0, brokers{1: true, 2: true})
		}, 10},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.do(test.p)
			if got := test.p.HighWatermark(); got != test.want {
				t.Errorf("high watermark %d, want %d", got, test.want)
			}
		})
	}
}

func TestFollowersHighWatermark(t *testing.T) {
	p := New(2, Settings{MinISR: 1}, 5, 3)
	p.BecomeFollower(State{Leader: 1, LeaderEpoch: 1, Replicas: []int32{1, 2}})
	steps := []struct {
		name string
		do   func()
		want int64
	}{
		{"no further than its own log", func() { p.Replicated(8, 20) }, 8},
		{"as far as the leader's", func() { p.Replicated(12, 10) }, 10},
		{"not back with the leader's", func() { p.Replicated(12, 9) }, 10},
		{"back with truncation", func() { p.Truncated(0, 6) }, 6},
		{"to the start of a log that begins anew", func() { p.Truncated(30, 30) }, 30},
	}
	for _, s := range steps {
		s.do()
		if got := p.HighWatermark(); got != s.want {
			t.Errorf("%s: high watermark %d, want %d", s.name, got, s.want)
		}
	}
}

func TestAcksAll(t *testing.T) {
	p := leading(2, 10, 10, 1, 2, 3)
	if err := p.Admit(AcksAll); err != nil {
		t.Fatal(err)
	}
	p.Appended(11, t0, all)
	p.Appended(12, t0, all)
	for _, w := range []Waiter{{12, "second"}, {11, "first"}} { // a duplicate comes out of order
		if done, err := p.Await(w); done {
			t.Fatalf("%v was done at once, with %v", w.Token, err)
		}
	}
	if done, err := p.Await(Waiter{10, "committed"}); !done || err != nil {
		t.Errorf("a write that is committed: done %v, error %v", done, err)
	}
	p.fetch(2, 12, t0)
	e := p.fetch(3, 11, t0)
	if len(e.Acked) != 1 || e.Acked[0].Token != "first" || e.AckError != nil {
		t.Errorf("completed %v with %v, want the first", e.Acked, e.AckError)
	}
	p.Cancel("second")
	if e := p.fetch(3, 12, t0); len(e.Acked) != 0 {
		t.Errorf("completed %v, which was cancelled", e.Acked)
	}
}

func TestAcksAllWithTooFewReplicas(t *testing.T) {
	p := leading(3, 10, 10, 1, 2, 3)
	p.fetch(2, 10, t0)
	p.fetch(3, 10, t0)
	p.Appended(11, t0, all)
	p.Await(Waiter{11, "w"})
	late := t0.Add(time.Minute)
	p.fetch(2, 11, late)
	shrink := p.Tick(late, all).Propose
	if shrink == nil || !slices.Equal(shrink.ISR, []int32{1, 2}) {
		t.Fatalf("proposed %v, want the ISR without 3", shrink)
	}
	_, e := p.AlterPartitionAnswered(shrink, Answer{LeaderEpoch: 5, PartitionEpoch: 8, ISR: []int32{1, 2}}, late, all)
	if len(e.Acked) != 0 || p.HighWatermark() != 10 {
		t.Errorf("below min ISR: completed %v, high watermark %d", e.Acked, p.HighWatermark())
	}
	if err := p.Admit(AcksAll); err != kerr.NotEnoughReplicas {
		t.Errorf("admitting: %v, want NOT_ENOUGH_REPLICAS", err)
	}
	if err := p.Admit(1); err != nil {
		t.Errorf("admitting acks=1: %v", err)
	}
	p.settings.MinISR = 2
	p.change = &change{joins: None}
	e = p.SetMinISR(2, late, all)
	if len(e.Acked) != 1 || e.AckError != nil {
		t.Errorf("with min ISR lowered: %v, %v", e.Acked, e.AckError)
	}
	if _, err := p.Await(Waiter{5, "old"}); err != nil {
		t.Error(err)
	}
	p.settings.MinISR = 3
	if done, err := p.Await(Waiter{5, "old"}); !done || err != kerr.NotEnoughReplicasAfterAppend {
		t.Errorf("committed, but below min ISR now: %v, want NOT_ENOUGH_REPLICAS_AFTER_APPEND", err)
	}
}

func TestLeadershipLost(t *testing.T) {
	for _, end := range []struct {
		name string
		do   func(*Partition) Effects
		want *kerr.Error
	}{
		{"follows", func(p *Partition) Effects {
			return p.BecomeFollower(State{Leader: 2, LeaderEpoch: 6, Replicas: []int32{1, 2, 3}})
		}, kerr.NotLeaderForPartition},
		{"stops", func(p *Partition) Effects { return p.Stop(kerr.KafkaStorageError) }, kerr.KafkaStorageError},
	} {
		p := leading(1, 10, 10, 1, 2, 3)
		p.Appended(11, t0, all)
		p.Await(Waiter{11, "w"})
		if e := end.do(p); len(e.Acked) != 1 || e.AckError != end.want {
			t.Errorf("%s: %v with %v, want the waiter with %v", end.name, e.Acked, e.AckError, end.want)
		}
		if p.Admit(1) != kerr.NotLeaderForPartition {
			t.Errorf("%s: still admits writes", end.name)
		}
	}
}

func TestEpochChecks(t *testing.T) {
	leader := leading(1, 0, 0, 1)
	follower := New(1, Settings{}, 0, 0)
	follower.BecomeFollower(State{Leader: 2, LeaderEpoch: 5})
	idle := New(1, Settings{}, 0, 0)
	tests := []struct {
		name   string
		p      *Partition
		epoch  int32
		leader *kerr.Error
		any    *kerr.Error
	}{
		{"leader, no epoch", leader, None, nil, nil},
		{"leader, its epoch", leader, 5, nil, nil},
		{"leader, older", leader, 4, kerr.FencedLeaderEpoch, kerr.FencedLeaderEpoch},
		{"leader, newer", leader, 6, kerr.UnknownLeaderEpoch, kerr.UnknownLeaderEpoch},
		{"follower", follower, 5, kerr.NotLeaderForPartition, nil},
		{"follower, older", follower, 4, kerr.FencedLeaderEpoch, kerr.FencedLeaderEpoch},
		{"idle", idle, None, kerr.NotLeaderForPartition, kerr.NotLeaderForPartition},
	}
	for _, test := range tests {
		if got := test.p.CheckLeader(test.epoch); got != test.leader {
			t.Errorf("%s: as leader %v, want %v", test.name, got, test.leader)
		}
		if got := test.p.CheckEpoch(test.epoch); got != test.any {
			t.Errorf("%s: as any replica %v, want %v", test.name, got, test.any)
		}
	}
}

func TestGrowth(t *testing.T) {
	p := leading(1, 10, 8, 1, 2)
	if e := p.fetch(3, 9, t0); e.Propose != nil {
		t.Errorf("proposed %v: 3 has not reached the leader's epoch, which starts at 10", e.Propose.ISR)
	}
	p.fetch(2, 10, t0)
	grow := p.fetch(3, 10, t0).Propose
	if grow == nil || !slices.Equal(grow.ISR, []int32{1, 2, 3}) || grow.LeaderEpoch != 5 || grow.PartitionEpoch != 7 {
		t.Fatalf("proposed %+v", grow)
	}
	if e := p.fetch(3, 10, t0); e.Propose != nil {
		t.Error("proposed again while the change is in flight")
	}
	p.AlterPartitionAnswered(grow, Answer{LeaderEpoch: 5, PartitionEpoch: 8, ISR: []int32{1, 2, 3}}, t0, all)
	if !slices.Equal(p.ISR(), []int32{1, 2, 3}) || p.PartitionEpoch() != 8 {
		t.Errorf("ISR %v at %d", p.ISR(), p.PartitionEpoch())
	}
	dead := leading(1, 10, 8, 1)
	if _, e := dead.FollowerFetched(Fetched{Replica: 2, Offset: 10}, t0, brokers{1: true}); e.Propose != nil {
		t.Error("proposed a broker that is not alive")
	}
	if assigned, _ := dead.FollowerFetched(Fetched{Replica: 9, Offset: 10}, t0, all); assigned {
		t.Error("took a fetch of a broker that has no replica")
	}
}

func TestTwoFollowersJoinOneAfterTheOther(t *testing.T) {
	p := leading(1, 10, 10, 1)
	first := p.fetch(2, 10, t0).Propose
	if e := p.fetch(3, 10, t0); e.Propose != nil {
		t.Fatal("two changes in flight")
	}
	_, e := p.AlterPartitionAnswered(first, Answer{LeaderEpoch: 5, PartitionEpoch: 8, ISR: []int32{1, 2}}, t0, all)
	if e.Propose == nil || !slices.Equal(e.Propose.ISR, []int32{1, 2, 3}) || e.Propose.PartitionEpoch != 8 {
		t.Errorf("then proposed %+v, want all three on version 8", e.Propose)
	}
}

// What a replica had before it was gone for a while it may have lost: only what it fetches in this leader epoch counts.
func TestAReplicaThatHasNotFetchedIsNotProposed(t *testing.T) {
	p := leading(1, 100, 100, 1, 2, 3)
	p.fetch(2, 100, t0)
	p.fetch(3, 100, t0)
	p.BecomeLeader(State{Leader: 1, LeaderEpoch: 6, PartitionEpoch: 8, ISR: []int32{1}, Replicas: []int32{1, 2, 3}}, t0, brokers{1: true})
	later := t0.Add(time.Hour)
	first := p.fetch(2, 100, later).Propose
	_, e := p.AlterPartitionAnswered(first, Answer{LeaderEpoch: 6, PartitionEpoch: 9, ISR: first.ISR}, later, all)
	if e.Propose != nil {
		t.Errorf("proposed %v when only 2 has fetched", e.Propose.ISR)
	}
	if e := p.fetch(3, 0, later); e.Propose != nil || !slices.Equal(p.ISR(), []int32{1, 2}) {
		t.Errorf("proposed %+v, in sync are %v: the log of 3 is empty", e.Propose, p.ISR())
	}
}

// A follower that does not fetch, at the high watermark, is not put back into the ISR that it was taken out of.
func TestAShrinkStays(t *testing.T) {
	p := leading(2, 50, 50, 1, 2)
	p.fetch(2, 50, t0)
	p.Appended(100, t0, all)
	now := t0.Add(time.Minute)
	shrink := p.Tick(now, all).Propose
	_, e := p.AlterPartitionAnswered(shrink, Answer{LeaderEpoch: 5, PartitionEpoch: 8, ISR: []int32{1}}, now, all)
	if e.Propose != nil || p.Admit(AcksAll) != kerr.NotEnoughReplicas {
		t.Errorf("proposed %+v; acks=all is answered with %v", e.Propose, p.Admit(AcksAll))
	}
}

func TestShrink(t *testing.T) {
	p := leading(1, 10, 10, 1, 2, 3)
	p.fetch(2, 10, t0)
	p.fetch(3, 10, t0)
	p.Appended(20, t0, all)
	p.fetch(3, 15, t0.Add(20*time.Second)) // past what the leader had at its last fetch: it was caught up then
	if e := p.Tick(t0.Add(30*time.Second), all); e.Propose != nil {
		t.Errorf("proposed %v: nobody lags by more than 30 s", e.Propose.ISR)
	}
	p.fetch(3, 16, t0.Add(25*time.Second)) // short of the 20 it was shown at the last fetch
	shrink := p.Tick(t0.Add(31*time.Second), all).Propose
	if shrink == nil || !slices.Equal(shrink.ISR, []int32{1}) {
		t.Fatalf("proposed %v, want only the leader", shrink)
	}
	if p.fetch(2, 20, t0.Add(32*time.Second)); p.HighWatermark() != 16 {
		t.Errorf("high watermark %d: those to be removed count until the removal is committed, want 16", p.HighWatermark())
	}
	p.AlterPartitionAnswered(shrink, Answer{LeaderEpoch: 5, PartitionEpoch: 8, ISR: []int32{1}}, t0.Add(33*time.Second), all)
	if p.HighWatermark() != 20 {
		t.Errorf("high watermark %d, want 20", p.HighWatermark())
	}
}

func TestIdleFollowersStayInSync(t *testing.T) {
	p := leading(1, 10, 10, 1, 2, 3)
	p.fetch(2, 10, t0)
	p.fetch(3, 10, t0)
	if e := p.Tick(t0.Add(time.Hour), all); e.Propose != nil {
		t.Errorf("proposed %v: both have all there is", e.Propose.ISR)
	}
}

func TestAlterPartitionAnswers(t *testing.T) {
	tests := []struct {
		err     *kerr.Error
		again   bool
		pending bool
	}{
		{nil, false, false},
		{kerr.IneligibleReplica, false, false},
		{kerr.OperationNotAttempted, false, false},
		{kerr.FencedLeaderEpoch, false, true},
		{kerr.InvalidUpdateVersion, false, true},
		{kerr.UnknownTopicOrPartition, false, true},
		{kerr.UnknownTopicID, false, true},
		{kerr.InvalidRequest, false, true},
		{kerr.NotController, true, true},
		{kerr.UnknownServerError, true, true},
	}
	for _, test := range tests {
		p := leading(1, 10, 10, 1, 2)
		sent := p.fetch(3, 10, t0).Propose
		again, _ := p.AlterPartitionAnswered(sent, Answer{Error: test.err, LeaderEpoch: 5, PartitionEpoch: 8, ISR: sent.ISR}, t0, all)
		if again != test.again || p.Proposes(sent) != test.pending {
			t.Errorf("%v: again %v, pending %v; want %v, %v", test.err, again, p.Proposes(sent), test.again, test.pending)
		}
		if size := p.maximalSize(); test.pending && size != 3 {
			t.Errorf("%v: the maximal ISR has %d members, want 3 while it is not settled", test.err, size)
		}
	}
}

func TestLateAnswersChangeNothing(t *testing.T) {
	p := leading(1, 10, 10, 1, 2)
	sent := p.fetch(3, 10, t0).Propose
	p.BecomeLeader(State{Leader: 1, LeaderEpoch: 6, PartitionEpoch: 9, ISR: []int32{1}, Replicas: []int32{1, 2, 3}}, t0, all)
	again, _ := p.AlterPartitionAnswered(sent, Answer{Error: kerr.NotController}, t0, all)
	if again {
		t.Error("sends a void proposal again")
	}
	p.AlterPartitionAnswered(sent, Answer{LeaderEpoch: 5, PartitionEpoch: 8, ISR: []int32{1, 2, 3}}, t0, all)
	if !slices.Equal(p.ISR(), []int32{1}) || p.PartitionEpoch() != 9 {
		t.Errorf("ISR %v at %d, want the LeaderAndIsr's", p.ISR(), p.PartitionEpoch())
	}
}

func TestWatermarkLags(t *testing.T) {
	p := leading(1, 10, 4, 1, 2, 3)
	if !p.WatermarkLags() {
		t.Error("the high watermark 4 is below the epoch's start 10")
	}
	p.fetch(2, 10, t0)
	p.fetch(3, 10, t0)
	if p.WatermarkLags() {
		t.Error("the high watermark has caught up")
	}
}

func TestLowWatermark(t *testing.T) {
	p := leading(1, 10, 10, 1, 2, 3)
	p.FollowerFetched(Fetched{Replica: 2, Offset: 10, LogStart: 4}, t0, all)
	p.FollowerFetched(Fetched{Replica: 3, Offset: 10, LogStart: 2}, t0, all)
	if got := p.LowWatermark(6, all); got != 2 {
		t.Errorf("%d, want the smallest log start, 2", got)
	}
	if got := p.LowWatermark(6, brokers{1: true, 2: true}); got != 4 {
		t.Errorf("%d, want that of the live replicas, 4", got)
	}
}

func TestTruncation(t *testing.T) {
	tests := []struct {
		name        string
		leader, own EpochEnd
		end, want   int64
	}{
		{"same epoch, leader ends earlier", EpochEnd{3, 50}, EpochEnd{3, 70}, 100, 50},
		{"same epoch, own ends earlier", EpochEnd{3, 70}, EpochEnd{3, 50}, 100, 50},
		{"own knows only an older epoch", EpochEnd{3, 70}, EpochEnd{2, 40}, 100, 40},
		{"own knows nothing", EpochEnd{3, 70}, EpochEnd{None, -1}, 60, 60},
		{"never beyond the end", EpochEnd{3, 700}, EpochEnd{3, 700}, 100, 100},
	}
	for _, test := range tests {
		if got := TruncationOffset(test.leader, test.own, test.end); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
	if Diverges(10, 3, EpochEnd{3, 10}) || !Diverges(10, 3, EpochEnd{3, 9}) || !Diverges(10, 3, EpochEnd{2, 10}) {
		t.Error("divergence is an older epoch, or an end before the fetch offset")
	}
}

func TestErrorsAreKafkas(t *testing.T) {
	var err error = leading(2, 0, 0, 1).Admit(AcksAll)
	if !errors.Is(err, kerr.NotEnoughReplicas) {
		t.Error(err)
	}
}
