package controller

import (
	"context"
	"slices"
	"testing"
	"time"

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
