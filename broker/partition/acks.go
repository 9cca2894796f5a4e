package partition

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Waiter is an acks=all write that is answered when the high watermark reaches Offset.
type Waiter struct {
	Offset int64 // last offset of the write + 1
	Token  any   // the owner's; a comparable value
}

// AcksAll is the required acks that waits for the whole ISR.
const AcksAll int16 = -1

// Admit tells whether a write may be appended now: nil, NOT_LEADER_OR_FOLLOWER, or for acks=all NOT_ENOUGH_REPLICAS.
func (p *Partition) Admit(acks int16) *kerr.Error {
	switch {
	case p.role != Leader:
		return kerr.NotLeaderForPartition
	case acks == AcksAll && p.underMinISR():
		return kerr.NotEnoughReplicas
	default:
		return nil
	}
}

// Await registers an acks=all write. When it is committed already (a duplicate, or this replica is the whole ISR), it
// is not registered: done is true and err its outcome.
func (p *Partition) Await(w Waiter) (done bool, err *kerr.Error) {
	if w.Offset <= p.watermark {
		return true, p.ackError()
	}
	at := len(p.waiters)
	for at > 0 && p.waiters[at-1].Offset > w.Offset { // only a duplicate's offset is out of order
		at--
	}
	p.waiters = slices.Insert(p.waiters, at, w)
	return false, nil
}

// Cancel forgets a waiter that has timed out. Unknown tokens are ignored: the waiter may just have been handed out.
func (p *Partition) Cancel(token any) {
	p.waiters = slices.DeleteFunc(p.waiters, func(w Waiter) bool { return w.Token == token })
}

// release hands out the waiters the high watermark has reached.
func (p *Partition) release(e *Effects) {
	n := 0
	for n < len(p.waiters) && p.waiters[n].Offset <= p.watermark {
		n++
	}
	if n == 0 {
		return
	}
	// The prefix is given away for good: later insertions append behind it, never into it.
	e.Acked, p.waiters = p.waiters[:n:n], p.waiters[n:]
	e.AckError = p.ackError()
}

// ackError is what a committed write is answered with: the ISR may have shrunk since it was admitted.
func (p *Partition) ackError() *kerr.Error {
	if p.maximalSize() < p.effectiveMinISR() {
		return kerr.NotEnoughReplicasAfterAppend
	}
	return nil
}

// effectiveMinISR is min.insync.replicas, but never more than there are replicas.
func (p *Partition) effectiveMinISR() int {
	return min(p.settings.MinISR, len(p.state.Replicas))
}

func (p *Partition) underMinISR() bool { return len(p.state.ISR) < p.effectiveMinISR() }
