//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestAPausedFollowerLeavesTheISRAndComesBackEqual(t *testing.T) {
	l := up(t, "--override", "replica.lag.time.max.ms=1500")
	l.createTopic("paused", 1, 3, "min.insync.replicas=2")
	admin := l.admin()
	l.waitISR(admin, "paused", 0, 3)
	g := l.keepLedger("paused", 1000)
	g.waitMore(t, 200)

	state, _ := l.partitionState(admin, "paused", 0)
	followers := followersOf(state)
	l.klab("broker", "pause", fmt.Sprint(followers[0]))
	l.waitISR(admin, "paused", 0, 2)
	g.waitMore(t, 200) // the high watermark goes on without the paused one

	l.klab("broker", "pause", fmt.Sprint(followers[1]))
	l.waitISR(admin, "paused", 0, 1)
	// The controller may tell of the smaller ISR before it answers the leader who asked for it.
	eventually(t, 5*time.Second, "acks=all with one replica left is refused with NOT_ENOUGH_REPLICAS", func() bool {
		return errors.Is(l.produceOnce(state.Leader, "paused", kgo.AllISRAcks()), kerr.NotEnoughReplicas)
	})
	if err := l.produceOnce(state.Leader, "paused", kgo.LeaderAck()); err != nil {
		t.Errorf("acks=1 with one replica left: %v, want it accepted", err)
	}

	for _, follower := range followers {
		l.klab("broker", "resume", fmt.Sprint(follower))
	}
	l.waitISR(admin, "paused", 0, 3)
	g.waitMore(t, 200)
	g.close()
	l.waitReplicasEqual("paused", 0)
	l.verifyAllAcknowledged(g)
}

// verifyAllAcknowledged is ledger.verify for a topic that other writers wrote to as well.
func (l *lab) verifyAllAcknowledged(g *ledger) {
	l.t.Helper()
	offsets := map[int64]bool{}
	for _, r := range l.readAll(g.topic, 0) {
		offsets[r.Offset] = true
	}
	for _, a := range g.acks {
		if a.offset >= 0 && !offsets[a.offset] {
			l.t.Fatalf("record %d, acknowledged at offset %d, is lost", a.number, a.offset)
		}
	}
}

func TestADivergedLeaderTruncatesAndBecomesEqual(t *testing.T) {
	l := up(t, "--override", "replica.lag.time.max.ms=60000")
	l.createTopic("diverged", 1, 3)
	admin := l.admin()
	l.waitISR(admin, "diverged", 0, 3)
	for range 100 {
		if err := l.produceOnce(1, "diverged", kgo.AllISRAcks()); err != nil {
			t.Fatal(err)
		}
	}
	state, _ := l.partitionState(admin, "diverged", 0)
	followers := followersOf(state)
	for _, f := range followers {
		l.klab("broker", "pause", fmt.Sprint(f))
	}
	for range 50 { // only the leader has these: acks=1 accepts what a failover may lose
		if err := l.produceOnce(state.Leader, "diverged", kgo.LeaderAck()); err != nil {
			t.Fatal(err)
		}
	}
	l.klab("broker", "kill", fmt.Sprint(state.Leader))
	for _, f := range followers {
		l.klab("broker", "resume", fmt.Sprint(f))
	}
	eventually(t, 20*time.Second, "a follower knows the new leader, and that takes a write", func() bool {
		return l.produceOnce(followers[0], "diverged", kgo.AllISRAcks()) == nil
	})
	for range 30 {
		if err := l.produceOnce(followers[0], "diverged", kgo.AllISRAcks()); err != nil {
			t.Fatal(err)
		}
	}
	l.klab("broker", "start", fmt.Sprint(state.Leader))
	l.waitISR(admin, "diverged", 0, 3)
	l.waitReplicasEqual("diverged", 0)
	truncated := slices.ContainsFunc(l.events(), func(e event) bool {
		return e.Kind == "replica.truncated" && e.Topic == "diverged" && e.Broker == state.Leader
	})
	if !truncated {
		t.Errorf("no event says that broker %d was truncated", state.Leader)
	}
}

func followersOf(state kadm.PartitionDetail) []int32 {
	return slices.DeleteFunc(slices.Clone(state.Replicas), func(id int32) bool { return id == state.Leader })
}

// produceOnce writes one record without retries, asking only broker for metadata, and returns Kafka's error.
func (l *lab) produceOnce(broker int32, topic string, acks kgo.Acks) error {
	opts := []kgo.Opt{kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite(), kgo.RecordRetries(0), kgo.ProducerLinger(0),
		kgo.SeedBrokers(bootstrap[broker-1]), kgo.MetadataMinAge(10 * time.Millisecond), kgo.DefaultProduceTopic(topic)}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return client.ProduceSync(ctx, kgo.StringRecord("one")).FirstErr()
}
