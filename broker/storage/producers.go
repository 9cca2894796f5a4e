package storage

import (
	"cmp"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/batch"
)

// Origin says who asks a leader to append.
type Origin uint8

const (
	Client      Origin = iota // a producer: everything is checked
	Coordinator               // a group or transaction coordinator: control batches allowed, sequences not checked
	Replication               // another replica: what it has appended is right by definition
)

// rememberedBatches is how many batches of a producer can be recognised as duplicates.
const rememberedBatches = 5

// producedBatch is what is remembered of one batch of a producer.
type producedBatch struct {
	lastOffset  int64
	timestamp   int64
	offsetDelta int32 // lastOffset less the batch's first offset
	lastSeq     int32
}

func (b producedBatch) firstOffset() int64 { return b.lastOffset - int64(b.offsetDelta) }

func (b producedBatch) firstSeq() int32 {
	return int32((int64(b.lastSeq) - int64(b.offsetDelta)) & math.MaxInt32)
}

// producer is what a log knows of one producer id.
type producer struct {
	id               int64
	epoch            int16
	count            uint8 // how many of batches are in use, the latest last
	coordinatorEpoch int32 // of the last marker, or -1
	txnFirst         int64 // first offset of the open transaction, or -1
	timestamp        int64 // of the last batch or marker
	batches          [rememberedBatches]producedBatch
}

func (p *producer) last() (producedBatch, bool) {
	if p.count == 0 {
		return producedBatch{lastOffset: -1, lastSeq: -1}, false
	}
	return p.batches[p.count-1], true
}

// enter moves the producer to an epoch. The batches of another epoch do not count.
func (p *producer) enter(epoch int16) {
	if p.epoch != epoch {
		p.epoch, p.count = epoch, 0
	}
}

func (p *producer) remember(b producedBatch) {
	if p.count == rememberedBatches {
		copy(p.batches[:], p.batches[1:])
		p.count--
	}
	p.batches[p.count] = b
	p.count++
}

// endedTxn is a transaction whose marker was appended.
type endedTxn struct {
	producerID              int64
	firstOffset, lastOffset int64 // lastOffset is the marker's
	aborted                 bool
}

// producers is the state of all producers of one log (KIP-98): a pure core, guarded
// by its owner. The zero value knows none.
type producers struct {
	byID  map[int64]*producer
	open  []*producer             // with an open transaction, by its first offset
	asked map[int64]*verification // of producers whose next transactional batch needs a guard
}

// verdict is what check says of a batch that may be appended or not.
type verdict struct {
	duplicate bool
	of        producedBatch // if duplicate
}

// check decides whether a leader may append a batch. It changes nothing. m is
// the batch's marker, if it is a control batch; g is what the writer has to show
// of the transaction, and asks is false if nobody has to show anything.
func (ps *producers) check(b batch.Batch, m *batch.Marker, origin Origin, g Guard, asks bool) (verdict, error) {
	p := ps.byID[b.ProducerID()]
	if b.ProducerID() == batch.None || origin == Replication {
		return verdict{}, nil
	}
	if p != nil && m == nil && origin == Client {
		if of, ok := p.duplicate(b); ok {
			return verdict{true, of}, nil
		}
	}
	if asks && b.Transactional() && !b.Control() && !ps.verified(b.ProducerID(), g) {
		return verdict{}, errorf(kerr.InvalidTxnState, "the batch of producer %d is not part of an ongoing transaction", b.ProducerID())
	}
	if p != nil && b.ProducerEpoch() < p.epoch {
		return verdict{}, errorf(kerr.InvalidProducerEpoch, "producer %d writes with epoch %d after epoch %d",
			p.id, b.ProducerEpoch(), p.epoch)
	}
	if m == nil && origin == Client {
		if err := ps.checkLowest(b); err != nil {
			return verdict{}, err
		}
	}
	switch {
	case p == nil:
		return verdict{}, nil
	case m != nil:
		return verdict{}, p.checkMarker(m)
	}
	return verdict{}, p.checkData(b, origin)
}

func (p *producer) checkData(b batch.Batch, origin Origin) error {
	if origin == Client {
		if err := p.checkSequence(b); err != nil {
			return err
		}
	}
	if p.txnFirst >= 0 && !b.Transactional() {
		return errorf(kerr.InvalidTxnState,
			"producer %d writes outside of the transaction that it began at offset %d", p.id, p.txnFirst)
	}
	return nil
}

func (p *producer) duplicate(b batch.Batch) (producedBatch, bool) {
	if b.ProducerEpoch() != p.epoch {
		return producedBatch{}, false
	}
	for _, known := range p.batches[:p.count] {
		if known.firstSeq() == b.BaseSequence() && known.lastSeq == b.LastSequence() {
			return known, true
		}
	}
	return producedBatch{}, false
}

func (p *producer) checkMarker(m *batch.Marker) error {
	if m.CoordinatorEpoch < p.coordinatorEpoch {
		return errorf(kerr.TransactionCoordinatorFenced, "a marker for producer %d has coordinator epoch %d after %d",
			p.id, m.CoordinatorEpoch, p.coordinatorEpoch)
	}
	return nil
}

func (p *producer) checkSequence(b batch.Batch) error {
	first := b.BaseSequence()
	if b.ProducerEpoch() != p.epoch {
		if first != 0 && p.epoch != batch.None {
			return errorf(kerr.OutOfOrderSequenceNumber, "producer %d begins epoch %d with sequence %d instead of 0",
				p.id, b.ProducerEpoch(), first)
		}
		return nil
	}
	last, _ := p.last()
	if want := int32((int64(last.lastSeq) + 1) & math.MaxInt32); p.epoch != batch.None && first != want {
		return errorf(kerr.OutOfOrderSequenceNumber, "producer %d, epoch %d: sequence %d came where %d was due",
			p.id, p.epoch, first, want)
	}
	return nil
}

// apply takes note of an appended batch. It checks nothing, and returns the
// transaction that the batch ended, if it did.
func (ps *producers) apply(b batch.Batch, m *batch.Marker) *endedTxn {
	id := b.ProducerID()
	cleaned := b.Control() && b.Count() == 0 // a marker of which the cleaner kept the header, for the epoch
	if id == batch.None || b.Control() && m == nil && !cleaned {
		return nil
	}
	p := ps.byID[id]
	if p == nil {
		p = &producer{id: id, epoch: b.ProducerEpoch(), coordinatorEpoch: -1, txnFirst: -1}
		if ps.byID == nil {
			ps.byID = make(map[int64]*producer)
		}
		ps.byID[id] = p
	}
	p.enter(b.ProducerEpoch())
	p.timestamp = b.MaxTimestamp()
	if cleaned {
		return nil
	}
	if b.Transactional() {
		delete(ps.asked, id) // it has begun, or is over
	}
	if m != nil {
		p.coordinatorEpoch = m.CoordinatorEpoch
		return ps.end(p, b.LastOffset(), m.Type == batch.Abort)
	}
	p.remember(producedBatch{b.LastOffset(), b.MaxTimestamp(), b.LastOffsetDelta(), b.LastSequence()})
	if b.Transactional() && p.txnFirst < 0 {
		p.txnFirst = b.BaseOffset()
		ps.open = append(ps.open, p)
	}
	return nil
}

func (ps *producers) end(p *producer, marker int64, aborted bool) *endedTxn {
	if p.txnFirst < 0 {
		return nil
	}
	t := &endedTxn{p.id, p.txnFirst, marker, aborted}
	p.txnFirst = -1
	ps.open = slices.DeleteFunc(ps.open, func(o *producer) bool { return o == p })
	return t
}

// firstOpen is the first offset of the earliest open transaction.
func (ps *producers) firstOpen() (int64, bool) {
	if len(ps.open) == 0 {
		return 0, false
	}
	return ps.open[0].txnFirst, true
}

// stableAfter is the last stable offset once t, which just ended, is decided.
func (ps *producers) stableAfter(t *endedTxn) int64 {
	if first, ok := ps.firstOpen(); ok {
		return first
	}
	return t.lastOffset + 1
}

// expire forgets producers that were idle since before the given time, in ms.
func (ps *producers) expire(before int64) {
	for id, p := range ps.byID {
		if p.txnFirst < 0 && p.timestamp <= before {
			delete(ps.byID, id)
		}
	}
	for id, v := range ps.asked {
		if v.startedMs <= before {
			delete(ps.asked, id)
		}
	}
}

// sorted returns the producers by id.
func (ps *producers) sorted() []*producer {
	out := make([]*producer, 0, len(ps.byID))
	for _, p := range ps.byID {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *producer) int { return cmp.Compare(a.id, b.id) })
	return out
}

// restore makes the state of a snapshot.
func restoreProducers(list []*producer) producers {
	ps := producers{}
	if len(list) > 0 {
		ps.byID = make(map[int64]*producer, len(list))
	}
	for _, p := range list {
		ps.byID[p.id] = p
		if p.txnFirst >= 0 {
			ps.open = append(ps.open, p)
		}
	}
	slices.SortFunc(ps.open, func(a, b *producer) int { return cmp.Compare(a.txnFirst, b.txnFirst) })
	return ps
}
