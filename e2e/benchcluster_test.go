//go:build bench

package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// start takes a cluster from nothing to its first write.
var start = part{
	name:    "start",
	rounds:  3,
	setting: "empty directories, ZooKeeper and three brokers, to the first write with acks=all acknowledged on a new topic of 6 partitions",
	metrics: []metric{{"to the first write", "ms", true, 0}, {"memory then", "MB", true, 0}, {"CPU until then", "s", true, 0}},
	run: func(t *testing.T, b *bench, s side, round int) (values []float64) {
		t.Run(fmt.Sprintf("start %s %d", s.name, round), func(t *testing.T) { // it stops with this
			began := time.Now()
			s.start(t)
			s.ready(t)
			values = []float64{float64(time.Since(began).Microseconds()) / 1000, s.resident(t), s.cpu(t).Seconds()}
		})
		return values
	},
}

// memory is of a cluster with a topic or two, left alone for a while.
var memory = part{
	name:    "idle",
	rounds:  1,
	fresh:   true,
	setting: "five seconds after the start, one topic of 6 partitions, nobody connected",
	metrics: []metric{{"memory", "MB", true, 0}, {"cores of the cluster", "", true, 0}},
	run: func(t *testing.T, b *bench, s side, round int) []float64 {
		time.Sleep(5 * time.Second)
		cpu, began := s.cpu(t), time.Now()
		time.Sleep(b.time)
		return []float64{s.resident(t), (s.cpu(t) - cpu).Seconds() / time.Since(began).Seconds()}
	},
}

// create makes one topic of many partitions and waits until every one of them can be used.
func create(partitions int32) part {
	p := part{
		name:    fmt.Sprintf("create %d", partitions),
		setting: fmt.Sprintf("one topic of %d partitions, replication factor 3, from the request until its leaders all answer and every broker's metadata names them", partitions),
		metrics: []metric{{"time", "s", true, 0.1}, {"CPU", "s", true, 0}, {"memory then", "MB", true, 0}},
		run: func(t *testing.T, b *bench, s side, round int) []float64 {
			topic := s.topic("create", round)
			client := s.client(t)
			defer client.Close()
			cpu, began := s.cpu(t), time.Now()
			s.createTopic(t, client, topic, partitions)
			answered := time.Since(began)
			s.waitLeaders(t, client, topic, int(partitions))
			values := []float64{time.Since(began).Seconds(), (s.cpu(t) - cpu).Seconds(), s.resident(t)}
			t.Logf("%s: CreateTopics answered after %v", s.name, answered)
			s.deleteTopic(t, topic)
			return values
		},
	}
	if partitions > 1000 {
		p.rounds, p.metrics[0].bar = 1, 0
	} else {
		p.rounds = 3
	}
	return p
}

// waitLeaders waits until each broker's metadata names all leaders, and these answer.
func (s side) waitLeaders(t *testing.T, client *kgo.Client, topic string, partitions int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	for _, addr := range s.brokers {
		one := side{name: s.name, brokers: []string{addr}}.client(t)
		admin := kadm.NewClient(one)
		eventually(t, 5*time.Minute, addr+" knows all leaders of "+topic, func() bool {
			topics, err := admin.ListTopics(ctx, topic)
			led := 0
			for _, p := range topics[topic].Partitions {
				if p.Err == nil && p.Leader >= 0 && len(p.ISR) == 3 {
					led++
				}
			}
			return err == nil && led == partitions
		})
		one.Close()
	}
	admin := kadm.NewClient(client)
	eventually(t, 5*time.Minute, "all leaders of "+topic+" answer", func() bool {
		ends, err := admin.ListEndOffsets(ctx, topic)
		return err == nil && ends.Error() == nil && len(ends[topic]) == partitions
	})
}

// failover kills a broker that leads a third of a topic and waits until all of these partitions took a write again.
func failover(partitions int32) part {
	return part{
		name:   fmt.Sprintf("failover %d", partitions),
		rounds: 3,
		setting: fmt.Sprintf("one topic of %d partitions, replication factor 3, session timeout %d ms; SIGKILL of a broker that is not the controller; until each partition "+
			"that it led has acknowledged a write, acks=all", partitions, sessionMs),
		metrics: []metric{{"beyond the session timeout", "ms", true, 0.5}, {"after its node in ZooKeeper went", "ms", true, 0.5}, {"first partition, beyond the session timeout", "ms", true, 0}},
		run: func(t *testing.T, b *bench, s side, round int) []float64 {
			topic := s.topic("failover", round)
			client := s.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
			defer client.Close()
			s.createTopic(t, client, topic, partitions)
			s.waitLeaders(t, client, topic, int(partitions))
			victim, led := s.victim(t, client, topic)
			s.writeEach(t, client, topic, led) // producer id and connections are there
			gone := s.watchBroker(t, victim)
			killed := time.Now()
			s.kill(victim)
			first, last := s.writeEach(t, client, topic, led)
			ended := <-gone
			s.restart(victim)
			s.waitLeaders(t, client, topic, int(partitions)) // full ISRs again
			s.deleteTopic(t, topic)
			ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
			return []float64{ms(last.Sub(killed)) - sessionMs, ms(last.Sub(ended)), ms(first.Sub(killed)) - sessionMs}
		},
	}
}

// victim is a broker other than the controller, and the partitions it leads.
func (s side) victim(t *testing.T, client *kgo.Client, topic string) (id int32, led []int32) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	meta, err := kadm.NewClient(client).Metadata(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	for id = 1; id == meta.Controller; id++ {
	}
	for p, detail := range meta.Topics[topic].Partitions {
		if detail.Leader == id {
			led = append(led, p)
		}
	}
	return id, led
}

// writeEach sends one record to each partition and returns when the first and the last of them were acknowledged.
func (s side) writeEach(t *testing.T, client *kgo.Client, topic string, partitions []int32) (first, last time.Time) {
	t.Helper()
	var mu sync.Mutex
	for _, p := range partitions {
		client.Produce(context.Background(), &kgo.Record{Topic: topic, Partition: p, Value: []byte("x")}, func(r *kgo.Record, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("%s: partition %d: %v", s.name, r.Partition, err)
			}
			if last = time.Now(); first.IsZero() {
				first = last
			}
		})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := client.Flush(ctx); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	mu.Lock()
	defer mu.Unlock()
	return first, last
}

// watchBroker tells when a broker's node in ZooKeeper goes.
func (s side) watchBroker(t *testing.T, id int32) <-chan time.Time {
	t.Helper()
	conn, _, err := zk.Connect([]string{s.zk}, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	_, _, events, err := conn.ExistsW(fmt.Sprintf("/brokers/ids/%d", id))
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan time.Time, 1)
	go func() {
		<-events
		gone <- time.Now()
	}()
	return gone
}
