package broker

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// transactional makes a producer of a transactional id.
func (l *lab) transactional(id string, opts ...kgo.Opt) *kgo.Client {
	l.t.Helper()
	return l.client(append([]kgo.Opt{kgo.TransactionalID(id), kgo.ProducerLinger(0)}, opts...)...)
}

// transact writes values in one transaction and ends it.
func (l *lab) transact(c *kgo.Client, topic string, commit kgo.TransactionEndTry, values ...string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	if err := c.BeginTransaction(); err != nil {
		l.t.Fatal(err)
	}
	for i, v := range values {
		if err := c.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: int32(i % 3), Value: []byte(v)}).FirstErr(); err != nil {
			l.t.Fatalf("produce %s: %v", v, err)
		}
	}
	if err := c.EndTransaction(ctx, commit); err != nil {
		l.t.Fatal(err)
	}
}

// read reads a topic from its start until it has n records.
func (l *lab) read(topic string, isolation kgo.IsolationLevel, n int) []string {
	l.t.Helper()
	c := l.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(isolation))
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	var got []string
	for len(got) < n && ctx.Err() == nil {
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	slices.Sort(got)
	return got
}

func threeBrokers(t *testing.T, props ...string) *lab {
	t.Helper()
	l := newLab(t, append([]string{"transaction.state.log.num.partitions", "4", "offsets.topic.num.partitions", "4"}, props...)...)
	for id := 1; id <= 3; id++ {
		l.start(id)
	}
	return l
}

func TestTransactionsOnThreeBrokers(t *testing.T) {
	l := threeBrokers(t)
	l.createTopic("orders", 3, 3, nil)
	c := l.transactional("tx", kgo.RecordPartitioner(kgo.ManualPartitioner()))
	var want []string
	for i := range 6 {
		values := []string{fmt.Sprintf("%d.a", i), fmt.Sprintf("%d.b", i), fmt.Sprintf("%d.c", i), fmt.Sprintf("%d.d", i)}
		l.transact(c, "orders", kgo.TransactionEndTry(i%2 == 0), values...)
		if i%2 == 0 {
			want = append(want, values...)
		}
	}
	l.transact(c, "orders", kgo.TryCommit, "last")
	want = append(want, "last")
	if got := l.read("orders", kgo.ReadCommitted(), len(want)); !slices.Equal(got, want) {
		t.Errorf("read_committed: %v, want %v", got, want)
	}
	if got := l.read("orders", kgo.ReadUncommitted(), 25); len(got) != 25 {
		t.Errorf("read_uncommitted: %v", got)
	}
}
