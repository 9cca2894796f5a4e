package replica

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/partition"
	"klab/broker/storage"
)

// Append is a request to append batches, one a partition, as their leader.
type Append struct {
	Acks    int16         // 0, 1 or -1; others are the caller's to refuse
	Timeout time.Duration // how long an acks=-1 write may wait for the ISR
	Origin  storage.Origin
	// LeadsSince fences the writer: NOT_LEADER_OR_FOLLOWER unless this broker has led the partition without a break since this
	// epoch. AnyEpoch for producers, who do not know it.
	LeadsSince int32
	Batches    []Batch
	// Done is called once, with one result a batch, in their order: before Append returns if nothing has to be waited
	// for, else by whoever settles the last one. It must not block.
	Done func([]Appended)
}

// AnyEpoch is what Append.LeadsSince says of a writer that relies on no leader epoch.
const AnyEpoch = partition.None

// Batch is the bytes of one record batch for one partition. They are changed in place (offsets, epoch) and are written
// when Append returns.
type Batch struct {
	storage.TopicPartition
	Records []byte
	Guard   storage.Guard // from Verify, 0 if none was needed
}

// Appended is the result of one batch.
type Appended struct {
	storage.TopicPartition
	Info storage.AppendInfo // also set when the write was appended but Err says that it is not replicated; else LogStartOffset or -1
	Err  error              // wraps a *kerr.Error, or is a *storage.Error with more to say; nil if acknowledged
}

// appending is one batch under way. Its pointer is the token of its waiter.
type appending struct {
	Appended
	all     *appends
	at      *hosted
	settled bool // see gathering
}

// appends is one request under way.
type appends struct {
	r    *Replicas
	req  *Append
	each []appending
	gathering
}

// Append appends every batch to the partition it leads and answers through req.Done.
func (r *Replicas) Append(req *Append) {
	a := &appends{r: r, req: req, each: make([]appending, len(req.Batches))}
	a.expect(len(a.each))
	for i := range a.each {
		a.each[i].all = a
		a.each[i].TopicPartition = req.Batches[i].TopicPartition
		r.append(&a.each[i], &req.Batches[i])
	}
	if a.begun(req.Timeout, a.expire) {
		a.finish()
	}
}

// append writes one batch and settles it, or leaves a waiter for it.
func (r *Replicas) append(w *appending, b *Batch) {
	h, kerror := r.find(w.TopicPartition)
	if kerror != nil {
		w.Info.LogStartOffset = -1
		w.settle(kerror)
		return
	}
	w.at = h
	w.Info.LogStartOffset = -1
	now, live := r.cfg.Clock(), r.cfg.Metadata.Snapshot()
	done, out, err := h.append(w, b, now, live)
	if err != nil {
		r.checkDir(h.dir)
	}
	if done {
		w.settleWith(err)
	}
	r.settle(h, out)
}

// append writes the batch under the partition's lock. It reports whether the outcome is known already.
func (h *hosted) append(w *appending, b *Batch, now time.Time, live partition.Liveness) (done bool, out outcome, err error) {
	acks, since := w.all.req.Acks, w.all.req.LeadsSince
	h.mu.Lock()
	defer h.mu.Unlock()
	if kerror := h.core.Admit(acks); kerror != nil {
		w.Info.LogStartOffset = h.startToTell(kerror)
		return true, out, kerror
	}
	if since != AnyEpoch && since != h.core.LeadsSince() {
		return true, out, kerr.NotLeaderForPartition
	}
	w.Info, err = h.log.AppendVerified(b.Records, h.core.LeaderEpoch(), w.all.req.Origin, b.Guard, now)
	if err != nil {
		w.Info.LogStartOffset = h.startToTell(err)
		return true, out, err
	}
	if !w.Info.Duplicate {
		h.appended += int64(w.Info.Bytes)
		out = h.after(h.core.Appended(w.Info.LastOffset+1, now, live), endMoved)
	}
	if acks != partition.AcksAll {
		return true, out, nil
	}
	done, kerror := h.core.Await(partition.Waiter{Offset: w.Info.LastOffset + 1, Token: w})
	if kerror != nil {
		err = kerror
	}
	return done, out, err
}

// startToTell is where the log starts, which a producer hears of beside what is wrong with its sequence or its records, and
// -1 beside the other failures.
func (h *hosted) startToTell(err error) int64 {
	for _, code := range []*kerr.Error{kerr.NotLeaderForPartition, kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.CorruptMessage, kerr.KafkaStorageError} {
		if errors.Is(err, code) {
			return -1
		}
	}
	return h.log.StartOffset()
}

// settle ends the wait of one batch; err is nil if it is acknowledged.
func (w *appending) settle(err *kerr.Error) {
	if err == nil {
		w.settleWith(nil)
		return
	}
	w.settleWith(err)
}

func (w *appending) settleWith(err error) {
	a := w.all
	if !a.claim(&w.settled) {
		return
	}
	w.Err = err
	if err == nil && a.req.Origin == storage.Client && !w.Info.Duplicate {
		a.r.acknowledged(w.at, &w.Info, a.req.Acks)
	}
	if a.release() {
		a.finish()
	}
}

// expire settles what still waits when the request's time is up.
func (a *appends) expire() {
	for i := range a.each {
		w := &a.each[i]
		if w.at != nil {
			w.at.mu.Lock()
			w.at.core.Cancel(w)
			w.at.mu.Unlock()
		}
		w.settle(kerr.RequestTimedOut)
	}
}

// finish runs once, when nothing waits any more.
func (a *appends) finish() {
	results := make([]Appended, len(a.each))
	for i := range a.each {
		results[i] = a.each[i].Appended
	}
	a.req.Done(results)
}

// Verify says whether the coordinator of a producer's transaction has to be asked before a batch is appended here, and
// gives the guard for that append: see storage.Log.Verify. This broker must lead the partition.
func (r *Replicas) Verify(tp storage.TopicPartition, producerID int64, sequence int32, epoch int16) (g storage.Guard, ask bool, _ *kerr.Error) {
	h, err := r.find(tp)
	if err != nil {
		return 0, false, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.core.CheckLeader(partition.None); err != nil {
		return 0, false, err
	}
	g, ask = h.log.Verify(producerID, sequence, epoch, r.cfg.Clock())
	return g, ask, nil
}
