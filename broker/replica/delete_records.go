package replica

import (
	"slices"
	"sync"
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

	settled bool // guarded by all.mu
}

// deletions is one request under way.
type deletions struct {
	req  *DeleteRecords
	each []deletion

	mu      sync.Mutex
	waiting int // partitions not settled, and one for DeleteRecords itself while it runs
	timer   *time.Timer
}

// DeleteRecords raises the log start of every partition led here and answers through req.Done.
func (r *Replicas) DeleteRecords(req *DeleteRecords) {
	a := &deletions{req: req, each: make([]deletion, len(req.Partitions)), waiting: len(req.Partitions) + 1}
	for i := range a.each {
		d := &a.each[i]
		d.all, d.TopicPartition, d.LowWatermark = a, req.Partitions[i].TopicPartition, -1
		r.delete(d, req.Partitions[i].Offset)
	}
	a.mu.Lock()
	a.waiting--
	done := a.waiting == 0
	if !done {
		a.timer = time.AfterFunc(req.Timeout, a.expire)
	}
	a.mu.Unlock()
	if done {
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
	a.mu.Lock()
	if d.settled {
		a.mu.Unlock()
		return
	}
	d.settled, d.LowWatermark, d.Err = true, low, err
	a.waiting--
	last := a.waiting == 0
	a.mu.Unlock()
	if last {
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
	if a.timer != nil {
		a.timer.Stop()
	}
	results := make([]Deleted, len(a.each))
	for i := range a.each {
		results[i] = a.each[i].Deleted
	}
	a.req.Done(results)
}
