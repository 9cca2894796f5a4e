package replica

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/storage"
	"klab/broker/storage/batch"
)

// appendBatch appends a batch of one's own making, as a client or as a coordinator.
func (b *labBroker) appendBatch(p int32, origin storage.Origin, data []byte) {
	b.lab.t.Helper()
	done := make(chan Appended, 1)
	b.Append(&Append{Acks: 1, LeadsSince: AnyEpoch, Origin: origin, Batches: []Batch{{TopicPartition: tp(p), Records: data}}, Done: func(r []Appended) { done <- r[0] }})
	if got := <-done; got.Err != nil {
		b.lab.t.Fatal(got.Err)
	}
}

func TestReadCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := alone(t, 1)
		b.write(0, "before")
		o := batch.NewOptions()
		o.Transactional, o.ProducerID, o.ProducerEpoch, o.BaseSequence = true, 7, 0, 0
		open, err := batch.Build(o, batch.Record{Timestamp: time.Now().UnixMilli(), Value: []byte("in the transaction")})
		if err != nil {
			t.Fatal(err)
		}
		b.appendBatch(0, storage.Client, open)
		b.write(0, "after")

		fetch := func(offset int64) kmsg.FetchResponseTopicPartition {
			req := consumerFetch(0, offset)
			req.IsolationLevel = 1
			return b.fetchOnce(req).Topics[0].Partitions[0]
		}
		a := fetch(0)
		if got := values(t, a.RecordBatches); !slices.Equal(got, []string{"before"}) || a.LastStableOffset != 1 || a.HighWatermark != 3 {
			t.Errorf("with an open transaction: %v up to %d of %d", got, a.LastStableOffset, a.HighWatermark)
		}
		b.appendBatch(0, storage.Coordinator, batch.BuildMarker(batch.Marker{Type: batch.Abort}, 7, 0, time.Now().UnixMilli()))
		a = fetch(0)
		if a.LastStableOffset != 4 || len(a.AbortedTransactions) != 1 || a.AbortedTransactions[0].ProducerID != 7 || a.AbortedTransactions[0].FirstOffset != 1 {
			t.Errorf("after the abort: up to %d, aborted %+v", a.LastStableOffset, a.AbortedTransactions)
		}
		if a = fetch(4); a.AbortedTransactions == nil || len(a.AbortedTransactions) != 0 {
			t.Errorf("at the end: aborted %+v, want an empty list", a.AbortedTransactions)
		}
		if a := b.fetchOnce(consumerFetch(0, 0)).Topics[0].Partitions[0]; a.AbortedTransactions != nil {
			t.Errorf("READ_UNCOMMITTED is told of aborted transactions: %+v", a.AbortedTransactions)
		}
		latest, err := b.ListOffset(OffsetQuery{TopicPartition: tp(0), Replica: consumerID, CurrentEpoch: -1, Timestamp: latestTimestamp, ReadCommitted: true})
		if err != nil || latest.Offset != 4 {
			t.Errorf("latest committed: %d, %v", latest.Offset, err)
		}
	})
}
