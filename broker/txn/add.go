package txn

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage"
)

// Add puts partitions into the transaction, which it opens if need be (AddPartitionsToTxn, AddOffsetsToTxn). Errors:
// INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS.
func (t *Txn) Add(token any, producerID int64, epoch int16, partitions []storage.TopicPartition, nowMs int64) Effects {
	switch {
	case producerID != t.current.ProducerID:
		return refuse(token, kerr.InvalidProducerIDMapping)
	case epoch != t.current.ProducerEpoch:
		return t.fenced(token)
	case t.pending != nil, t.current.State.preparing():
		return refuse(token, kerr.ConcurrentTransactions)
	case t.current.State == Ongoing && t.current.hasAll(partitions):
		return refuse(token, nil)
	}
	p := t.from(token)
	p.to.State, p.to.UpdatedMs = Ongoing, nowMs
	p.to.Partitions = union(t.current.Partitions, partitions)
	if t.current.State != Ongoing {
		p.to.StartedMs = nowMs
	}
	return t.begin(p)
}

// from is a transition that keeps everything as it is.
func (t *Txn) from(token any) pending {
	return pending{to: t.current, token: token, previousID: t.previousID, lastEpoch: t.lastEpoch}
}

// Verify tells whether a producer may write to partitions in its open transaction (KIP-890): one error for all, or nil
// and those that are not part of it. A transition under way does not matter: the leader checks again when it appends.
func (t *Txn) Verify(producerID int64, epoch int16, partitions []storage.TopicPartition) (foreign []storage.TopicPartition, _ *kerr.Error) {
	switch {
	case producerID != t.current.ProducerID:
		return nil, kerr.InvalidProducerIDMapping
	case epoch != t.current.ProducerEpoch:
		return nil, kerr.ProducerFenced
	case t.current.State.preparing():
		return nil, kerr.ConcurrentTransactions
	}
	for _, p := range partitions {
		if !t.current.has(p) {
			foreign = append(foreign, p)
		}
	}
	return foreign, nil
}
