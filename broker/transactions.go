package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/group"
	"klab/broker/internaltopic"
	"klab/broker/storage"
	"klab/broker/txn"
)

// markerBackoff is the pause before markers or the end of a transaction are tried again: as long as a leader's election
// takes to be known, most often.
const markerBackoff = 50 * time.Millisecond

// assembleTransactions makes what transactions need: who coordinates them, who asks coordinators, who writes markers.
func (b *Broker) assembleTransactions() {
	c := b.cfg
	b.markers = &txn.MarkerWriter{
		Replicas: b.replicas, Timeout: c.Duration("request.timeout.ms"), Clock: b.opt.Clock, GroupEnded: b.groups.TransactionEnded,
	}
	b.transactions = txn.NewCoordinator(txn.Config{
		BrokerID:       b.id,
		Topic:          b.transactionTopic,
		Metadata:       b.metadata,
		Clock:          b.opt.Clock,
		Log:            b.levels.Logger("kafka.coordinator.transaction.TransactionCoordinator"),
		Observe:        b.opt.Observe,
		ProducerIDs:    b.producers.next,
		Send:           b.sendMarkers,
		MaxTimeout:     c.Duration("transaction.max.timeout.ms"),
		AbortInterval:  c.Duration("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
		ExpiryInterval: c.Duration("transaction.remove.expired.transaction.cleanup.interval.ms"),
		IDExpiration:   func() time.Duration { return c.Duration("transactional.id.expiration.ms") },
		RetryBackoff:   markerBackoff,
	})
	b.verifier = txn.NewVerifier(txn.VerifierConfig{
		BrokerID: b.id, Topic: b.transactionTopic, Metadata: b.metadata, Replicas: b.replicas,
		Local: b.transactions, Log: b.levels.Logger("kafka.coordinator.transaction.TransactionMarkerChannelManager"), Send: b.peers.send,
	})
}

func (b *Broker) closeTransactions() {
	b.verifier.Close()
	b.transactions.Close()
}

// sendMarkers sends WriteTxnMarkers to a broker; to this one by a call.
func (b *Broker) sendMarkers(ctx context.Context, broker int32, req kmsg.Request) (kmsg.Response, error) {
	markers, ok := req.(*kmsg.WriteTxnMarkersRequest)
	if broker != b.id || !ok {
		return b.peers.send(ctx, broker, req)
	}
	done := make(chan kmsg.Response, 1)
	b.markers.Write(markers, func(resp *kmsg.WriteTxnMarkersResponse) { done <- resp })
	select {
	case resp := <-done:
		return resp, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("cannot write markers: %w", ctx.Err())
	}
}

// verifyOffsets asks whether a partition of __consumer_offsets belongs to a transaction.
func (b *Broker) verifyOffsets(partition int32, tx group.Transaction, done func(storage.Guard, *kerr.Error)) {
	q := &txn.Inquiry{
		TransactionalID: tx.ID, ProducerID: tx.ProducerID, ProducerEpoch: tx.ProducerEpoch, Abortable: tx.Version >= 4,
		Writes: []txn.Write{{TopicPartition: storage.TopicPartition{Topic: internaltopic.ConsumerOffsets, Partition: partition}, Sequence: -1}},
	}
	b.verifier.Admit(q, func(verdicts []txn.Admitted) { done(verdicts[0].Guard, verdicts[0].Err) })
}
