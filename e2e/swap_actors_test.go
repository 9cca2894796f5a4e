//go:build interop

package e2e

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	swapCodecs  = "swap-codecs"  // records of every codec, segments of 64 KiB
	swapTxn     = "swap-txn"     // transactions
	swapTrimmed = "swap-trimmed" // its first records are deleted
	swapPlain   = "swap-plain"   // an idempotent producer, and a raw one; also the group that only commits
	swapGroup   = "swap-member"  // the group of a static member
	swapFlight  = "swap-flight"  // the group whose offsets go with transactions
)

// swapActors use a cluster in rounds; what they have begun in one round they go on with in the next, whoever the brokers
// are by then. All but the takeover of a transactional id is done by clients that live through all rounds.
type swapActors struct {
	*lab
	asks   *kgo.Client // what is asked and administered; a round's own, for a connection that is gone fails such a request
	steady *kgo.Client // idempotent
	ends   *kgo.Client // transactional: commits one, aborts one
	flies  *kgo.Client // transactional: commits in the next round what it began in this
	fenced *kgo.Client // transactional: loses in the next round what it began in this

	trims bool // whether records are deleted: not where a SIGKILL may bring them back

	rawProducer int64
	rawRound    int32
	rawSent     []rawSent

	member     string // of the static member
	generation int32
}

// rawSent is a batch and where it was appended.
type rawSent struct {
	batch  []byte
	offset int64
}

func newSwapActors(l *lab) *swapActors {
	l.createTopic(swapCodecs, 2, 3, "segment.bytes=65536", "index.interval.bytes=1024")
	l.createTopic(swapTxn, 2, 3)
	l.createTopic(swapTrimmed, 1, 3)
	l.createTopic(swapPlain, 1, 3)
	l.createTopic(compacted, 1, 3, "cleanup.policy=compact", "segment.bytes=16384", "min.cleanable.dirty.ratio=0.01", "file.delete.delay.ms=0")
	for _, topic := range []string{swapCodecs, swapTxn, swapTrimmed, swapPlain, compacted} {
		l.waitISR(l.admin(), topic, 0, 3)
	}
	return &swapActors{lab: l, steady: l.client(), ends: l.transactional("swap-ends"), flies: l.transactional("swap-flies"), fenced: l.transactional("swap-fenced")}
}

// transactional is a client whose transactions may stay open for long.
func (l *lab) transactional(id string) *kgo.Client {
	return l.client(kgo.TransactionalID(id), kgo.TransactionTimeout(14*time.Minute), kgo.RecordPartitioner(kgo.ManualPartitioner()))
}

func (a *swapActors) round(name string) {
	a.t.Helper()
	a.asks = a.client()
	for _, do := range []func(string){
		a.endFlights, a.write, a.overwrite, a.transact, a.repeat, a.commit, a.beMember, a.administer, a.trim, a.beginFlights,
	} {
		do(name)
	}
}

func (a *swapActors) must(err error, what string, args ...any) {
	a.t.Helper()
	if err != nil {
		a.t.Fatalf("cannot %s: %v", fmt.Sprintf(what, args...), err)
	}
}

// produce writes n records to a partition and waits for them.
func (a *swapActors) produce(client *kgo.Client, topic string, partition int32, round string, n int) {
	a.t.Helper()
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Topic: topic, Partition: partition, Key: fmt.Appendf(nil, "%d", i), Value: fmt.Appendf(nil, "%s %d", round, i)})
	}
	a.must(client.ProduceSync(a.t.Context(), records...).FirstErr(), "produce to %s/%d in round %q", topic, partition, round)
}

// write writes with every codec, and goes on with the sequence of the idempotent producer.
func (a *swapActors) write(round string) {
	for i, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		a.fill(swapCodecs, codec, i)
	}
	before, epoch, err := a.steady.ProducerID(a.t.Context())
	a.must(err, "have a producer id")
	a.produce(a.steady, swapPlain, 0, round, 20)
	after, now, err := a.steady.ProducerID(a.t.Context())
	a.must(err, "have a producer id")
	if before != after || epoch != now {
		a.t.Errorf("round %q: the idempotent producer went from %d/%d to %d/%d: its sequence was not taken", round, before, epoch, after, now)
	}
}

// overwrite gives every key of the compacted topic new values, and deletes some.
func (a *swapActors) overwrite(round string) {
	client := a.client(kgo.DefaultProduceTopic(compacted), kgo.ProducerBatchMaxBytes(4096), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer client.Close()
	var records []*kgo.Record
	for i := range 2000 {
		r := &kgo.Record{Key: fmt.Appendf(nil, "key-%d", i%100), Value: fmt.Appendf(nil, "%s %d", round, i)}
		if i%100 < 10 {
			r.Value = nil
		}
		records = append(records, r)
	}
	a.must(client.ProduceSync(a.t.Context(), records...).FirstErr(), "overwrite %s", compacted)
}

func (a *swapActors) waitCleaned() { a.waitCompacted(a.t, compacted, 3) }

// transact commits a transaction with a group's offset, and aborts another.
func (a *swapActors) transact(round string) {
	for _, commit := range []bool{false, true} {
		a.begin(a.ends, fmt.Sprintf("%s, commit %v", round, commit), 1000+int64(len(round)))
		a.must(a.ends.EndTransaction(a.t.Context(), kgo.TransactionEndTry(commit)), "end a transaction in round %q", round)
	}
}

// begin begins a transaction with records in two partitions and an offset of the group swapFlight.
func (a *swapActors) begin(client *kgo.Client, round string, offset int64) {
	a.t.Helper()
	a.must(client.BeginTransaction(), "begin a transaction")
	a.produce(client, swapTxn, 0, round, 3)
	a.produce(client, swapTxn, 1, round, 3)
	id, epoch, err := client.ProducerID(a.t.Context())
	a.must(err, "have a producer id")
	name := client.OptValue(kgo.TransactionalID).(string)
	add := kmsg.NewPtrAddOffsetsToTxnRequest()
	add.TransactionalID, add.ProducerID, add.ProducerEpoch, add.Group = name, id, epoch, swapFlight
	added, err := add.RequestWith(a.t.Context(), client)
	a.must(errors.Join(err, kerr.ErrorForCode(added.ErrorCode)), "add offsets to a transaction")
	commit := kmsg.NewPtrTxnOffsetCommitRequest()
	commit.TransactionalID, commit.ProducerID, commit.ProducerEpoch, commit.Group = name, id, epoch, swapFlight
	partition := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	partition.Offset, partition.Metadata = offset, kmsg.StringPtr(round)
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	topic.Topic, topic.Partitions = swapPlain, []kmsg.TxnOffsetCommitRequestTopicPartition{partition}
	commit.Topics = []kmsg.TxnOffsetCommitRequestTopic{topic}
	committed, err := commit.RequestWith(a.t.Context(), client)
	a.must(err, "commit offsets in a transaction")
	a.must(kerr.ErrorForCode(committed.Topics[0].Partitions[0].ErrorCode), "commit offsets in a transaction")
}

func (a *swapActors) beginFlights(round string) {
	a.begin(a.flies, "flies from "+round, 2000+int64(len(round)))
	a.begin(a.fenced, "fenced after "+round, 3000)
}

// endFlights commits the one transaction that the former round left open, with more records, and takes the other one's
// transactional id over.
func (a *swapActors) endFlights(round string) {
	if a.member == "" {
		return // nothing was left open
	}
	ctx := a.t.Context()
	a.produce(a.flies, swapTxn, 0, "more of the flight, "+round, 3)
	a.must(a.flies.EndTransaction(ctx, kgo.TryCommit), "commit in round %q what was begun in the one before", round)
	successor := a.transactional("swap-fenced")
	a.must(successor.BeginTransaction(), "begin")
	a.produce(successor, swapTxn, 1, "successor, "+round, 1)
	a.must(successor.EndTransaction(ctx, kgo.TryCommit), "commit as the successor in round %q", round)
	err := a.fenced.EndTransaction(ctx, kgo.TryCommit)
	if !errors.Is(err, kerr.ProducerFenced) && !errors.Is(err, kerr.InvalidProducerEpoch) {
		a.t.Errorf("round %q: the fenced producer's commit says %v", round, err)
	}
	a.fenced.Close()
	a.fenced = successor
	offsets, err := kadm.NewClient(a.asks).FetchOffsets(ctx, swapFlight)
	a.must(err, "fetch offsets")
	if at, ok := offsets.Lookup(swapPlain, 0); !ok || at.At < 2000 || at.At >= 3000 {
		a.t.Errorf("round %q: the flight's offset is %+v", round, at)
	}
}

// repeat sends a batch of an own producer id, and again that of the round before, which is the one that snapshots keep: it
// is known, and not appended.
func (a *swapActors) repeat(round string) {
	ctx := a.t.Context()
	if a.rawProducer == 0 {
		init := kmsg.NewPtrInitProducerIDRequest()
		resp, err := init.RequestWith(ctx, a.asks)
		a.must(errors.Join(err, kerr.ErrorForCode(resp.ErrorCode)), "get a producer id")
		a.rawProducer = resp.ProducerID
	}
	now := time.Now().UnixMilli()
	batch := batchSpec{values: []string{round, "raw"}, first: now, producer: a.rawProducer, sequence: 2 * a.rawRound}.build()
	a.rawRound++
	a.rawSent = append(a.rawSent, rawSent{batch, a.send(batch)})
	a.rawSent = a.rawSent[max(0, len(a.rawSent)-2):]
	for _, sent := range a.rawSent {
		if at := a.send(sent.batch); at != sent.offset {
			a.t.Errorf("round %q: a batch is at %d when repeated, first at %d", round, at, sent.offset)
		}
	}
}

func (a *swapActors) send(batch []byte) int64 {
	a.t.Helper()
	leader, ok := a.partitionState(kadm.NewClient(a.asks), swapPlain, 0)
	if !ok {
		a.t.Fatalf("%s has no leader", swapPlain)
	}
	resp, err := a.asks.Broker(int(leader.Leader)).Request(a.t.Context(), produceOf(-1, swapPlain, slices.Clone(batch)))
	a.must(err, "produce a batch")
	p := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	a.must(kerr.ErrorForCode(p.ErrorCode), "produce a batch")
	return p.BaseOffset
}

// commit commits offsets with metadata for a group without members.
func (a *swapActors) commit(round string) {
	offsets := kadm.Offsets{}
	for partition := range int32(2) {
		offsets.Add(kadm.Offset{Topic: swapCodecs, Partition: partition, At: 10*int64(len(round)) + int64(partition), LeaderEpoch: partition, Metadata: "in " + round})
	}
	a.must(kadm.NewClient(a.asks).CommitAllOffsets(a.t.Context(), swapPlain, offsets), "commit offsets")
}

// beMember joins as a static member, and in later rounds lives on as it.
func (a *swapActors) beMember(round string) {
	ctx := a.t.Context()
	if a.member == "" {
		a.member, a.generation = a.join()
		sync := withInstance(syncOf(swapGroup, a.member, a.generation, a.member), "static").(*kmsg.SyncGroupRequest)
		synced, err := sync.RequestWith(ctx, a.asks)
		a.must(errors.Join(err, kerr.ErrorForCode(synced.ErrorCode)), "get the static member's assignment")
	}
	a.must(a.heartbeat(), "send a heartbeat as the static member in round %q", round)
	commit := commitOf(swapGroup, a.member, a.generation, swapPlain, 0, int64(len(round)))
	withInstance(commit, "static")
	committed, err := commit.RequestWith(ctx, a.asks)
	a.must(err, "commit as the static member")
	a.must(kerr.ErrorForCode(committed.Topics[0].Partitions[0].ErrorCode), "commit as the static member")
}

func (a *swapActors) join() (member string, generation int32) {
	a.t.Helper()
	join := withInstance(joinOf(swapGroup, "", "range"), "static").(*kmsg.JoinGroupRequest)
	join.SessionTimeoutMillis = int32(20 * time.Minute / time.Millisecond)
	joined, err := join.RequestWith(a.t.Context(), a.asks)
	a.must(errors.Join(err, kerr.ErrorForCode(joined.ErrorCode)), "join as a static member")
	return joined.MemberID, joined.Generation
}

func (a *swapActors) heartbeat() error {
	beat := withInstance(heartbeatOf(swapGroup, a.member, a.generation), "static").(*kmsg.HeartbeatRequest)
	beaten, err := beat.RequestWith(a.t.Context(), a.asks)
	return errors.Join(err, kerr.ErrorForCode(beaten.ErrorCode))
}

// administer changes a topic's, a broker's and all brokers' settings, makes a topic, adds a partition, deletes a topic.
func (a *swapActors) administer(round string) {
	ctx, admin := a.t.Context(), kadm.NewClient(a.asks)
	set := func(name string) []kadm.AlterConfig {
		return []kadm.AlterConfig{{Op: kadm.SetConfig, Name: name, Value: kadm.StringPtr(fmt.Sprint(1_000_000 + len(round)))}}
	}
	topics, err := admin.AlterTopicConfigs(ctx, set("max.message.bytes"), swapCodecs)
	a.must(errors.Join(err, topics[0].Err), "set a topic's config")
	one, err := admin.AlterBrokerConfigs(ctx, set("follower.replication.throttled.rate"), 2)
	a.must(errors.Join(err, one[0].Err), "set a broker's config")
	all, err := admin.AlterBrokerConfigs(ctx, set("message.max.bytes"))
	a.must(errors.Join(err, all[0].Err), "set all brokers' config")
	name := fmt.Sprintf("swap-born-%d", a.rawRound)
	_, err = admin.CreateTopic(ctx, 2, 3, map[string]*string{"retention.ms": kadm.StringPtr("86400000")}, name)
	a.must(err, "create %s", name)
	a.waitISR(admin, name, 1, 3)
	grown, err := admin.CreatePartitions(ctx, 1, name)
	a.must(errors.Join(err, grown.Error()), "add a partition to %s", name)
	a.waitISR(admin, name, 2, 3)
	if former := fmt.Sprintf("swap-born-%d", a.rawRound-2); a.rawRound > 2 {
		_, err := admin.DeleteTopic(ctx, former)
		a.must(err, "delete %s", former)
	}
}

// trim deletes the records below what was the end. Kafka notes the new start within a minute, or in a clean stop.
func (a *swapActors) trim(round string) {
	if !a.trims {
		return
	}
	admin := kadm.NewClient(a.asks)
	ends, err := admin.ListEndOffsets(a.t.Context(), swapTrimmed)
	a.must(err, "list offsets")
	a.produce(a.steady, swapTrimmed, 0, round, 10)
	trimmed, err := admin.DeleteRecords(a.t.Context(), ends.Offsets())
	a.must(errors.Join(err, trimmed.Error()), "delete records")
}

// retire ends everything, and has a successor take the static member's place.
func (a *swapActors) retire() {
	a.endFlights("retirement")
	if member, _ := a.join(); member == a.member {
		a.t.Errorf("the successor of the static member has its id %s", member)
	}
	if err := a.heartbeat(); !errors.Is(err, kerr.FencedInstanceID) {
		a.t.Errorf("the replaced static member's heartbeat says %v, want FENCED_INSTANCE_ID", err)
	}
}
