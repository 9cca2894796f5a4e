package broker

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ledger writes numbered records with acks=all and remembers which were acknowledged.
type ledger struct {
	client *kgo.Client
	topic  string

	mu    sync.Mutex
	acked map[string]bool
	last  time.Time // of the last acknowledgement
}

func newLedger(l *lab, topic string) *ledger {
	return &ledger{topic: topic, acked: map[string]bool{},
		client: l.client(kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerLinger(0), kgo.AllowAutoTopicCreation(), kgo.RecordDeliveryTimeout(15*time.Second))}
}

// write produces records until stop is closed, one batch after another.
func (w *ledger) write(ctx context.Context, stop <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		var records []*kgo.Record
		for i := range 10 {
			text := fmt.Sprintf("%d.%d", n, i)
			records = append(records, &kgo.Record{Topic: w.topic, Key: []byte(text), Value: []byte(text)})
		}
		for _, r := range w.client.ProduceSync(ctx, records...) {
			if r.Err == nil {
				w.mu.Lock()
				w.acked[string(r.Record.Value)] = true
				w.last = time.Now()
				w.mu.Unlock()
			}
		}
	}
}

func (w *ledger) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acked)
}

// check consumes the topic from its start until every acknowledged record was seen, each once.
func (w *ledger) check(l *lab) {
	l.t.Helper()
	c := l.client(kgo.ConsumeTopics(w.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	seen := map[string]int{}
	missing := w.count()
	for missing > 0 && ctx.Err() == nil {
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			v := string(r.Value)
			if seen[v]++; seen[v] == 1 && w.acked[v] {
				missing--
			}
		})
	}
	if missing > 0 {
		l.t.Fatalf("%d of %d acknowledged records are lost", missing, w.count())
	}
	for v, n := range seen {
		if n > 1 && w.acked[v] {
			l.t.Errorf("record %s is there %d times", v, n)
		}
	}
}

func TestThreeBrokers(t *testing.T) {
	l := newLab(t)
	began := time.Now()
	var starting sync.WaitGroup
	var mu sync.Mutex
	for id := 1; id <= 3; id++ {
		starting.Go(func() {
			b, err := Open(context.Background(), l.config(id), Options{Log: testLog(id)})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(b.Abandon)
			l.brokers[id] = b
		})
	}
	starting.Wait()
	if t.Failed() {
		t.FailNow()
	}
	t.Logf("three brokers registered after %v", time.Since(began))
	min2 := "2"
	l.createTopic("orders", 3, 3, map[string]*string{"min.insync.replicas": &min2})
	w := newLedger(l, "orders")
	if err := w.client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("first")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	t.Logf("first acks=all write after %v", time.Since(began))
	l.inSync("orders", 3)

	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { defer close(stopped); w.write(t.Context(), stop) }()
	grow := func(n int) {
		t.Helper()
		target := w.count() + n
		l.eventually("more records are acknowledged", func() bool { return w.count() >= target })
	}
	grow(200)

	// One broker stops in an orderly way: its partitions get other leaders and the writer hardly notices.
	leaving := l.brokers[2]
	delete(l.brokers, 2)
	stopping := time.Now()
	if err := leaving.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("shutdown took %v", time.Since(stopping))
	l.inSync("orders", 2)
	grow(200)

	// It comes back, catches up and is in sync again.
	l.start(2)
	l.inSync("orders", 3)
	grow(200)

	// The controller crashes. Its session expires, another takes over and moves the leaders.
	crashed := l.controller()
	victim := l.brokers[crashed]
	delete(l.brokers, crashed)
	at := time.Now()
	victim.Abandon()
	l.inSync("orders", 2)
	t.Logf("two in sync %v after the crash of controller %d", time.Since(at), crashed)
	grow(200)
	close(stop)
	<-stopped

	// The crashed broker recovers its logs and follows again.
	l.start(crashed)
	l.inSync("orders", 3)
	w.check(l)
	t.Logf("%d records were acknowledged and are there", w.count())
}

func TestAllStopAndStartAgain(t *testing.T) {
	l := newLab(t, "auto.create.topics.enable", "true", "default.replication.factor", "3", "min.insync.replicas", "2")
	for id := 1; id <= 3; id++ {
		l.start(id)
	}
	w := newLedger(l, "kept")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, r := range w.client.ProduceSync(ctx, &kgo.Record{Topic: "kept", Value: []byte("a")}, &kgo.Record{Topic: "kept", Value: []byte("b")}) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		w.acked[string(r.Record.Value)] = true
	}
	for id := 1; id <= 3; id++ {
		at := time.Now()
		if err := l.brokers[id].Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
		t.Logf("broker %d: shutdown took %v", id, time.Since(at))
		delete(l.brokers, id)
	}
	for id := 1; id <= 3; id++ {
		l.start(id)
	}
	l.inSync("kept", 3)
	w.check(l)
}
