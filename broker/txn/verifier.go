package txn

import (
	"context"
	"log/slog"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/internaltopic"
	"klab/broker/metadata"
	"klab/broker/replica"
	"klab/broker/storage"
)

// VerifierConfig is what a Verifier needs. All fields are needed.
type VerifierConfig struct {
	BrokerID int32
	Topic    *internaltopic.Topic // __transaction_state
	Metadata *metadata.Cache
	Replicas *replica.Replicas
	Local    *Coordinator // of this broker
	Log      *slog.Logger
	// Send sends a request to a live broker and waits for the answer.
	Send func(ctx context.Context, broker int32, req kmsg.Request) (kmsg.Response, error)
}

// Verifier asks the coordinators of transactions whether partitions that this broker leads belong to them (KIP-890). Safe
// for concurrent use.
type Verifier struct {
	cfg VerifierConfig
	out *outbox[*inquiry]
}

// Write is one batch of a transaction that is to be appended here.
type Write struct {
	storage.TopicPartition
	Sequence int32 // of its first record, -1 if it has none
}

// Inquiry is what a producer wants to append in its transaction.
type Inquiry struct {
	TransactionalID string
	ProducerID      int64
	ProducerEpoch   int16
	Writes          []Write // to different partitions
	// Abortable says that the client knows TRANSACTION_ABORTABLE (Produce v11, TxnOffsetCommit v4); others get
	// INVALID_TXN_STATE.
	Abortable bool
}

// Admitted is the verdict on one write: an error, or the guard to append it with.
type Admitted struct {
	Guard storage.Guard
	Err   *kerr.Error // as the coordinator gave it, but for fenced producers and clients of older versions
}

// inquiry is an Inquiry under way, about the partitions that need it.
type inquiry struct {
	*Inquiry
	partitions []storage.TopicPartition
	at         []int // of Writes
	verdicts   []Admitted
	done       func([]Admitted)
}

// NewVerifier makes a verifier.
func NewVerifier(cfg VerifierConfig) *Verifier {
	v := &Verifier{cfg: cfg}
	v.out = newOutbox(v.ask)
	return v
}

// Close ends the questions under way with NETWORK_EXCEPTION and waits for that.
func (v *Verifier) Close() { v.out.close() }

// Admit decides for each write whether its partition's log may take it, and calls done once with the verdicts, in the
// order of q.Writes: before Admit returns if nobody else has to be asked. done must not block. Errors: those of
// Txn.Verify, with INVALID_PRODUCER_EPOCH for PRODUCER_FENCED; TRANSACTION_ABORTABLE or INVALID_TXN_STATE; those of a
// coordinator that cannot answer; NETWORK_EXCEPTION; those of a partition that this broker does not lead.
func (v *Verifier) Admit(q *Inquiry, done func([]Admitted)) {
	i := &inquiry{Inquiry: q, verdicts: make([]Admitted, len(q.Writes)), done: done}
	for n, w := range q.Writes {
		guard, ask, err := v.cfg.Replicas.Verify(w.TopicPartition, q.ProducerID, w.Sequence, q.ProducerEpoch)
		i.verdicts[n] = Admitted{guard, err}
		if ask {
			i.at, i.partitions = append(i.at, n), append(i.partitions, w.TopicPartition)
		}
	}
	if len(i.at) == 0 {
		done(i.verdicts)
		return
	}
	broker, ok := v.cfg.Topic.Leader(v.cfg.Topic.PartitionOf(q.TransactionalID))
	switch {
	case !ok || !v.cfg.Metadata.Snapshot().Alive(broker):
		i.refuse(kerr.CoordinatorNotAvailable)
	case broker == v.cfg.BrokerID:
		i.settle(v.cfg.Local.Verify(q.TransactionalID, q.ProducerID, q.ProducerEpoch, i.partitions))
	case !v.out.put(broker, i):
		i.refuse(kerr.NetworkException)
	}
}

// AdmitNow is Admit for who can wait.
func (v *Verifier) AdmitNow(q *Inquiry) (verdicts []Admitted) {
	var wait sync.WaitGroup
	wait.Add(1)
	v.Admit(q, func(all []Admitted) { verdicts = all; wait.Done() })
	wait.Wait()
	return verdicts
}

// settle gives the verdicts that follow from Txn.Verify.
func (i *inquiry) settle(foreign []storage.TopicPartition, err *kerr.Error) {
	if err != nil {
		i.refuse(err)
		return
	}
	for _, tp := range foreign {
		i.verdict(tp, kerr.TransactionAbortable)
	}
	i.done(i.verdicts)
}

func (i *inquiry) refuse(err *kerr.Error) {
	for _, tp := range i.partitions {
		i.verdict(tp, err)
	}
	i.done(i.verdicts)
}

// verdict refuses one partition, in words that the client knows.
func (i *inquiry) verdict(tp storage.TopicPartition, err *kerr.Error) {
	switch {
	case err == kerr.ProducerFenced:
		err = kerr.InvalidProducerEpoch
	case err == kerr.TransactionAbortable && !i.Abortable:
		err = kerr.InvalidTxnState
	}
	for n, at := range i.at {
		if i.partitions[n] == tp {
			i.verdicts[at] = Admitted{Err: err}
		}
	}
}

// ask sends one AddPartitionsToTxn request with the questions of many producers. A transactional id can be in it once, so
// a question of an id that is in it already follows in the next.
func (v *Verifier) ask(ctx context.Context, broker int32, all []*inquiry) {
	for len(all) > 0 {
		var now, next []*inquiry
		ids := make(map[string]bool)
		for _, i := range all {
			if ids[i.TransactionalID] {
				next = append(next, i)
				continue
			}
			ids[i.TransactionalID] = true
			now = append(now, i)
		}
		v.askOnce(ctx, broker, now)
		all = next
	}
}

func (v *Verifier) askOnce(ctx context.Context, broker int32, all []*inquiry) {
	resp, err := v.cfg.Send(ctx, broker, verifyRequest(all))
	answer, ok := resp.(*kmsg.AddPartitionsToTxnResponse)
	if err != nil || !ok {
		v.cfg.Log.Info("cannot ask the coordinator of transactions", "broker", broker, "transactions", len(all), "error", err)
		for _, i := range all {
			i.refuse(kerr.NetworkException)
		}
		return
	}
	results := make(map[string]*kmsg.AddPartitionsToTxnResponseTransaction, len(answer.Transactions))
	for n := range answer.Transactions {
		results[answer.Transactions[n].TransactionalID] = &answer.Transactions[n]
	}
	for _, i := range all {
		i.take(kerr.TypedErrorForCode(answer.ErrorCode), results[i.TransactionalID])
	}
}

// take reads what the coordinator said of one transaction.
func (i *inquiry) take(err *kerr.Error, result *kmsg.AddPartitionsToTxnResponseTransaction) {
	switch {
	case err == kerr.ClusterAuthorizationFailed:
		i.refuse(kerr.InvalidTxnState) // brokers are at odds, not the client
		return
	case err != nil:
		i.refuse(err)
		return
	case result == nil:
		i.refuse(kerr.NetworkException)
		return
	}
	for _, t := range result.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				i.verdict(storage.TopicPartition{Topic: t.Topic, Partition: p.Partition}, kerr.TypedErrorForCode(p.ErrorCode))
			}
		}
	}
	i.done(i.verdicts)
}

func verifyRequest(all []*inquiry) *kmsg.AddPartitionsToTxnRequest {
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	req.Version = 5
	for _, i := range all {
		t := kmsg.NewAddPartitionsToTxnRequestTransaction()
		t.TransactionalID, t.ProducerID, t.ProducerEpoch, t.VerifyOnly = i.TransactionalID, i.ProducerID, i.ProducerEpoch, true
		for _, topic := range topicsOf(i.partitions) {
			named := kmsg.NewAddPartitionsToTxnRequestTransactionTopic()
			named.Topic, named.Partitions = topic.Topic, topic.Partitions
			t.Topics = append(t.Topics, named)
		}
		req.Transactions = append(req.Transactions, t)
	}
	return req
}
