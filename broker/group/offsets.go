package group

import (
	"github.com/twmb/franz-go/pkg/kerr"
)

// offsets are what a group has committed, and what it is about to.
type offsets struct {
	committed map[TopicPartition]stored
	writing   map[TopicPartition]int                 // how many commits of a partition are being appended
	open      map[int64]map[TopicPartition]*txOffset // by producer id: in transactions that have not ended
}

// stored is an offset and where the batch is that said so. When commits of transactions and others meet, the later batch
// counts, as it will when the log is compacted.
type stored struct {
	Offset
	base int64
}

// txOffset is an offset in a transaction.
type txOffset struct {
	stored       // base is -1 until it is appended
	commits bool // the transaction was committed before the append was known to be
}

func (o *offsets) put(tp TopicPartition, s stored) {
	if old, ok := o.committed[tp]; ok && old.base >= s.base {
		return
	}
	if o.committed == nil {
		o.committed = map[TopicPartition]stored{}
	}
	o.committed[tp] = s
}

// forget removes an offset and whatever would bring it back; it reports whether one was committed.
func (o *offsets) forget(tp TopicPartition) bool {
	delete(o.writing, tp)
	for id, pending := range o.open {
		delete(pending, tp)
		if len(pending) == 0 {
			delete(o.open, id)
		}
	}
	_, was := o.committed[tp]
	delete(o.committed, tp)
	return was
}

// unstable reports whether a partition's offset is about to change.
func (o *offsets) unstable(tp TopicPartition) bool {
	if o.writing[tp] > 0 {
		return true
	}
	for _, pending := range o.open {
		if _, ok := pending[tp]; ok {
			return true
		}
	}
	return false
}

func (o *offsets) none() bool {
	return len(o.committed) == 0 && len(o.writing) == 0 && len(o.open) == 0
}

// begin notes that commits are being appended.
func (o *offsets) begin(all []CommittedOffset) {
	if o.writing == nil {
		o.writing = map[TopicPartition]int{}
	}
	for i := range all {
		o.writing[all[i].TopicPartition]++
	}
}

// end notes that they are, or failed. Offsets of partitions that were forgotten meanwhile stay so.
func (o *offsets) end(all []CommittedOffset, base int64, failed bool) {
	for i := range all {
		tp := all[i].TopicPartition
		n, ok := o.writing[tp]
		if !ok {
			continue
		}
		if !failed {
			o.put(tp, stored{all[i].Offset, base})
		}
		if o.writing[tp] = n - 1; n == 1 {
			delete(o.writing, tp)
		}
	}
}

// beginTx notes that offsets of a transaction are being appended.
func (o *offsets) beginTx(producer int64, all []CommittedOffset) []*txOffset {
	if o.open == nil {
		o.open = map[int64]map[TopicPartition]*txOffset{}
	}
	if o.open[producer] == nil {
		o.open[producer] = map[TopicPartition]*txOffset{}
	}
	entries := make([]*txOffset, len(all))
	for i := range all {
		entries[i] = &txOffset{stored: stored{all[i].Offset, -1}}
		o.open[producer][all[i].TopicPartition] = entries[i]
	}
	return entries
}

// endTx notes that they are, or failed. The transaction may have been committed before this was known.
func (o *offsets) endTx(producer int64, all []CommittedOffset, entries []*txOffset, base int64, failed bool) {
	for i, e := range entries {
		e.base = base
		tp := all[i].TopicPartition
		switch pending := o.open[producer]; {
		case failed && pending[tp] == e:
			if delete(pending, tp); len(pending) == 0 {
				delete(o.open, producer)
			}
		case !failed && e.commits:
			o.put(tp, e.stored)
		}
	}
}

// TransactionEnded applies or drops what a producer committed in its transaction. The marker is in the log.
func (g *Group) TransactionEnded(producer int64, commit bool) {
	pending := g.offsets.open[producer]
	delete(g.offsets.open, producer)
	if !commit {
		return
	}
	for tp, e := range pending {
		if e.base < 0 {
			e.commits = true
			continue
		}
		g.offsets.put(tp, e.stored)
	}
}

// HasOpen reports whether a producer has offsets in a transaction of its.
func (g *Group) HasOpen(producer int64) bool { return len(g.offsets.open[producer]) > 0 }

// OpenTransactions are the producers that have offsets in transactions of theirs.
func (g *Group) OpenTransactions() []int64 {
	ids := make([]int64, 0, len(g.offsets.open))
	for id := range g.offsets.open {
		ids = append(ids, id)
	}
	return ids
}

// Fetch is one group of an OffsetFetch: the offsets of some partitions, or of all that have one if asked is nil. With stable,
// those that are about to change are UNSTABLE_OFFSET_COMMIT (KIP-447).
func (g *Group) Fetch(asked []TopicPartition, stable bool) []FetchedOffset {
	if asked == nil {
		for tp := range g.offsets.committed {
			asked = append(asked, tp)
		}
	}
	found := make([]FetchedOffset, 0, len(asked))
	for _, tp := range asked {
		found = append(found, g.fetch(tp, stable))
	}
	return found
}

func (g *Group) fetch(tp TopicPartition, stable bool) FetchedOffset {
	if g.state == Dead {
		return noOffset(tp, nil)
	}
	if stable && g.offsets.unstable(tp) {
		return noOffset(tp, kerr.UnstableOffsetCommit)
	}
	s, ok := g.offsets.committed[tp]
	if !ok {
		return noOffset(tp, nil)
	}
	return FetchedOffset{CommittedOffset{tp, s.Offset}, nil}
}
