package controller

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/coordinator/znode"
)

func others(l *lab, not *labBroker) (ids []int32) {
	for id := range int32(9) {
		if _, ok := l.brokers[id]; ok && id != not.id {
			ids = append(ids, id)
		}
	}
	return ids
}

func sameSet(a, b []int32) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func wantState(t *testing.T, l *lab, topic string, id int32, leader, epoch int32, version int32, isr ...int32) {
	t.Helper()
	s, v := l.state(topic, id)
	if s.Leader != leader || s.LeaderEpoch != epoch || v != version || !sameSet(s.ISR, isr) {
		t.Errorf("%s-%d: leader %d epoch %d isr %v version %d, want leader %d epoch %d isr %v version %d",
			topic, id, s.Leader, s.LeaderEpoch, s.ISR, v, leader, epoch, isr, version)
	}
}

// What Kafka 3.9 showed after SIGKILL of the controller: the epoch of a
// partition that it led rises by two, of one that it followed by one.
func TestKilledControllerRaisesEpochsAsKafka(t *testing.T) {
	l := newLab(t, 1, 2, 3)
	old := l.controllerOf(1, 2, 3)
	rest := others(l, old)
	a, b := rest[0], rest[1]
	l.create(old, "orders", []int32{old.id, a, b}, []int32{a, b, old.id}, []int32{b, old.id, a})
	wantState(t, l, "orders", 0, old.id, 0, 0, 1, 2, 3)
	old.kill()
	l.controllerOf(rest...)
	l.until("orders-0 is led by another", func() bool { return l.brokers[a].leaderOf(TopicPartition{Topic: "orders"}) == a })
	wantState(t, l, "orders", 0, a, 2, 2, a, b)
	wantState(t, l, "orders", 1, a, 1, 1, a, b)
	wantState(t, l, "orders", 2, b, 1, 1, a, b)
}

// When the controller stays, the election takes the dead leader out of the ISR:
// one write, one epoch.
func TestKilledLeader(t *testing.T) {
	l := newLab(t, 1, 2, 3)
	controller := l.controllerOf(1, 2, 3)
	rest := others(l, controller)
	victim, other := l.brokers[rest[0]], rest[1]
	l.create(controller, "orders", []int32{victim.id, other, controller.id})
	l.create(controller, "single", []int32{victim.id})
	single := TopicPartition{Topic: "single"}
	killed := time.Now()
	victim.kill()
	tp := TopicPartition{Topic: "orders"}
	l.until("another leads", func() bool { return l.brokers[other].leaderOf(tp) == other })
	t.Logf("leadership moved %v after the kill, with a session timeout of %v", time.Since(killed), l.timeout)
	wantState(t, l, "orders", 0, other, 1, 1, other, controller.id)
	l.until("single-0 is known to be offline", func() bool { return l.brokers[other].leaderOf(single) == znode.NoLeader })
	wantState(t, l, "single", 0, -1, 1, 1, victim.id)

	back := l.start(victim.id)
	l.until("single-0 is led again", func() bool { return back.leaderOf(single) == victim.id })
	wantState(t, l, "single", 0, victim.id, 2, 2, victim.id)
	wantState(t, l, "orders", 0, other, 1, 1, other, controller.id)
}

func TestExpiredControllerResignsAndRegistersAgain(t *testing.T) {
	l := newLab(t, 1, 2, 3)
	old := l.controllerOf(1, 2, 3)
	epoch := old.epoch.Load()
	old.line.cut()
	l.until("another is elected", func() bool {
		for _, id := range others(l, old) {
			if l.brokers[id].shell.IsActive() {
				return true
			}
		}
		return false
	})
	if !old.shell.IsActive() {
		t.Error("the old controller resigned before it could know that its session expired")
	}
	old.line.mend()
	l.controllerOf(1, 2, 3)
	if old.shell.IsActive() || old.epoch.Load() <= epoch {
		t.Errorf("after the expiry: active %t, broker epoch %d after %d", old.shell.IsActive(), old.epoch.Load(), epoch)
	}
}

func TestDeleteTopic(t *testing.T) {
	l := newLab(t, 1, 2, 3)
	controller := l.controllerOf(1, 2, 3)
	topic := l.create(controller, "orders", []int32{1, 2, 3}, []int32{2, 3, 1})
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.SetVersion(6)
	req.TimeoutMillis = 5000
	req.Topics = []kmsg.DeleteTopicsRequestTopic{{TopicID: topic.TopicID}}
	resp := controller.shell.DeleteTopics(context.Background(), req)
	if got := resp.Topics[0]; got.ErrorCode != 0 || *got.Topic != "orders" {
		t.Fatalf("delete: %v %v", kerr.ErrorForCode(got.ErrorCode), got.Topic)
	}
	l.until("the nodes are gone", func() bool {
		for _, path := range []string{znode.TopicPath("orders"), znode.TopicConfigPath("orders"), znode.DeleteTopicPath("orders")} {
			if ok, _, err := l.admin.Exists(context.Background(), path); ok || err != nil {
				return false
			}
		}
		return true
	})
	l.create(controller, "orders", []int32{3, 2, 1})
}

func TestControlledShutdown(t *testing.T) {
	l := newLab(t, 1, 2, 3)
	controller := l.controllerOf(1, 2, 3)
	l.create(controller, "orders", []int32{1, 2, 3}, []int32{2, 1, 3})
	l.create(controller, "single", []int32{1})
	req := kmsg.NewPtrControlledShutdownRequest()
	req.SetVersion(3)
	req.BrokerID, req.BrokerEpoch = 1, l.brokers[1].epoch.Load()
	resp := controller.shell.ControlledShutdown(context.Background(), req)
	if resp.ErrorCode != 0 || len(resp.PartitionsRemaining) != 0 {
		t.Fatalf("controlled shutdown: %v, remaining %v", kerr.ErrorForCode(resp.ErrorCode), resp.PartitionsRemaining)
	}
	wantState(t, l, "orders", 0, 2, 1, 1, 2, 3)
	wantState(t, l, "orders", 1, 2, 1, 1, 2, 3)
	wantState(t, l, "single", 0, 1, 0, 0, 1)
}

// A thousand partitions lose their leader and their controller at once.
func TestFailoverOfManyPartitions(t *testing.T) {
	l := newLab(t, 1, 2, 3)
	old := l.controllerOf(1, 2, 3)
	rest := others(l, old)
	const count = 1000
	replicas := make([][]int32, count)
	for i := range replicas {
		replicas[i] = []int32{old.id, rest[0], rest[1]}
	}
	start := time.Now()
	l.create(old, "big", replicas...)
	t.Logf("created %d partitions in %v", count, time.Since(start))
	watch, err := l.watchController()
	if err != nil {
		t.Fatal(err)
	}
	old.kill()
	<-watch
	start = time.Now()
	l.until("all are led by another", func() bool {
		for i := range int32(count) {
			if leader := l.brokers[rest[0]].leaderOf(TopicPartition{Topic: "big", Partition: i}); leader < 0 || leader == old.id {
				return false
			}
		}
		return true
	})
	t.Logf("%d leaders moved %v after the controller's session had expired", count, time.Since(start))
	wantState(t, l, "big", 999, rest[0], 2, 2, rest...)
}

// One partition: from the end of the session to LeaderAndIsr.
func TestFailoverIsQuick(t *testing.T) {
	l := newLab(t, 1, 2, 3)
	old := l.controllerOf(1, 2, 3)
	rest := others(l, old)
	l.create(old, "t", []int32{old.id, rest[0], rest[1]})
	watch, err := l.watchController()
	if err != nil {
		t.Fatal(err)
	}
	old.kill()
	<-watch
	start := time.Now()
	l.until("another leads", func() bool { return l.brokers[rest[0]].leaderOf(TopicPartition{Topic: "t"}) == rest[0] })
	if took := time.Since(start); took > 500*time.Millisecond {
		t.Errorf("leadership moved %v after the session had expired", took)
	} else {
		t.Logf("leadership moved %v after the session had expired", took)
	}
}

func (l *lab) watchController() (<-chan zk.Event, error) {
	_, _, watch, err := l.admin.GetW(context.Background(), znode.ControllerPath)
	return watch, err
}

func TestOnlyTheControllerAnswers(t *testing.T) {
	l := newLab(t, 1, 2)
	controller := l.controllerOf(1, 2)
	idle := l.brokers[others(l, controller)[0]].shell
	ctx := t.Context()
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: "t", NumPartitions: 1, ReplicationFactor: 1}}
	remove := kmsg.NewPtrDeleteTopicsRequest()
	remove.TopicNames = []string{"t"}
	more := kmsg.NewPtrCreatePartitionsRequest()
	more.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: "t", Count: 2}}
	elect := kmsg.NewPtrElectLeadersRequest()
	elect.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: "t", Partitions: []int32{0}}}
	for name, code := range map[string]int16{
		"CreateTopics":        idle.CreateTopics(ctx, create).Topics[0].ErrorCode,
		"DeleteTopics":        idle.DeleteTopics(ctx, remove).Topics[0].ErrorCode,
		"CreatePartitions":    idle.CreatePartitions(ctx, more).Topics[0].ErrorCode,
		"ElectLeaders":        idle.ElectLeaders(ctx, elect).Topics[0].Partitions[0].ErrorCode,
		"AlterPartition":      idle.AlterPartition(ctx, kmsg.NewPtrAlterPartitionRequest()).ErrorCode,
		"AllocateProducerIds": idle.AllocateProducerIDs(ctx, kmsg.NewPtrAllocateProducerIDsRequest()).ErrorCode,
	} {
		if code != kerr.NotController.Code {
			t.Errorf("%s answers %v", name, kerr.ErrorForCode(code))
		}
	}
	if code := idle.ControlledShutdown(ctx, kmsg.NewPtrControlledShutdownRequest()).ErrorCode; code != kerr.StaleControllerEpoch.Code {
		t.Errorf("ControlledShutdown answers %v", kerr.ErrorForCode(code))
	}
}

func TestCreateTopicsErrorsAndTimeouts(t *testing.T) {
	l := newLab(t, 1, 2)
	controller := l.controllerOf(1, 2)
	l.create(controller, "here", []int32{1, 2})
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(7)
	req.TimeoutMillis = 50
	req.Topics = []kmsg.CreateTopicsRequestTopic{
		{Topic: "here", NumPartitions: 1, ReplicationFactor: 1},
		{Topic: "twice", NumPartitions: 1, ReplicationFactor: 1},
		{Topic: "twice", NumPartitions: 1, ReplicationFactor: 1},
		{Topic: "nobody", NumPartitions: -1, ReplicationFactor: -1, ReplicaAssignment: []kmsg.CreateTopicsRequestTopicReplicaAssignment{{Replicas: []int32{8}}}},
		{Topic: "good", NumPartitions: 3, ReplicationFactor: 2, Configs: []kmsg.CreateTopicsRequestTopicConfig{{Name: "retention.ms", Value: new("1000")}}},
	}
	var codes []int16
	for _, out := range controller.shell.CreateTopics(t.Context(), req).Topics {
		codes = append(codes, out.ErrorCode)
	}
	if want := []int16{36, 42, 42, 7, 0}; !slices.Equal(codes, want) {
		t.Errorf("codes %v, want %v", codes, want)
	}
	data, _, err := l.admin.Get(t.Context(), znode.TopicConfigPath("good"))
	if string(data) != `{"version":1,"config":{"retention.ms":"1000"}}` {
		t.Errorf("the config is %s, %v", data, err)
	}
	data, stat, err := l.admin.Get(t.Context(), znode.TopicConfigPath("nobody"))
	if string(data) != `{"version":1,"config":{}}` {
		t.Errorf("a config is always written, but is %s %v, %v", data, stat, err)
	}
	req.ValidateOnly = true
	req.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: "dry", NumPartitions: 3, ReplicationFactor: 2}}
	out := controller.shell.CreateTopics(t.Context(), req).Topics[0]
	if ok, _, _ := l.admin.Exists(t.Context(), znode.TopicPath("dry")); ok || out.ErrorCode != 0 || out.NumPartitions != 3 || out.ReplicationFactor != 2 {
		t.Errorf("a dry run: %t %+v", ok, out)
	}
}

func TestEveryBrokerKnowsOfATopicWhenItsCreatorIsAnswered(t *testing.T) {
	l := newLab(t)
	l.spread = time.Minute
	l.start(1)
	l.start(2)
	controller := l.controllerOf(1, 2)
	other := l.brokers[others(l, controller)[0]]
	other.slow.Store(int64(20 * time.Millisecond))
	l.create(controller, "t", []int32{1, 2})
	if tp := (TopicPartition{Topic: "t"}); other.leaderOf(tp) < 0 {
		t.Errorf("the other broker's leader of %v is %d", tp, other.leaderOf(tp))
	}
}

func TestABrokerThatDoesNotAnswerHoldsUpNoCreator(t *testing.T) {
	l := newLab(t, 1, 2)
	controller := l.controllerOf(1, 2)
	other := l.brokers[others(l, controller)[0]]
	other.slow.Store(int64(time.Hour))
	l.create(controller, "t", []int32{controller.id})
	if tp := (TopicPartition{Topic: "t"}); controller.leaderOf(tp) != controller.id {
		t.Errorf("the controller's leader of %v is %d", tp, controller.leaderOf(tp))
	}
}

func TestCreatePartitionsAndElectLeaders(t *testing.T) {
	l := newLab(t, 1, 2)
	controller := l.controllerOf(1, 2)
	topic := l.create(controller, "t", []int32{1, 2})
	more := kmsg.NewPtrCreatePartitionsRequest()
	more.TimeoutMillis = 5000
	more.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: "t", Count: 3}, {Topic: "none", Count: 3}}
	resp := controller.shell.CreatePartitions(t.Context(), more)
	if resp.Topics[0].ErrorCode != 0 || resp.Topics[1].ErrorCode != kerr.UnknownTopicOrPartition.Code {
		t.Fatalf("%+v", resp.Topics)
	}
	data, _, err := l.admin.Get(t.Context(), znode.TopicPath("t"))
	a, _ := znode.DecodeTopicAssignment("t", data)
	if err != nil || len(a.Partitions) != 3 || a.ID != topic.TopicID {
		t.Errorf("the assignment is %s, %v", data, err)
	}
	if controller.leaderOf(TopicPartition{Topic: "t", Partition: 2}) < 0 {
		t.Error("answered before this broker knew a leader of the new partition")
	}
	alter := kmsg.NewPtrAlterPartitionRequest()
	alter.SetVersion(3)
	alter.BrokerID, alter.BrokerEpoch = 1, l.brokers[1].epoch.Load()
	alter.Topics = []kmsg.AlterPartitionRequestTopic{{TopicID: topic.TopicID, Partitions: []kmsg.AlterPartitionRequestTopicPartition{
		{NewEpochISR: []kmsg.AlterPartitionRequestTopicPartitionNewEpochISR{{BrokerID: 1}}}}}}
	if got := controller.shell.AlterPartition(t.Context(), alter); got.ErrorCode != 0 || got.Topics[0].Partitions[0].PartitionEpoch != 1 {
		t.Errorf("%+v", got)
	}
	elect := kmsg.NewPtrElectLeadersRequest()
	elect.SetVersion(2)
	elect.TimeoutMillis = 5000
	elect.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: "t", Partitions: []int32{0}}}
	if got := controller.shell.ElectLeaders(t.Context(), elect); got.Topics[0].Partitions[0].ErrorCode != kerr.ElectionNotNeeded.Code {
		t.Errorf("%+v", got)
	}
}

func TestProducerIDsAreNeverGivenTwice(t *testing.T) {
	l := newLab(t, 1, 2)
	controller := l.controllerOf(1, 2)
	var mu sync.Mutex
	var starts []int64
	var wg sync.WaitGroup
	for _, b := range l.brokers {
		wg.Go(func() {
			req := kmsg.NewPtrAllocateProducerIDsRequest()
			req.BrokerID, req.BrokerEpoch = b.id, b.epoch.Load()
			for range 5 {
				resp := controller.shell.AllocateProducerIDs(t.Context(), req)
				mu.Lock()
				starts = append(starts, resp.ProducerIDStart)
				mu.Unlock()
				if resp.ErrorCode != 0 || resp.ProducerIDLen != 1000 {
					t.Errorf("%+v", resp)
				}
			}
		})
	}
	wg.Wait()
	slices.Sort(starts)
	for i, start := range starts {
		if start != int64(i)*1000 {
			t.Fatalf("blocks start at %v", starts)
		}
	}
	req := kmsg.NewPtrAllocateProducerIDsRequest()
	req.BrokerID, req.BrokerEpoch = 1, 1
	if resp := controller.shell.AllocateProducerIDs(t.Context(), req); resp.ErrorCode != kerr.StaleBrokerEpoch.Code {
		t.Errorf("a stale broker epoch: %+v", resp)
	}
	data, _, _ := l.admin.Get(t.Context(), znode.ProducerIDBlockPath)
	if block, err := znode.DecodeProducerIDBlock(data); err != nil || block.End != 9999 {
		t.Errorf("the node is %s, %v", data, err)
	}
}

// Somebody deletes /controller by hand: the office is filled again, and the
// old controller does not believe to hold it any longer.
func TestControllerNodeDeletedByHand(t *testing.T) {
	l := newLab(t, 1, 2, 3)
	l.controllerOf(1, 2, 3)
	for range 3 {
		if err := l.admin.Delete(t.Context(), znode.ControllerPath, -1); err != nil {
			t.Fatal(err)
		}
		l.until("there is one controller, and everybody knows it", func() bool {
			active := 0
			var known []int32
			for _, b := range l.brokers {
				if b.shell.IsActive() {
					active++
				}
				known = append(known, b.shell.ControllerID())
			}
			ok, _, _ := l.admin.Exists(t.Context(), znode.ControllerPath)
			return ok && active == 1 && known[0] >= 0 && known[0] == known[1] && known[1] == known[2]
		})
	}
}

// The next session expires just when the loop begins to register in it: the registration is given up.
func TestSessionExpiresWhileTheBrokerBeginsToRegister(t *testing.T) {
	s := NewShell(ShellConfig{Register: func(ctx context.Context) error {
		<-ctx.Done() // stands for a session that comes only after Expired has returned
		return ctx.Err()
	}})
	s.ctx = t.Context()
	s.beginTerm()
	expire := func() (told chan struct{}) {
		told = make(chan struct{})
		go func() { s.expired(); close(told) }()
		<-s.box.ready // it has interrupted the loop
		return told
	}
	told := expire()
	s.box.take()()
	<-told
	s.renewed()
	<-s.box.ready
	register := s.box.take()
	told = expire()
	registered := make(chan struct{})
	go func() { register(); close(registered) }()
	select {
	case <-registered:
	case <-time.After(10 * time.Second):
		t.Fatal("the loop waits for a session that waits for the loop")
	}
	s.box.take()()
	<-told
	if s.failure != nil || s.registered {
		t.Errorf("registered %t, failure %v", s.registered, s.failure)
	}
}
