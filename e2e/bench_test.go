//go:build bench

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// side is one of the two clusters that are measured: the same client, the same topics, one after the other in each round.
type side struct {
	name    string
	brokers []string
}

const benchRounds = 5

// TestBench prints the table of `make bench`: medians of alternating rounds, ours and, where e2e/install has put its jars,
// Apache Kafka 3.9's on the same machine.
func TestBench(t *testing.T) {
	l := up(t)
	sides := []side{{"klab", bootstrap}}
	if jars := os.Getenv("KLAB_APACHE"); apacheIsThere(jars) {
		startApacheBrokers(t, startApacheZooKeeper(t))
		sides = append(sides, side{"Apache 3.9", apacheBootstrap})
	} else {
		t.Log("no Apache Kafka here (e2e/install gets it): klab alone")
	}
	rss := int64(0)
	for _, pid := range l.status().pids() {
		rss += residentBytes(t, pid)
	}
	t.Logf("%d processors; RF 3, acks=all, min.insync.replicas 1, 6 partitions, idempotent, no codec, flush policy: Kafka's default (none)", runtime.NumCPU())
	t.Logf("klab: ready after %.0f ms, %.0f MB resident in five processes", l.status().ReadyMs, float64(rss)/1e6)
	for _, m := range []struct {
		name    string
		measure func(testing.TB, side, int) float64
		unit    string
	}{
		{"100 B records a second", func(t testing.TB, s side, round int) float64 { return throughput(t, s, round, 100, 400_000) }, "/s"},
		{"1 KiB records a second", func(t testing.TB, s side, round int) float64 { return throughput(t, s, round, 1024, 60_000) }, "/s"},
		{"one record at a time, p50", func(t testing.TB, s side, round int) float64 { return latency(t, s, round)[0] }, "ms"},
		{"one record at a time, p99", func(t testing.TB, s side, round int) float64 { return latency(t, s, round)[1] }, "ms"},
	} {
		report(t, m.name, m.unit, sides, m.measure)
	}
}

func apacheIsThere(root string) bool {
	if root == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return false
		}
		root = filepath.Join(home, ".cache", "klab-apache")
	}
	_, err := os.Stat(filepath.Join(root, "3.9", "complete"))
	return err == nil
}

func report(t *testing.T, name, unit string, sides []side, measure func(testing.TB, side, int) float64) {
	results := make([][]float64, len(sides))
	for round := range benchRounds {
		for i, s := range sides {
			results[i] = append(results[i], measure(t, s, round))
		}
	}
	line := fmt.Sprintf("%-28s", name)
	var medians []float64
	for i, s := range sides {
		slices.Sort(results[i])
		medians = append(medians, results[i][benchRounds/2])
		line += fmt.Sprintf("  %s %.2f%s (%.2f to %.2f)", s.name, medians[i], unit, results[i][0], results[i][benchRounds-1])
	}
	if len(medians) == 2 {
		line += fmt.Sprintf("  ratio %.2f", medians[0]/medians[1])
	}
	t.Log(line)
}

func benchClient(t testing.TB, s side, topic string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(s.brokers...), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.MaxBufferedRecords(100_000), kgo.MetadataMinAge(50 * time.Millisecond),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	admin := kadm.NewClient(client)
	eventually(t, time.Minute, "three brokers", func() bool {
		brokers, err := admin.ListBrokers(ctx)
		return err == nil && len(brokers) == 3
	})
	if _, err := admin.CreateTopic(ctx, 6, 3, nil, topic); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	if err := client.ProduceSync(ctx, kgo.StringRecord("warm")).FirstErr(); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	return client
}

// throughput is acknowledged records a second of one producer.
func throughput(t testing.TB, s side, round, size, records int) float64 {
	client := benchClient(t, s, fmt.Sprintf("bench-%d-%d", size, round), kgo.ProducerLinger(5*time.Millisecond))
	value := make([]byte, size)
	began := time.Now()
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
	return float64(records) / time.Since(began).Seconds()
}

// latency is p50 and p99 in milliseconds of 2,000 records of 100 B, each sent when the one before was acknowledged.
func latency(t testing.TB, s side, round int) [2]float64 {
	client := benchClient(t, s, fmt.Sprintf("latency-%d-%d", round, time.Now().UnixNano()), kgo.ProducerLinger(0))
	var times []time.Duration
	for range 2000 {
		began := time.Now()
		if err := client.ProduceSync(context.Background(), &kgo.Record{Value: make([]byte, 100)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return [2]float64{times[1000].Seconds() * 1000, times[1980].Seconds() * 1000}
}
