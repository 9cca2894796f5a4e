//go:build e2e || interop

package e2e

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ledger is a writer that numbers its records and remembers which were acknowledged, and when.
type ledger struct {
	topic      string
	partitions uint64 // written to in turn
	client     *kgo.Client
	stop       context.CancelFunc
	done       chan struct{}

	mu    sync.Mutex
	acks  []ack
	fails []error
}

type ack struct {
	number uint64
	offset int64
	at     time.Time
}

// keepLedger writes perSecond numbered records a second to partition 0 until it is closed.
func (l *lab) keepLedger(topic string, perSecond int) *ledger {
	l.t.Helper()
	return l.keepLedgerOver(topic, 1, perSecond)
}

// keepLedgerOver is keepLedger for several partitions; what they hold is the caller's to verify.
func (l *lab) keepLedgerOver(topic string, partitions, perSecond int) *ledger {
	l.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	g := &ledger{topic: topic, partitions: uint64(partitions), stop: cancel, done: make(chan struct{})}
	g.client = l.client(
		kgo.DefaultProduceTopic(topic),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.MaxBufferedRecords(1_000_000),
		kgo.RecordRetries(1_000_000),
		kgo.UnknownTopicRetries(-1), // a broker that has just started knows no topic, and says so for a while
	)
	go g.write(ctx, time.Second/time.Duration(perSecond))
	l.t.Cleanup(g.close)
	return g
}

func (g *ledger) write(ctx context.Context, every time.Duration) {
	defer close(g.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for number := uint64(0); ; number++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		value := binary.BigEndian.AppendUint64(nil, number)
		g.client.Produce(context.Background(), &kgo.Record{Partition: int32(number % g.partitions), Value: value}, func(r *kgo.Record, err error) {
			g.settle(number, r.Offset, err)
		})
	}
}

func (g *ledger) settle(number uint64, offset int64, err error) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		g.fails = append(g.fails, fmt.Errorf("record %d: %w", number, err))
		return
	}
	g.acks = append(g.acks, ack{number, offset, now})
}

// close stops the writer and waits until every record it sent is settled.
func (g *ledger) close() {
	g.stop()
	<-g.done
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	g.client.Flush(ctx)
}

func (g *ledger) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.acks)
}

// waitMore waits until n more records are acknowledged.
func (g *ledger) waitMore(t testing.TB, n int) {
	t.Helper()
	want := g.count() + n
	eventually(t, 30*time.Second, fmt.Sprintf("%d more acknowledged records", n), func() bool { return g.count() >= want })
}

// silence is the longest time without an acknowledgement that ended after from.
func (g *ledger) silence(from time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	longest, last := time.Duration(0), from
	for _, a := range g.acks {
		if a.at.Before(from) {
			last = a.at
			continue
		}
		longest, last = max(longest, a.at.Sub(last)), a.at
	}
	return longest
}

// verify reads the partition back and holds it against the ledger: nothing lost, nothing twice, nothing out of order.
func (g *ledger) verify(l *lab) {
	l.t.Helper()
	g.mu.Lock()
	acks, fails := slices.Clone(g.acks), g.fails
	g.mu.Unlock()
	if len(fails) > 0 {
		l.t.Errorf("%d records were refused, the first: %v", len(fails), fails[0])
	}
	byNumber := map[uint64]int64{}
	last := int64(-1)
	seen := map[uint64]bool{}
	previous, first := uint64(0), true
	for _, r := range l.readAll(g.topic, 0) {
		number := binary.BigEndian.Uint64(r.Value)
		if seen[number] {
			l.t.Fatalf("record %d is there twice: at offsets %d and %d", number, byNumber[number], r.Offset)
		}
		if !first && number < previous {
			l.t.Fatalf("record %d at offset %d comes after record %d", number, r.Offset, previous)
		}
		seen[number], byNumber[number], previous, first, last = true, r.Offset, number, false, r.Offset
	}
	for _, a := range acks {
		offset, ok := byNumber[a.number]
		if !ok {
			l.t.Fatalf("record %d was acknowledged at offset %d and is lost (log ends at %d)", a.number, a.offset, last)
		}
		if a.offset >= 0 && offset != a.offset {
			l.t.Fatalf("record %d was acknowledged at offset %d and stands at %d", a.number, a.offset, offset)
		}
	}
	l.t.Logf("ledger of %s: %d acknowledged, %d in the log", g.topic, len(acks), len(seen))
}

// readAll reads one partition from its beginning to its high watermark.
func (l *lab) readAll(topic string, partition int32) []*kgo.Record {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	admin := l.admin()
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err != nil {
		l.t.Fatal(err)
	}
	end, ok := ends.Lookup(topic, partition)
	if !ok || end.Err != nil {
		l.t.Fatalf("no end offset of %s/%d: %v", topic, partition, end.Err)
	}
	client := l.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}))
	var records []*kgo.Record
	for next := int64(0); next < end.Offset; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			l.t.Fatalf("cannot read %s/%d at %d: %v", topic, partition, next, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			records, next = append(records, r), r.Offset+1
		})
	}
	return records
}
