//go:build bench

package e2e

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// filled is a topic of 6 partitions with b.time's worth of 100 B records, made once a side.
var filled = struct {
	sync.Mutex
	topics map[string]string
}{topics: map[string]string{}}

func (s side) fill(t *testing.T, b *bench) (topic string, records int) {
	filled.Lock()
	defer filled.Unlock()
	records = int(b.time.Seconds() * 600_000)
	if topic = filled.topics[s.name]; topic != "" {
		return topic, records
	}
	topic = s.topic("full", 0)
	client := s.client(t, kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(5*time.Millisecond))
	defer client.Close()
	s.createTopic(t, client, topic, 6)
	value := make([]byte, 100)
	for range records {
		client.Produce(context.Background(), &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		})
	}
	if err := client.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	filled.topics[s.name] = topic
	return topic, records
}

// consume reads a topic from its beginning to its end.
var consume = part{
	name:    "franz-go consume",
	setting: "franz-go, 100 B records, 6 partitions, read from the page cache",
	metrics: []metric{{"records a second", "/s", false, 1}, {"MB a second", "MB/s", false, 0}, {"CPU seconds a million records", "s", true, 1}},
	run: func(t *testing.T, b *bench, s side, round int) []float64 {
		topic, records := s.fill(t, b)
		parts := map[int32]kgo.Offset{}
		for p := range int32(6) {
			parts[p] = kgo.NewOffset().AtStart()
		}
		cpu, began := s.cpu(t), time.Now()
		client := s.client(t, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: parts}))
		defer client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		for n := 0; n < records; {
			fetches := client.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				t.Fatalf("%s: %d of %d records: %v", s.name, n, records, err)
			}
			n += fetches.NumRecords()
		}
		took := time.Since(began).Seconds()
		rate := float64(records) / took
		return []float64{rate, rate * 100 / 1e6, (s.cpu(t) - cpu).Seconds() * 1e6 / float64(records)}
	},
}

// consumeJava is kafka-consumer-perf-test of Kafka 3.9: one member of a group.
var consumeJava = part{
	name:    "consumer-perf",
	setting: "kafka-consumer-perf-test of 3.9 (a group of one), 100 B records, 6 partitions, read from the page cache",
	metrics: []metric{{"records a second, of fetching", "/s", false, 1}, {"MB a second, of fetching", "MB/s", false, 0}, {"CPU seconds a million records", "s", true, 1}},
	run: func(t *testing.T, b *bench, s side, round int) []float64 {
		if !s.hasGroups(t) {
			return []float64{math.NaN(), math.NaN(), math.NaN()}
		}
		topic, records := s.fill(t, b)
		cpu := s.cpu(t)
		out := javaTool(t, "org.apache.kafka.tools.ConsumerPerformance", "--bootstrap-server", strings.Join(s.brokers, ","), "--topic", topic,
			"--messages", fmt.Sprint(records), "--timeout", "60000", "--hide-header", "--group", s.topic("group", round))
		used := s.cpu(t) - cpu
		rate := fetchRate(t, out)
		return []float64{rate, rate * 100 / 1e6, used.Seconds() * 1e6 / float64(records)}
	},
}

// fetchRate is fetch.nMsg.sec, the last column of the tool's line.
func fetchRate(t *testing.T, out string) float64 {
	t.Helper()
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSpace(line), ", ")
		if len(fields) == 10 {
			if rate, err := strconv.ParseFloat(fields[9], 64); err == nil {
				return rate
			}
		}
	}
	t.Fatalf("kafka-consumer-perf-test printed no result:\n%s", out)
	return 0
}

// hasGroups waits a little for the coordinator of a group: __consumer_offsets is made when one is first asked for.
func (s side) hasGroups(t *testing.T) bool {
	client := s.client(t)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if found, ok := kadm.NewClient(client).FindGroupCoordinators(ctx, "bench")["bench"]; ok && found.Err == nil {
			return true
		}
	}
	return false
}
