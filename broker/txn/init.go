package txn

import (
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Init is a transactional InitProducerId request.
type Init struct {
	TimeoutMs int32
	// The producer id and epoch that the client had (KIP-360), both -1 if it names none.
	ProducerID    int64
	ProducerEpoch int16
	// Fresh is a producer id that nobody has, -1 if none is at hand.
	Fresh int64
}

func (r *Init) named() bool { return r.ProducerID != none }

// lastEpochInUse is the highest epoch that a producer is given: one more is left to fence it.
const lastEpochInUse = math.MaxInt16 - 1

func exhausted(epoch int16) bool { return epoch >= lastEpochInUse }

// Init gives a producer its id and epoch, and fences whoever had the transactional id before. An open transaction is
// aborted first; the answer is CONCURRENT_TRANSACTIONS until it is. Errors: CONCURRENT_TRANSACTIONS, PRODUCER_FENCED,
// UNKNOWN_SERVER_ERROR for a named epoch that has no successor.
func (t *Txn) Init(token any, r Init, nowMs int64) Effects {
	switch {
	case t.pending != nil:
		return refuse(token, kerr.ConcurrentTransactions)
	case r.named() && !t.knows(&r):
		return t.fenced(token)
	case t.current.State.preparing():
		return refuse(token, kerr.ConcurrentTransactions)
	case t.current.State == Ongoing:
		return t.fence(token, kerr.ConcurrentTransactions, ByFencing, nowMs)
	case exhausted(t.current.ProducerEpoch) && (!r.named() || r.ProducerEpoch == t.current.ProducerEpoch):
		return t.rotate(token, &r, nowMs)
	}
	return t.bump(token, &r, nowMs)
}

// knows reports whether the producer id that a client names may be its own: the current one, or the one before if the
// client repeats the request that exhausted it.
func (t *Txn) knows(r *Init) bool {
	return t.current.ProducerEpoch == none || r.ProducerID == t.current.ProducerID ||
		r.ProducerID == t.previousID && exhausted(r.ProducerEpoch)
}

// rotate gives out a new producer id, as the epochs of the current one are used up.
func (t *Txn) rotate(token any, r *Init, nowMs int64) Effects {
	if r.Fresh == none {
		return Effects{NeedsID: true}
	}
	p := t.empty(token, r, nowMs)
	p.to.ProducerID, p.to.ProducerEpoch = r.Fresh, 0
	p.lastEpoch = none
	if r.named() {
		p.lastEpoch = t.current.ProducerEpoch
	}
	return t.begin(p)
}

// bump raises the epoch, but for a client that repeats a request whose answer it missed.
func (t *Txn) bump(token any, r *Init, nowMs int64) Effects {
	p := t.empty(token, r, nowMs)
	epoch := t.current.ProducerEpoch
	switch {
	case exhausted(epoch):
		return refuse(token, kerr.UnknownServerError) // as Kafka does: it finds this illegal
	case !r.named():
		p.to.ProducerEpoch, p.lastEpoch = epoch+1, none
	case epoch == none || r.ProducerEpoch == epoch:
		p.to.ProducerEpoch, p.lastEpoch = epoch+1, epoch
	case r.ProducerEpoch == t.lastEpoch:
		p.to.ProducerEpoch, p.lastEpoch = epoch, t.lastEpoch
	default:
		return t.fenced(token)
	}
	return t.begin(p)
}

func (t *Txn) empty(token any, r *Init, nowMs int64) pending {
	return pending{
		token:      token,
		previousID: t.current.ProducerID,
		to: Metadata{
			ProducerID: t.current.ProducerID, TimeoutMs: r.TimeoutMs, State: Empty, UpdatedMs: nowMs, StartedMs: none,
		},
	}
}
