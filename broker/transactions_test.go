package broker

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"klab/broker/fact"
	"klab/broker/storage"
	"klab/broker/txn"
)

// transactional makes a producer of a transactional id.
func (l *lab) transactional(id string, opts ...kgo.Opt) *kgo.Client {
	l.t.Helper()
	return l.client(append([]kgo.Opt{kgo.TransactionalID(id), kgo.ProducerLinger(0), kgo.RecordDeliveryTimeout(20 * time.Second)}, opts...)...)
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

// leaderLog is a partition's log at its leader, nil if there is none at the moment.
func (l *lab) leaderLog(topic string, partition int32) *storage.Log {
	tp := storage.TopicPartition{Topic: topic, Partition: partition}
	for _, b := range l.brokers {
		if p, ok := b.Metadata().Partition(topic, partition); ok && p.Leader == b.id {
			if log, err := b.replicas.Log(tp); err == nil {
				return log
			}
		}
	}
	return nil
}

// open tells whether a transaction is open in a partition, as its leader sees it.
func (l *lab) open(topic string, partition int32) bool {
	log := l.leaderLog(topic, partition)
	if log == nil {
		return true
	}
	_, open := log.FirstUnstableOffset()
	return open
}

func (l *lab) coordinatorOf(id string) int {
	l.t.Helper()
	var leader int32
	l.eventually("the id has a coordinator", func() bool {
		for _, b := range l.brokers {
			var ok bool
			if leader, ok = b.transactionTopic.Leader(b.transactionTopic.PartitionOf(id)); ok && l.brokers[int(leader)] != nil {
				return true
			}
		}
		return false
	})
	return int(leader)
}

// atRest tells whether the coordinator has completed the last transaction of an id.
func (l *lab) atRest(id string) bool {
	for _, b := range l.brokers {
		if m, err := b.transactions.Describe(id); err == nil {
			return m.State == txn.CompleteCommit || m.State == txn.CompleteAbort
		}
	}
	return false
}

// noMarkers makes connections on which WriteTxnMarkers is lost while the switch is on.
func noMarkers(lost *atomic.Bool) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &markerless{c, lost}, nil
	}
}

type markerless struct {
	net.Conn
	lost *atomic.Bool
}

func (c *markerless) Write(b []byte) (int, error) {
	if len(b) > 6 && b[4] == 0 && b[5] == 27 && c.lost.Load() {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

// The coordinator decides, tells the client, and dies before it could tell the partitions. Another one does.
func TestACoordinatorThatDiesAfterItsDecision(t *testing.T) {
	var lost atomic.Bool
	l := newLab(t, "transaction.state.log.num.partitions", "4")
	for id := 1; id <= 3; id++ {
		l.startWith(id, Options{Dial: noMarkers(&lost)})
	}
	l.createTopic("orders", 3, 3, nil)
	c := l.transactional("tx", kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for _, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		lost.Store(true)
		l.transact(c, "orders", commit, "a", "b", "c")
		open := 0
		for p := range int32(3) {
			if l.open("orders", p) {
				open++
			}
		}
		if open == 0 {
			t.Fatal("no partition waits for a marker")
		}
		id := l.coordinatorOf("tx")
		l.abandon(id)
		lost.Store(false)
		l.eventually("every partition has its marker and the coordinator knows", func() bool {
			return !l.open("orders", 0) && !l.open("orders", 1) && !l.open("orders", 2) && l.atRest("tx")
		})
		l.startWith(id, Options{Dial: noMarkers(&lost)})
		l.inSync("orders", 3)
		l.inSync("__transaction_state", 3)
	}
	l.transact(c, "orders", kgo.TryCommit, "last")
	if got, want := l.read("orders", kgo.ReadCommitted(), 4), []string{"a", "b", "c", "last"}; !slices.Equal(got, want) {
		t.Errorf("read_committed: %v, want %v", got, want)
	}
}

func TestATransactionTimesOut(t *testing.T) {
	var mu sync.Mutex
	var facts []fact.Fact
	l := newLab(t, "transaction.abort.timed.out.transaction.cleanup.interval.ms", "100", "transaction.state.log.num.partitions", "2")
	for id := 1; id <= 3; id++ {
		l.startWith(id, Options{Observe: func(f fact.Fact) {
			mu.Lock()
			defer mu.Unlock()
			facts = append(facts, f)
		}})
	}
	l.createTopic("orders", 3, 3, nil)
	c := l.transactional("slow", kgo.TransactionTimeout(300*time.Millisecond))
	if err := c.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := c.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("too slow")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	l.transact(l.transactional("quick"), "orders", kgo.TryCommit, "quick")
	if got := l.read("orders", kgo.ReadCommitted(), 1); !slices.Equal(got, []string{"quick"}) {
		t.Errorf("read_committed: %v", got)
	}
	l.eventually("nothing is open", func() bool { return !l.open("orders", 0) && !l.open("orders", 1) && !l.open("orders", 2) })
	if err := c.EndTransaction(t.Context(), kgo.TryCommit); err == nil {
		t.Error("committed after it timed out")
	}
	l.eventually("the timeout is told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.ContainsFunc(facts, func(f fact.Fact) bool {
			return f.Kind == fact.TransactionAborted && f.Fields["id"] == "slow" && f.Fields["cause"] == "timeout"
		})
	})
}

func TestADeletedTopicHoldsUpNoTransaction(t *testing.T) {
	l := threeBrokers(t)
	l.createTopic("orders", 1, 3, nil)
	l.createTopic("gone", 1, 3, nil)
	c := l.transactional("tx")
	if err := c.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"orders", "gone"} {
		if err := c.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(topic)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	l.deleteTopic("gone")
	if err := c.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	l.eventually("the transaction has ended", func() bool { return !l.open("orders", 0) && l.atRest("tx") })
	if got := l.read("orders", kgo.ReadCommitted(), 1); !slices.Equal(got, []string{"orders"}) {
		t.Errorf("read_committed: %v", got)
	}
}

func TestTheSecondProducerFencesTheFirst(t *testing.T) {
	l := threeBrokers(t)
	l.createTopic("orders", 3, 3, nil)
	first := l.transactional("tx")
	if err := first.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := first.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("first")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	l.transact(l.transactional("tx"), "orders", kgo.TryCommit, "second")
	if err := first.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("zombie")}).FirstErr(); err == nil {
		t.Error("a fenced producer wrote")
	}
	if err := first.EndTransaction(t.Context(), kgo.TryCommit); err == nil {
		t.Error("a fenced producer committed")
	}
	if got := l.read("orders", kgo.ReadCommitted(), 1); !slices.Equal(got, []string{"second"}) {
		t.Errorf("read_committed: %v", got)
	}
}

// Consume, transform, produce, exactly once (KIP-447): the offsets are part of the transaction, aborts and a failover between.
func TestExactlyOnceFromTopicToTopic(t *testing.T) {
	l := threeBrokers(t, "group.initial.rebalance.delay.ms", "0")
	l.createTopic("in", 3, 3, nil)
	l.createTopic("out", 3, 3, nil)
	const n = 120
	var want []string
	writer := l.client()
	for i := range n {
		v := fmt.Sprintf("%03d", i)
		want = append(want, v)
		if err := writer.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	admin := kadm.NewClient(writer)
	session := l.etl()
	defer func() { session.Close() }()
	for round := 0; committed(ctx, admin, "etl", "in") < n && ctx.Err() == nil; round++ {
		kill := func() {
			if round == 3 {
				l.abandon(l.coordinatorOf("etl"))
			}
		}
		if err := copyOnce(ctx, session, kgo.TransactionEndTry(round%3 != 1), kill); err != nil {
			// A client gives up for good when a coordinator leaves the metadata under its request: the application starts anew.
			t.Logf("round %d: %v", round, err)
			session.Close()
			session = l.etl()
		}
	}
	if got := l.read("out", kgo.ReadCommitted(), n); !slices.Equal(got, want) {
		t.Errorf("%d records, want each of %d once: %v", len(got), n, got)
	}
}

// etl is an application that reads topic in as group etl, in transactions.
func (l *lab) etl() *kgo.GroupTransactSession {
	l.t.Helper()
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(l.seeds()...), kgo.TransactionalID("etl"), kgo.ConsumerGroup("etl"),
		kgo.ConsumeTopics("in"), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxPartitionBytes(1000),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.MetadataMinAge(20*time.Millisecond), kgo.MetadataMaxAge(time.Second),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond }))
	if err != nil {
		l.t.Fatal(err)
	}
	return session
}

// copyOnce copies some records to topic out in one transaction; before comes between the records and the end of the transaction.
func copyOnce(ctx context.Context, session *kgo.GroupTransactSession, end kgo.TransactionEndTry, before func()) error {
	polling, done := context.WithTimeout(ctx, 200*time.Millisecond)
	defer done()
	fetched := session.PollRecords(polling, 10)
	if err := session.Begin(); err != nil {
		return err
	}
	fetched.EachRecord(func(r *kgo.Record) {
		session.Produce(ctx, &kgo.Record{Topic: "out", Value: r.Value}, nil)
	})
	before()
	_, err := session.End(ctx, end)
	return err
}

// committed is the sum of a group's committed offsets in a topic, 0 while its coordinator cannot be asked.
func committed(ctx context.Context, admin *kadm.Client, group, topic string) int64 {
	offsets, err := admin.FetchOffsets(ctx, group)
	if err != nil {
		return 0
	}
	var sum int64
	for _, o := range offsets[topic] {
		sum += o.At
	}
	return sum
}

// abandon lets a broker die without a word to anybody.
func (l *lab) abandon(id int) {
	dead := l.brokers[id]
	delete(l.brokers, id)
	dead.Abandon()
}
