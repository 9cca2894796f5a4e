package txn

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage"
)

// End commits or aborts the transaction of a client (EndTxn). It answers once the outcome is decided, before the markers
// are written. Errors: INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED, CONCURRENT_TRANSACTIONS, INVALID_TXN_STATE.
func (t *Txn) End(token any, producerID int64, epoch int16, commit bool, nowMs int64) Effects {
	switch {
	case producerID != t.current.ProducerID:
		return refuse(token, kerr.InvalidProducerIDMapping)
	case epoch != t.current.ProducerEpoch:
		return t.fenced(token)
	case t.pending != nil:
		return refuse(token, kerr.ConcurrentTransactions)
	case t.current.State == Ongoing:
		return t.begin(t.prepare(token, commit, ByClient, nowMs))
	case t.current.State == complete(commit):
		return refuse(token, nil) // the client missed the answer
	case t.current.State == prepare(commit):
		return refuse(token, kerr.ConcurrentTransactions)
	}
	return refuse(token, kerr.InvalidTxnState)
}

func prepare(commit bool) State {
	if commit {
		return PrepareCommit
	}
	return PrepareAbort
}

func complete(commit bool) State {
	if commit {
		return CompleteCommit
	}
	return CompleteAbort
}

func (t *Txn) prepare(token any, commit bool, cause string, nowMs int64) pending {
	p := t.from(token)
	p.to.State, p.to.UpdatedMs, p.cause = prepare(commit), nowMs, cause
	return p
}

// fence raises the epoch above that of the producer and aborts its transaction. The raised epoch is given to nobody.
func (t *Txn) fence(token any, answer *kerr.Error, cause string, nowMs int64) Effects {
	t.current.ProducerEpoch, t.lastEpoch = t.bumped(), none
	p := t.prepare(token, false, cause, nowMs)
	p.answer, p.fence = answer, true
	return t.begin(p)
}

// TimedOut aborts the transaction if it is open for longer than its timeout. Call it now and then.
func (t *Txn) TimedOut(nowMs int64) Effects {
	if due, ok := t.Deadline(); !ok || nowMs <= due {
		return Effects{}
	}
	return t.fence(nil, nil, ByTimeout, nowMs)
}

// Deadline is when the transaction times out, in ms since 1970; ok is false while none is open.
func (t *Txn) Deadline() (ms int64, ok bool) {
	if t.pending != nil || t.current.State != Ongoing {
		return 0, false
	}
	return t.current.StartedMs + int64(t.current.TimeoutMs), true
}

// Expire removes an id that nobody has used since before the given time.
func (t *Txn) Expire(beforeMs int64) Effects {
	if t.pending != nil || !t.current.State.atRest() || t.current.UpdatedMs > beforeMs {
		return Effects{}
	}
	return t.begin(pending{tombstone: true, to: t.current})
}

// Resume goes on with a transaction that was decided before the id was loaded.
func (t *Txn) Resume(nowMs int64) Effects {
	if t.pending != nil || !t.current.State.preparing() {
		return Effects{}
	}
	t.cause = ByRecovery
	return t.complete(nowMs)
}

// complete asks for the markers of a decided transaction; its completion waits for them.
func (t *Txn) complete(nowMs int64) Effects {
	commit := t.current.State == PrepareCommit
	p := t.from(nil)
	p.to.State, p.to.UpdatedMs, p.to.Partitions = complete(commit), nowMs, nil
	t.fenceFailed = false
	t.pending = &p
	if len(t.current.Partitions) == 0 {
		return t.completeIfMarked()
	}
	t.unmarked = make(map[storage.TopicPartition]struct{}, len(t.current.Partitions))
	for _, tp := range t.current.Partitions {
		t.unmarked[tp] = struct{}{}
	}
	return Effects{Mark: &Mark{t.current.ProducerID, t.current.ProducerEpoch, commit, t.current.Partitions}}
}

// Marked says that partitions have their markers, or are gone. The transaction is complete once all have.
func (t *Txn) Marked(partitions []storage.TopicPartition) Effects {
	if !t.Marking() {
		return Effects{}
	}
	for _, tp := range partitions {
		delete(t.unmarked, tp)
	}
	return t.completeIfMarked()
}

func (t *Txn) completeIfMarked() Effects {
	if len(t.unmarked) > 0 {
		return Effects{}
	}
	t.unmarked, t.pending.writing = nil, true
	return Effects{Write: &Record{Metadata: t.pending.to}}
}

// Marking reports whether markers are on their way.
func (t *Txn) Marking() bool { return t.pending != nil && !t.pending.writing }

// Unmarked are the partitions that have no marker yet, sorted.
func (t *Txn) Unmarked() []storage.TopicPartition {
	return sortedKeys(t.unmarked)
}
