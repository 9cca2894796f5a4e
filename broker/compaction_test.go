package broker

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"klab/broker/storage"
)

// Every replica compacts its own log, at its own times. Whoever leads afterwards, a reader finds each key's last value, and a
// follower that was away over several cleans comes back into the ISR.
func TestACompactedTopicOutlivesItsLeaders(t *testing.T) {
	l := newLab(t, "log.cleaner.backoff.ms", "50", "log.retention.check.interval.ms", "100", "unclean.leader.election.enable", "false")
	for id := 1; id <= 3; id++ {
		l.start(id)
	}
	value := func(s string) *string { return &s }
	l.createTopic("table", 1, 3, map[string]*string{
		"cleanup.policy": value("compact"), "segment.bytes": value("4096"), "min.cleanable.dirty.ratio": value("0.01"),
		"file.delete.delay.ms": value("0"), "min.insync.replicas": value("1"),
	})
	table := map[string]string{}
	written := 0
	write := func(n int) {
		t.Helper()
		writer := l.client(kgo.DefaultProduceTopic("table"), kgo.ProducerLinger(0), kgo.RecordDeliveryTimeout(20*time.Second))
		defer writer.Close()
		for range n {
			key, v := fmt.Sprintf("key-%d", written%17), fmt.Sprintf("value-%d", written)
			written++
			if err := writer.ProduceSync(t.Context(), kgo.KeyStringRecord(key, v)).FirstErr(); err != nil {
				t.Fatal(err)
			}
			table[key] = v
		}
	}
	write(400)
	l.compacted("table")
	for range 3 {
		leader := l.leaderOf("table")
		l.abandon(leader)
		write(400)
		l.compacted("table")
		if got := l.lastValues("table", written); !maps.Equal(got, table) {
			t.Fatalf("without broker %d: %v, want %v", leader, got, table)
		}
		l.start(leader)
		l.inSync("table", 3)
		l.compacted("table")
	}
	for id, b := range l.brokers {
		log, err := b.replicas.Log(storage.TopicPartition{Topic: "table"})
		if err != nil {
			t.Fatal(err)
		}
		if log.EndOffset() != int64(written) {
			t.Errorf("broker %d's log ends at %d, want %d", id, log.EndOffset(), written)
		}
	}
}

// compacted waits until every replica has cleaned away most of what was written.
func (l *lab) compacted(topic string) {
	l.t.Helper()
	l.eventually("every replica of "+topic+" is compacted", func() bool {
		for _, b := range l.brokers {
			log, err := b.replicas.Log(storage.TopicPartition{Topic: topic})
			if err != nil || log.Size() > 3*4096 {
				return false
			}
		}
		return true
	})
}

func (l *lab) leaderOf(topic string) int {
	l.t.Helper()
	leader := -1
	l.eventually(topic+" has a leader that lives", func() bool {
		for _, b := range l.brokers {
			if p, ok := b.Metadata().Partition(topic, 0); ok && l.brokers[int(p.Leader)] != nil {
				leader = int(p.Leader)
				return true
			}
		}
		return false
	})
	return leader
}

// lastValues reads a topic of one partition up to an offset, and keeps the last value of each key.
func (l *lab) lastValues(topic string, end int) map[string]string {
	l.t.Helper()
	c := l.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer c.Close()
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	got := map[string]string{}
	for next := int64(0); next < int64(end) && ctx.Err() == nil; {
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			got[string(r.Key)] = string(r.Value)
			next = r.Offset + 1
		})
	}
	return got
}
