package cluster

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// fakeKafka starts three brokers in this process. They keep every replica in the ISR and do not replicate, so what
// concerns followers is tested on the model, and with real brokers elsewhere.
func fakeKafka(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	noSessions := kfake.BrokerConfigs(map[string]string{"max.incremental.fetch.session.cache.slots": "0"}) // kfake's lose a record now and then
	fake, err := kfake.NewCluster(append(opts, kfake.NumBrokers(3), kfake.DefaultNumPartitions(3), noSessions)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	return fake
}

func connect(t *testing.T, fake *kfake.Cluster) *Cluster {
	t.Helper()
	c, err := Connect(t.Context(), Target{Bootstrap: fake.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// until waits for a snapshot that satisfies ok.
func until(t *testing.T, c *Cluster, what string, ok func(*Snapshot) bool) *Snapshot {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		changed := c.Changed()
		if s := c.Snapshot(); ok(s) {
			return s
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("not seen: %s; last snapshot: %+v", what, c.Snapshot())
		}
	}
}

func TestObservesTopicsAndOffsets(t *testing.T) {
	fake := fakeKafka(t)
	c, err := Open(t.Context(), Target{Bootstrap: fake.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Ready(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateTopic(t.Context(), NewTopic{Name: "orders", Partitions: 2, ReplicationFactor: 3, Config: map[string]string{"min.insync.replicas": "2"}}); err != nil {
		t.Fatal(err)
	}
	defer c.Watch("orders")()
	var records []NewRecord
	for i := range 10 {
		records = append(records, NewRecord{Key: fmt.Append(nil, i), Value: []byte("v"), Partition: new(int32(i % 2))})
	}
	if _, err := c.Produce(t.Context(), ProduceRequest{Topic: "orders", Records: records}); err != nil {
		t.Fatal(err)
	}
	s := until(t, c, "five records in each partition", func(s *Snapshot) bool {
		p0, _ := s.Partition("orders", 0)
		p1, _ := s.Partition("orders", 1)
		return p0.HighWatermark == 5 && p1.HighWatermark == 5 && p0.MinISR == 2 && p0.LogStart == 0
	})
	if s.Health.Level != HealthOK || s.Health.UpBrokers != 3 || s.Health.Partitions != 2 {
		t.Errorf("health = %+v", s.Health)
	}
	p, _ := s.Partition("orders", 0)
	if l, _ := p.LogOf(p.Leader); l.EndOffset != 5 || l.Lag != 0 || l.At.IsZero() {
		t.Errorf("leader's log = %+v", l)
	}
	facts, _, _ := c.Timeline().Since(0)
	if len(facts) != 1 || facts[0].Kind != KindTopicCreated || facts[0].Source != "metadata" {
		t.Errorf("facts = %+v", facts)
	}
}
