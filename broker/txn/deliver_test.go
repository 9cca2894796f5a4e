package txn

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/fact"
	"klab/broker/internaltopic"
	"klab/broker/metadata"
	"klab/broker/storage"
)

// update is an UpdateMetadata that names broker 1 as the leader of these partitions.
func update(partitions ...storage.TopicPartition) *kmsg.UpdateMetadataRequest {
	req := kmsg.NewPtrUpdateMetadataRequest()
	req.Version, req.ControllerID, req.ControllerEpoch = 8, 1, 1
	b := kmsg.NewUpdateMetadataRequestLiveBroker()
	b.ID = 1
	req.LiveBrokers = append(req.LiveBrokers, b)
	for _, tp := range partitions {
		t := kmsg.NewUpdateMetadataRequestTopicState()
		t.Topic = tp.Topic
		p := kmsg.NewUpdateMetadataRequestTopicPartition()
		p.Partition, p.Leader, p.ISR, p.Replicas = tp.Partition, 1, []int32{1}, []int32{1}
		t.PartitionStates = append(t.PartitionStates, p)
		req.TopicStates = append(req.TopicStates, t)
	}
	return req
}

const backoff = 10 * time.Millisecond

// TestMarkersWaitForTheMetadata: a coordinator that is elected before its broker is told of the cluster must not take the
// partitions of a decided transaction for deleted, and complete it without a marker.
func TestMarkersWaitForTheMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache, state, orders := metadata.NewCache(), storage.TopicPartition{Topic: internaltopic.TransactionState, Partition: 3}, storage.TopicPartition{Topic: "orders"}
		sent := make(chan *kmsg.WriteTxnMarkersRequest, 10)
		c := NewCoordinator(Config{
			BrokerID: 1, Metadata: cache, Topic: internaltopic.New(internaltopic.Config{Name: internaltopic.TransactionState, Metadata: cache}),
			Clock: time.Now, Log: slog.New(slog.DiscardHandler), Observe: func(fact.Fact) {}, RetryBackoff: backoff,
			Send: func(ctx context.Context, _ int32, req kmsg.Request) (kmsg.Response, error) {
				sent <- req.(*kmsg.WriteTxnMarkersRequest)
				<-ctx.Done() // the answer is of no interest
				return nil, ctx.Err()
			},
		})
		defer c.Close()
		p := &owned{id: state.Partition, epoch: 5, loaded: true, ids: map[string]*entry{}}
		p.ctx, p.cancel = context.WithCancel(t.Context())
		defer p.cancel()
		e := p.add("tx", func() *Txn {
			return Loaded("tx", Metadata{ProducerID: 7, State: PrepareCommit, Partitions: []storage.TopicPartition{orders}})
		})
		c.do(e, func(t *Txn) Effects { return t.Resume(time.Now().UnixMilli()) })

		waits := func(when string) {
			t.Helper()
			time.Sleep(time.Second)
			synctest.Wait()
			if unmarked := e.txn.Unmarked(); len(sent) > 0 || !slices.Equal(unmarked, []storage.TopicPartition{orders}) {
				t.Fatalf("%s: %d requests, %v without a marker", when, len(sent), unmarked)
			}
		}
		waits("nothing is known")
		cache.Apply(update())
		waits("the brokers are known")
		cache.Apply(update(state))
		time.Sleep(backoff + backoff/2)
		synctest.Wait()
		cache.Apply(update(orders))
		time.Sleep(time.Second)
		synctest.Wait()
		if len(sent) != 1 {
			t.Fatalf("%d requests", len(sent))
		}
		if m := (<-sent).Markers; len(m) != 1 || m[0].ProducerID != 7 || !m[0].Committed || m[0].Topics[0].Topic != "orders" {
			t.Errorf("markers %+v", m)
		}
	})
}
