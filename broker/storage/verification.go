package storage

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/batch"
)

// Guard is what a writer has to show for the first batch of a transaction: that it asked the coordinator after whatever
// ended the transaction before (KIP-890). A log gives each out once; 0 is none.
type Guard uint64

// verification is a producer whose coordinator is being asked, or was, and that has not written since.
type verification struct {
	guard     Guard
	lowest    int32 // sequence of the batches that wait: the first to be appended may have no higher one
	epoch     int16
	startedMs int64
}

// Verify says whether the transaction's coordinator has to be asked before a producer's batch is appended, and gives the
// guard to append it with if so: as long as no transaction of the producer is open here. The guard is worthless once a
// batch or marker of the producer was appended. sequence is the batch's first, -1 if it has none.
func (l *Log) Verify(producerID int64, sequence int32, epoch int16, now time.Time) (g Guard, ask bool) {
	if !l.config.Load().VerifyTransactions {
		return 0, false
	}
	l.states.Lock()
	defer l.states.Unlock()
	if l.states.ongoing(producerID) {
		return 0, false
	}
	v := l.states.asked[producerID]
	if v == nil {
		l.states.guards++
		v = &verification{l.states.guards, sequence, epoch, now.UnixMilli()}
		if l.states.asked == nil {
			l.states.asked = make(map[int64]*verification)
		}
		l.states.asked[producerID] = v
	}
	v.join(sequence, epoch)
	return v.guard, true
}

// join notes a further batch that waits for the same answer.
func (v *verification) join(sequence int32, epoch int16) {
	switch {
	case epoch == v.epoch:
		v.lowest = min(v.lowest, sequence)
	case epoch > v.epoch:
		v.epoch, v.lowest = epoch, sequence
	}
}

func (ps *producers) ongoing(id int64) bool {
	p := ps.byID[id]
	return p != nil && p.txnFirst >= 0
}

// verified reports whether a transactional batch of a producer may be appended by who shows g.
func (ps *producers) verified(id int64, g Guard) bool {
	if ps.ongoing(id) {
		return true
	}
	v := ps.asked[id]
	return g != 0 && v != nil && v.guard == g
}

// checkLowest refuses a batch that overtook an earlier one of its producer.
func (ps *producers) checkLowest(b batch.Batch) error {
	v := ps.asked[b.ProducerID()]
	if v == nil || b.BaseSequence() <= v.lowest {
		return nil
	}
	return errorf(kerr.OutOfOrderSequenceNumber, "producer %d: sequence %d came before %d, which waits for its transaction to be verified",
		b.ProducerID(), b.BaseSequence(), v.lowest)
}
