//go:build e2e

package e2e

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestLiarsAreRefusedAndDisturbNobody has strangers speak in the name of a group's member, of an idempotent producer and of
// a transactional one, while a ledger is kept. Each lie is refused with Kafka's error; those whose names were taken go on.
func TestLiarsAreRefusedAndDisturbNobody(t *testing.T) {
	l := up(t)
	for _, topic := range []string{"calm", "lies", "grouped"} {
		l.createTopic(topic, 1, 3, "min.insync.replicas=2")
		l.waitISR(l.admin(), topic, 0, 3)
	}
	g := l.keepLedger("calm", 500)
	began := time.Now()
	g.waitMore(t, 100)
	t.Run("about the member", l.lieAboutTheMember)
	t.Run("about the sequence", l.lieAboutTheSequence)
	t.Run("about the transaction", l.lieAboutTheTransaction)
	g.waitMore(t, 100)
	g.close()
	g.verify(l)
	if silence := g.silence(began); silence > 2*time.Second {
		t.Errorf("the writer waited %v meanwhile", silence)
	}
}

func (l *lab) lieAboutTheMember(t *testing.T) {
	ctx, client, group := t.Context(), l.client(), "honest"
	joined, err := withInstance(joinOf(group, "", "range"), "static").(*kmsg.JoinGroupRequest).RequestWith(ctx, client)
	if err = errors.Join(err, kerr.ErrorForCode(joined.ErrorCode)); err != nil {
		t.Fatal(err)
	}
	member, generation := joined.MemberID, joined.Generation
	synced, err := withInstance(syncOf(group, member, generation, member), "static").(*kmsg.SyncGroupRequest).RequestWith(ctx, client)
	if err = errors.Join(err, kerr.ErrorForCode(synced.ErrorCode)); err != nil {
		t.Fatal(err)
	}
	for _, lie := range []struct {
		name, member, instance string
		generation             int32
		want                   error
	}{
		{"a former generation", member, "", generation - 1, kerr.IllegalGeneration},
		{"a generation to come", member, "", generation + 1, kerr.IllegalGeneration},
		{"an unknown member", "stranger", "", generation, kerr.UnknownMemberID},
		{"an unknown instance", member, "nobody", generation, kerr.UnknownMemberID},
		{"the instance's name alone", "stranger", "static", generation, kerr.FencedInstanceID},
	} {
		dress := func(req kmsg.Request) kmsg.Request {
			if lie.instance != "" {
				return withInstance(req, lie.instance)
			}
			return req
		}
		beat, err := dress(heartbeatOf(group, lie.member, lie.generation)).(*kmsg.HeartbeatRequest).RequestWith(ctx, client)
		if err != nil || !errors.Is(kerr.ErrorForCode(beat.ErrorCode), lie.want) {
			t.Errorf("heartbeat with %s: %v %v, want %v", lie.name, err, kerr.ErrorForCode(beat.ErrorCode), lie.want)
		}
		sync, err := dress(syncOf(group, lie.member, lie.generation, lie.member)).(*kmsg.SyncGroupRequest).RequestWith(ctx, client)
		if err != nil || !errors.Is(kerr.ErrorForCode(sync.ErrorCode), lie.want) {
			t.Errorf("sync with %s: %v %v, want %v", lie.name, err, kerr.ErrorForCode(sync.ErrorCode), lie.want)
		}
		commit, err := dress(commitOf(group, lie.member, lie.generation, "grouped", 0, 666)).(*kmsg.OffsetCommitRequest).RequestWith(ctx, client)
		if err != nil || !errors.Is(kerr.ErrorForCode(commit.Topics[0].Partitions[0].ErrorCode), lie.want) {
			t.Errorf("commit with %s: %v, want %v", lie.name, err, lie.want)
		}
	}
	beat, err := heartbeatOf(group, member, generation).RequestWith(ctx, client)
	if err = errors.Join(err, kerr.ErrorForCode(beat.ErrorCode)); err != nil {
		t.Errorf("the member's own heartbeat: %v", err)
	}
	offsets, err := kadm.NewClient(client).FetchOffsets(ctx, group)
	if _, committed := offsets.Lookup("grouped", 0); err != nil || committed {
		t.Errorf("the group's offsets are %v (%v), want none of the liars'", offsets, err)
	}
}

func (l *lab) lieAboutTheSequence(t *testing.T) {
	init, err := kmsg.NewPtrInitProducerIDRequest().RequestWith(t.Context(), l.client())
	if err = errors.Join(err, kerr.ErrorForCode(init.ErrorCode)); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixMilli()
	batch := func(id int64, epoch int16, sequence int32) []byte {
		return batchSpec{values: []string{"x", "y"}, first: now, producer: id, epoch: epoch, sequence: sequence}.build()
	}
	for _, c := range []struct {
		name  string
		batch []byte
		want  *kerr.Error
	}{
		{"the first batch", batch(init.ProducerID, 1, 0), nil},
		{"a gap", batch(init.ProducerID, 1, 5), kerr.OutOfOrderSequenceNumber},
		{"an overlap", batch(init.ProducerID, 1, 1), kerr.OutOfOrderSequenceNumber},
		{"a former epoch", batch(init.ProducerID, 0, 2), kerr.InvalidProducerEpoch},
		{"an epoch to come, within its sequence", batch(init.ProducerID, 2, 2), kerr.OutOfOrderSequenceNumber},
		{"the first batch again", batch(init.ProducerID, 1, 0), nil},
		{"the second batch", batch(init.ProducerID, 1, 2), nil},
	} {
		code, err := l.produceRaw("lies", c.batch)
		if got := kerr.TypedErrorForCode(code); err != nil || got != c.want {
			t.Errorf("%s: %v %v, want %v", c.name, err, got, c.want)
		}
	}
	if n := len(l.readAll("lies", 0)); n != 4 {
		t.Errorf("%d records are readable, want the honest batches' 4", n)
	}
}

func (l *lab) lieAboutTheTransaction(t *testing.T) {
	ctx, id := t.Context(), "honest"
	client := l.client(kgo.TransactionalID(id), kgo.DefaultProduceTopic("lies"))
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(ctx, kgo.StringRecord("honest")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	pid, epoch, err := client.ProducerID(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, lie := range []struct {
		name string
		rawProducer
		want error
	}{
		{"another producer id", rawProducer{txn: id, id: pid + 1, epoch: epoch}, kerr.InvalidProducerIDMapping},
		{"a former epoch", rawProducer{txn: id, id: pid, epoch: epoch - 1}, kerr.ProducerFenced},
		{"an epoch to come", rawProducer{txn: id, id: pid, epoch: epoch + 1}, kerr.ProducerFenced},
		{"an unknown transactional id", rawProducer{txn: "stranger", id: pid, epoch: epoch}, kerr.InvalidProducerIDMapping},
	} {
		end, err := endOf(lie.rawProducer, false).RequestWith(ctx, l.client())
		if err != nil || !errors.Is(kerr.ErrorForCode(end.ErrorCode), lie.want) {
			t.Errorf("abort with %s: %v %v, want %v", lie.name, err, kerr.ErrorForCode(end.ErrorCode), lie.want)
		}
		add, err := addOffsetsOf(lie.rawProducer, "honest").RequestWith(ctx, l.client())
		if err != nil || !errors.Is(kerr.ErrorForCode(add.ErrorCode), lie.want) {
			t.Errorf("add offsets with %s: %v %v, want %v", lie.name, err, kerr.ErrorForCode(add.ErrorCode), lie.want)
		}
	}
	if err := client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Errorf("the honest producer's commit: %v", err)
	}
}
