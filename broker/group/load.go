package group

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"klab/broker/storage/batch"
)

// loading replays a partition of __consumer_offsets. Feed it every batch from the log's start to its end.
type loading struct {
	limits  *Limits
	groups  map[string]*Group
	offsets map[string]*offsets             // by group
	open    map[int64]map[*offsets]struct{} // by producer id: who has offsets in its transaction
	skipped int                             // records of a newer Kafka
}

func newLoading(limits *Limits) *loading {
	return &loading{limits: limits, groups: map[string]*Group{}, offsets: map[string]*offsets{}, open: map[int64]map[*offsets]struct{}{}}
}

// replay takes one batch. It copies what it keeps.
func (l *loading) replay(b batch.Batch) error {
	if b.Control() {
		return l.marker(b)
	}
	base := int64(-1)
	for r, err := range b.Records() {
		if err != nil {
			return err
		}
		if base < 0 {
			base = r.Offset
		}
		if err := l.record(b, base, &r); err != nil {
			return err
		}
	}
	return nil
}

// marker ends a transaction: its offsets count, or not.
func (l *loading) marker(b batch.Batch) error {
	m, ok, err := b.Marker()
	if err != nil || !ok {
		return err
	}
	producer := b.ProducerID()
	for o := range l.open[producer] {
		pending := o.open[producer]
		delete(o.open, producer)
		if m.Type != batch.Commit {
			continue
		}
		for tp, e := range pending {
			o.put(tp, e.stored)
		}
	}
	delete(l.open, producer)
	return nil
}

var errNoKey = errors.New("a record of __consumer_offsets has no key")

func (l *loading) record(b batch.Batch, base int64, r *batch.Record) error {
	if r.Key == nil {
		return errNoKey
	}
	k, err := readKey(r.Key)
	switch {
	case err != nil:
		return err
	case k.kind == unknownKey:
		l.skipped++
		return nil
	case k.kind == groupKey:
		return l.group(k.group, r.Value)
	default:
		return l.offset(b, base, k, r.Value)
	}
}

func (l *loading) group(id string, value []byte) error {
	if value == nil {
		delete(l.groups, id)
		return nil
	}
	g, err := readGroup(id, l.limits, slices.Clone(value))
	if err == nil {
		l.groups[id] = g
	}
	return err
}

func (l *loading) offset(b batch.Batch, base int64, k key, value []byte) error {
	of := l.offsets[k.group]
	if of == nil {
		of = &offsets{}
		l.offsets[k.group] = of
	}
	if b.Transactional() {
		if l.open[b.ProducerID()] == nil {
			l.open[b.ProducerID()] = map[*offsets]struct{}{}
		}
		l.open[b.ProducerID()][of] = struct{}{}
		return of.replayTx(b.ProducerID(), base, k.of, value)
	}
	if value == nil {
		delete(of.committed, k.of)
		return nil
	}
	o, err := readOffset(value)
	if err == nil {
		of.put(k.of, stored{o, base})
	}
	return err
}

func (o *offsets) replayTx(producer, base int64, tp TopicPartition, value []byte) error {
	if value == nil {
		delete(o.open[producer], tp)
		return nil
	}
	at, err := readOffset(value)
	if err != nil {
		return err
	}
	if o.open == nil {
		o.open = map[int64]map[TopicPartition]*txOffset{}
	}
	if o.open[producer] == nil {
		o.open[producer] = map[TopicPartition]*txOffset{}
	}
	o.open[producer][tp] = &txOffset{stored: stored{at, base}}
	return nil
}

// result is the groups as the log has them. Those that only commit offsets have no metadata.
func (l *loading) result(now time.Time) map[string]*Group {
	for id, o := range l.offsets {
		maps.DeleteFunc(o.open, func(_ int64, pending map[TopicPartition]*txOffset) bool { return len(pending) == 0 })
		if o.none() {
			continue
		}
		g := l.groups[id]
		if g == nil {
			g = New(id, l.limits, now)
			l.groups[id] = g
		}
		g.offsets = *o
	}
	return l.groups
}

// report tells what was left alone.
func (l *loading) report(log *slog.Logger) {
	if l.skipped > 0 {
		log.Warn("left records of a newer Kafka in __consumer_offsets alone", "records", l.skipped)
	}
}
