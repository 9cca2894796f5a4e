//go:build bench

package e2e

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// produceJava is kafka-producer-perf-test of Kafka 3.9 without a limit.
func produceJava(size int) part {
	return part{
		name:    fmt.Sprintf("producer-perf %s", bytesName(size)),
		setting: fmt.Sprintf("kafka-producer-perf-test of 3.9, %s records, acks=all, idempotent, linger 5 ms, batch 64 KiB, 6 partitions", bytesName(size)),
		fills:   true,
		metrics: []metric{{"records a second", "/s", false, 1.2}, {"MB a second", "MB/s", false, 0},
			{"records a CPU second", "/s", false, 2}, {"p50 at full speed", "ms", true, 0}, {"p99 at full speed", "ms", true, 0}, {"p99.9 at full speed", "ms", true, 0}},
		run: func(t *testing.T, b *bench, s side, round int) []float64 {
			topic := s.topic("java", round)
			client := s.client(t)
			defer client.Close()
			s.createTopic(t, client, topic, 6)
			defer s.deleteTopic(t, topic)
			records := int(b.time.Seconds() * 60e6 / float64(size+100))
			began := s.cpu(t)
			out := javaTool(t, "org.apache.kafka.tools.ProducerPerformance", "--topic", topic, "--num-records", fmt.Sprint(records),
				"--record-size", fmt.Sprint(size), "--throughput", "-1", "--producer-props", "bootstrap.servers="+strings.Join(s.brokers, ","),
				"acks=all", "enable.idempotence=true", "linger.ms=5", "batch.size=65536", "buffer.memory=67108864")
			used := s.cpu(t) - began
			v := perfLine(t, out)
			return []float64{v[0], v[0] * float64(size) / 1e6, float64(records) / used.Seconds(), v[1], v[2], v[3]}
		},
	}
}

var perfResult = regexp.MustCompile(`(\d+) records sent, ([\d.]+) records/sec.* ([\d.]+) ms 50th, [\d.]+ ms 95th, ([\d.]+) ms 99th, ([\d.]+) ms 99.9th`)

// perfLine reads records a second, p50, p99 and p99.9 from the last line of the tool.
func perfLine(t *testing.T, out string) (v [4]float64) {
	t.Helper()
	found := perfResult.FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("kafka-producer-perf-test printed no result:\n%s", out)
	}
	for i := range v {
		v[i], _ = strconv.ParseFloat(found[i+2], 64)
	}
	return v
}

// javaTool runs one of Kafka's tools with both compilers and enough heap, as its scripts do.
func javaTool(t *testing.T, class string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out, err := apacheKafka(t, "3.9").java(ctx, []string{"-Xmx512M", "-XX:+UseSerialGC"}, class, args).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); ok {
		t.Fatalf("%s: %v\n%s", class, exit, out)
	} else if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func bytesName(size int) string {
	if size >= 1024 {
		return fmt.Sprintf("%d KiB", size/1024)
	}
	return fmt.Sprintf("%d B", size)
}

// produceFlatOut is a franz-go producer without a limit; its first second does not count.
func produceFlatOut(size int) part {
	return part{
		name:    "franz-go " + bytesName(size),
		setting: fmt.Sprintf("franz-go, %s records, acks=all, idempotent, linger 5 ms, 6 partitions", bytesName(size)),
		fills:   true,
		metrics: []metric{{"records a second", "/s", false, 1.2}, {"MB a second", "MB/s", false, 0}, {"records a CPU second", "/s", false, 2}, {"memory under load", "MB", true, 0}},
		run: func(t *testing.T, b *bench, s side, round int) []float64 {
			topic := s.topic("flatout", round)
			client := s.client(t, kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(5*time.Millisecond))
			defer client.Close()
			s.createTopic(t, client, topic, 6)
			defer s.deleteTopic(t, topic)
			value := make([]byte, size)
			var acked, failed atomic.Int64
			done := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					client.Produce(context.Background(), &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
						if acked.Add(1); err != nil {
							failed.Add(1)
						}
					})
				}
			})
			time.Sleep(time.Second)
			cpu, from, began := s.cpu(t), acked.Load(), time.Now()
			time.Sleep(b.time)
			used, count, took := s.cpu(t)-cpu, float64(acked.Load()-from), time.Since(began)
			memory := s.resident(t)
			close(done)
			wg.Wait()
			if client.Flush(context.Background()); failed.Load() > 0 {
				t.Errorf("%s: %d records failed", s.name, failed.Load())
			}
			rate := count / took.Seconds()
			return []float64{rate, rate * float64(size) / 1e6, count / used.Seconds(), memory}
		},
	}
}

// paced sends records at a steady rate, each by itself; a record's time counts from when it was due.
var paced = part{
	name:    "franz-go paced",
	setting: "franz-go, 20,000 records/s of 100 B, each sent when due (linger 0), acks=all, idempotent, 6 partitions",
	metrics: []metric{{"p50", "ms", true, 0}, {"p99", "ms", true, 0.1}, {"p99.9", "ms", true, 0}, {"records a second reached", "/s", false, 0}, {"cores of the cluster", "", true, 0}},
	run: func(t *testing.T, b *bench, s side, round int) []float64 {
		topic := s.topic("paced", round)
		client := s.client(t, kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0))
		defer client.Close()
		s.createTopic(t, client, topic, 6)
		defer s.deleteTopic(t, topic)
		syscall.Sync()                    // what was written before must not be on its way to the disk now
		pace(t, s, client, 2*time.Second) // warm
		cpu, began := s.cpu(t), time.Now()
		times := pace(t, s, client, b.time)
		took := time.Since(began)
		return []float64{quantile(times, 0.5), quantile(times, 0.99), quantile(times, 0.999), float64(len(times)) / took.Seconds(), (s.cpu(t) - cpu).Seconds() / took.Seconds()}
	},
}

// pace produces 20,000 records a second and returns how long each took to be acknowledged.
func pace(t *testing.T, s side, client *kgo.Client, span time.Duration) []time.Duration {
	const every = 50 * time.Microsecond
	times := make([]time.Duration, span/every)
	value := make([]byte, 100)
	began := time.Now()
	for i := range times {
		due := began.Add(time.Duration(i) * every)
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		client.Produce(context.Background(), &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
			if times[i] = time.Since(due); err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		})
	}
	if err := client.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	slices.Sort(times)
	return times
}

// single sends the next record when the one before was acknowledged.
var single = part{
	name:    "franz-go single",
	setting: "franz-go, 2,000 records of 100 B, each sent when the one before was acknowledged, acks=all, idempotent, 6 partitions",
	metrics: []metric{{"p50", "ms", true, 0}, {"p99", "ms", true, 0}, {"p99.9", "ms", true, 0}},
	run: func(t *testing.T, b *bench, s side, round int) []float64 {
		topic := s.topic("single", round)
		client := s.client(t, kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(0))
		defer client.Close()
		s.createTopic(t, client, topic, 6)
		defer s.deleteTopic(t, topic)
		var times []time.Duration
		for i := range 2200 {
			began := time.Now()
			if err := client.ProduceSync(context.Background(), &kgo.Record{Value: make([]byte, 100)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if i >= 200 {
				times = append(times, time.Since(began))
			}
		}
		slices.Sort(times)
		return []float64{quantile(times, 0.5), quantile(times, 0.99), quantile(times, 0.999)}
	},
}

// quantile is in milliseconds, of times in order.
func quantile(times []time.Duration, q float64) float64 {
	if len(times) == 0 {
		return math.NaN()
	}
	return float64(times[int(q*float64(len(times)-1))].Microseconds()) / 1000
}
