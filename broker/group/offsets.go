package group

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// offsets are what a group has committed, and what it is about to.
type offsets struct {
	committed map[TopicPartition]stored
	writing   map[TopicPartition]*writes             // commits of a partition that are being appended
	open      map[int64]map[TopicPartition]*txOffset // by producer id: in transactions that have not ended
}

// writes counts commits of a partition that are being appended. Those that come after the partition was forgotten count anew.
type writes struct{ n int }

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

// drop removes a committed offset; it reports whether there was one.
func (o *offsets) drop(tp TopicPartition) (was bool) {
	_, was = o.committed[tp]
	delete(o.committed, tp)
	return was
}

// forget is drop, and of whatever would bring the offset back.
func (o *offsets) forget(tp TopicPartition) (was bool) {
	delete(o.writing, tp)
	for id, pending := range o.open {
		delete(pending, tp)
		if len(pending) == 0 {
			delete(o.open, id)
		}
	}
	return o.drop(tp)
}

// where are the partitions that have an offset, committed or about to be, and that are wanted.
func (o *offsets) where(wanted func(TopicPartition) bool) []TopicPartition {
	found := map[TopicPartition]bool{}
	for tp := range o.committed {
		found[tp] = wanted(tp)
	}
	for tp := range o.writing {
		found[tp] = wanted(tp)
	}
	for _, pending := range o.open {
		for tp := range pending {
			found[tp] = wanted(tp)
		}
	}
	maps.DeleteFunc(found, func(_ TopicPartition, ok bool) bool { return !ok })
	return slices.SortedFunc(maps.Keys(found), func(a, b TopicPartition) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
}

// unstable reports whether a partition's offset is about to change.
func (o *offsets) unstable(tp TopicPartition) bool {
	if o.writing[tp] != nil {
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

// begin notes that commits are being appended, each counted by what it returns.
func (o *offsets) begin(all []CommittedOffset) []*writes {
	if o.writing == nil {
		o.writing = map[TopicPartition]*writes{}
	}
	counted := make([]*writes, len(all))
	for i := range all {
		tp := all[i].TopicPartition
		if o.writing[tp] == nil {
			o.writing[tp] = &writes{}
		}
		o.writing[tp].n++
		counted[i] = o.writing[tp]
	}
	return counted
}

// end notes that they are, or failed. Offsets of partitions that were forgotten meanwhile stay so.
func (o *offsets) end(all []CommittedOffset, counted []*writes, base int64, failed bool) {
	for i, w := range counted {
		tp := all[i].TopicPartition
		if o.writing[tp] != w {
			continue
		}
		if !failed {
			o.put(tp, stored{all[i].Offset, base})
		}
		if w.n--; w.n == 0 {
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
