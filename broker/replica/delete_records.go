package replica

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/metadata"
	"klab/broker/partition"
	"klab/broker/storage"
)

// ToHighWatermark stands for the high watermark in a DeleteTo.
const ToHighWatermark = -1

// DeleteRecords is a request to make the oldest records of partitions unreadable (KIP-107). It is done once the log of
// every live replica starts at the offset.
type DeleteRecords struct {
	Timeout    time.Duration
	Partitions []DeleteTo
	// Done is called once, with one result a partition, in their order: before DeleteRecords returns if nothing has to
	// be waited for, else by whoever settles the last one. It must not block.
	Done func([]Deleted)
}

// DeleteTo names a partition and the first offset that stays, or ToHighWatermark.
type DeleteTo struct {
	storage.TopicPartition
	Offset int64
}

// Deleted is the result for one partition.
type Deleted struct {
	storage.TopicPartition
	LowWatermark int64 // the smallest log start of a live replica; -1 unless the leader's log start was raised
	Err          error // wraps a *kerr.Error
}

// deletion is one partition of a request under way.
type deletion struct {
	Deleted
	all *deletions
	at  *hosted

	// Guarded by at.mu until the deletion is decided.
	to      int64
	atStart int64       // the low watermark when the wait began
	reached int64       // the low watermark that decided it
	refusal *kerr.Error // or what did

	settled bool // see gathering
}

// deletions is one request under way.
type deletions struct {
	req  *DeleteRecords
	each []deletion
	gathering
}

// DeleteRecords raises the log start of every partition led here and answers through req.Done.
func (r *Replicas) DeleteRecords(req *DeleteRecords) {
	a := &deletions{req: req, each: make([]deletion, len(req.Partitions))}
	a.expect(len(a.each))
	for i := range a.each {
		d := &a.each[i]
		d.all, d.TopicPartition, d.LowWatermark = a, req.Partitions[i].TopicPartition, -1
		r.delete(d, req.Partitions[i].Offset)
	}
	if a.begun(req.Timeout, a.expire) {
		a.finish()
	}
}

// delete raises one log's start, and settles the deletion or leaves it with the partition.
func (r *Replicas) delete(d *deletion, to int64) {
	h, kerror := r.find(d.TopicPartition)
	if kerror != nil {
		d.settle(-1, kerror)
		return
	}
	d.at = h
	low, done, out, err := h.delete(d, to, r.cfg.Metadata.Snapshot())
	if err != nil {
		r.checkDir(h.dir)
		d.settle(-1, err)
	} else if done {
		d.settle(low, nil)
	}
	r.settle(h, out)
}

// delete does so under the partition's lock, and reports whether all live replicas start there already.
func (h *hosted) delete(d *deletion, to int64, live *metadata.Snapshot) (low int64, done bool, out outcome, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if kerror := h.core.CheckLeader(partition.None); kerror != nil {
		return -1, true, out, kerror
	}
	if c := h.log.Config(); c.CompactsOnly() {
		return -1, true, out, kerr.PolicyViolation
	}
	if to == ToHighWatermark {
		to = h.core.HighWatermark()
	}
	if to < 0 || to > h.core.HighWatermark() {
		return -1, true, out, kerr.OffsetOutOfRange
	}
	if err := h.log.AdvanceStartOffset(to); err != nil {
		return -1, true, out, err
	}
	out.wake = h.waiting(watermarkMoved) // followers learn of the start with the next answer
	low = h.core.LowWatermark(h.log.StartOffset(), live)
	if low >= to {
		return low, true, out, nil
	}
	d.to, d.atStart = to, low
	h.deletions = append(h.deletions, d)
	return low, false, out, nil
}

// reached takes out the deletions that all live replicas have followed. The caller holds h.mu.
func (h *hosted) reached(live partition.Liveness) (done []*deletion) {
	if len(h.deletions) == 0 {
		return nil
	}
	low := h.core.LowWatermark(h.log.StartOffset(), live)
	h.deletions = slices.DeleteFunc(h.deletions, func(d *deletion) bool {
		if low >= d.to {
			done = append(done, d)
		}
		return low >= d.to
	})
	for _, d := range done {
		d.reached = low
	}
	return done
}

// failDeletions takes out all deletions, to be refused. The caller holds h.mu.
func (h *hosted) failDeletions(why *kerr.Error) (failed []*deletion) {
	failed, h.deletions = h.deletions, nil
	for _, d := range failed {
		d.refusal = why
	}
	return failed
}

// settleDeletions ends the waits that an outcome decided.
func settleDeletions(decided []*deletion) {
	for _, d := range decided {
		if d.refusal != nil {
			d.settle(-1, d.refusal)
			continue
		}
		d.settle(d.reached, nil)
	}
}

// settle ends the wait of one partition.
func (d *deletion) settle(low int64, err error) {
	a := d.all
	if !a.claim(&d.settled) {
		return
	}
	d.LowWatermark, d.Err = low, err
	if a.release() {
		a.finish()
	}
}

// expire settles what still waits when the request's time is up. As in Kafka the low watermark is that of its beginning.
func (a *deletions) expire() {
	for i := range a.each {
		d := &a.each[i]
		if d.at != nil {
			d.at.mu.Lock()
			d.at.deletions = slices.DeleteFunc(d.at.deletions, func(o *deletion) bool { return o == d })
			d.at.mu.Unlock()
		}
		d.settle(d.atStart, kerr.RequestTimedOut)
	}
}

// finish runs once, when nothing waits any more.
func (a *deletions) finish() {
	results := make([]Deleted, len(a.each))
	for i := range a.each {
		results[i] = a.each[i].Deleted
	}
	a.req.Done(results)
}
