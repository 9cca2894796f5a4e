package api

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage"
	"klab/broker/storage/batch"
	"klab/broker/txn"
)

// verify asks the coordinator of the producer's transaction for every partition that may be appended to for the first time
// in it (KIP-890), and takes out the batches that must not be appended. It waits for the answer: batches that come behind
// on the same connection must not overtake. As in Kafka, that connection alone is held up, once a partition and
// transaction.
func (p *produce) verify() {
	q := txn.Inquiry{Abortable: p.req.Version >= 11}
	var at []int // of batches
	for i := range p.batches {
		b := batch.Batch(p.batches[i].Records)
		if b.Transactional() && p.req.TransactionID == nil {
			p.refuseAll(kerr.TransactionalIDAuthorizationFailed)
			return
		}
		if !b.Transactional() || b.ProducerID() == batch.None {
			continue
		}
		if len(at) > 0 && (b.ProducerID() != q.ProducerID || b.ProducerEpoch() != q.ProducerEpoch) {
			p.refuseAll(refuse(kerr.InvalidProducerIDMapping, "Transactional records contained more than one producer ID"))
			return
		}
		q.ProducerID, q.ProducerEpoch = b.ProducerID(), b.ProducerEpoch()
		q.Writes = append(q.Writes, txn.Write{TopicPartition: p.batches[i].TopicPartition, Sequence: b.BaseSequence()})
		at = append(at, i)
	}
	if len(at) > 0 {
		q.TransactionalID = *p.req.TransactionID
		p.take(p.Verifier.AdmitNow(&q), at)
	}
}

func (p *produce) refuseAll(err error) {
	for i := range p.refused {
		p.refused[i] = err
	}
	p.batches = nil
}

// take gives the batches at the given places their guards, and takes out those that were refused.
func (p *produce) take(verdicts []txn.Admitted, at []int) {
	errs := make([]error, len(p.batches))
	for n, verdict := range verdicts {
		p.batches[at[n]].Guard = verdict.Guard
		errs[at[n]] = verificationError(verdict.Err)
	}
	kept, next := p.batches[:0], 0
	for i := range p.refused {
		if p.refused[i] != nil {
			continue
		}
		if p.refused[i] = errs[next]; errs[next] == nil {
			kept = append(kept, p.batches[next])
		}
		next++
	}
	p.batches = kept
}

// verificationError is what a producer is told. Clients before KIP-890 know NOT_ENOUGH_REPLICAS as something to try again
// without new metadata.
func verificationError(err *kerr.Error) error {
	switch err {
	case nil:
		return nil
	case kerr.InvalidTxnState:
		return &storage.Error{Code: err, Message: "Partition was not added to the transaction"}
	case kerr.ConcurrentTransactions, kerr.NetworkException, kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable, kerr.NotCoordinator:
		return &storage.Error{Code: kerr.NotEnoughReplicas,
			Message: fmt.Sprintf("Unable to verify the partition has been added to the transaction. Underlying error: %s", err.Message)}
	}
	return err
}
