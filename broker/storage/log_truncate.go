package storage

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/batch"
)

// TruncateTo drops every batch that ends at or after offset, and with it the
// epochs and the producers' state that it brought. The log then ends at
// offset, or at the start of the batch that it lay within. An offset at or above the
// log's end drops only an epoch that was assigned there and has no record.
func (l *Log) TruncateTo(offset int64) error {
	if offset < 0 {
		return errorf(kerr.OffsetOutOfRange, "the log of %v cannot be truncated to %d", l.tp, offset)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if offset >= l.end.Load() {
		return l.changeEpochs(l.epochs.get().cutEnd(l.end.Load()))
	}
	segments := *l.segments.Load()
	if offset < segments[0].base {
		return l.restartAt(offset, offset)
	}
	if err := l.cut(offset); err != nil {
		return l.storageFailure(err)
	}
	return nil
}

// cut is TruncateTo for an offset that the log holds. A crash on the way must
// find nothing that vouches for what goes, and no hole: the checkpoint is
// lowered first, then segments go from the last on, then the file is cut. mu is held.
func (l *Log) cut(offset int64) error {
	l.cuts.Add(1)
	if err := l.lowerRecovery(offset); err != nil {
		return err
	}
	segments := *l.segments.Load()
	keep := slices.IndexFunc(segments, func(s *segment) bool { return s.base > offset })
	if keep < 0 {
		keep = len(segments)
	}
	var end int64
	err := l.changing(func() (err error) {
		l.publish(slices.Clone(segments[:keep]))
		if err = l.removeNow(segments[keep:]); err != nil {
			return err
		}
		if end, err = segments[keep-1].truncate(offset); err != nil {
			return err
		}
		if err = l.lowerRecovery(end); err != nil { // a whole batch may have gone
			return err
		}
		l.end.Store(end)
		l.start.Store(min(l.start.Load(), end))
		return nil
	})
	if err != nil {
		return err
	}
	if err := l.changeEpochs(l.epochs.get().cutEnd(end)); err != nil {
		return err
	}
	if err := l.dropSnapshotsAbove(end); err != nil {
		return err
	}
	return l.loadProducers(end)
}

// lowerRecovery takes the recovery point back to an offset, in the checkpoint
// first if that is ahead. mu is held.
func (l *Log) lowerRecovery(offset int64) error {
	if offset < l.recovery.Load() {
		l.recovery.Store(offset)
	}
	return l.dir.unvouch(l.tp, offset)
}

// TruncateFullyAndStartAt drops everything and goes on at offset.
func (l *Log) TruncateFullyAndStartAt(offset int64) error {
	if err := l.settle(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	return l.restartAt(offset, offset)
}

// restartAt drops everything and goes on at end; offsets below start are not
// readable (start is above end only until the batch at end has come). mu is held.
func (l *Log) restartAt(end, start int64) error {
	if err := l.restart(end, start); err != nil {
		return l.storageFailure(err)
	}
	return nil
}

func (l *Log) restart(end, start int64) error {
	l.cuts.Add(1)
	if err := l.lowerRecovery(end); err != nil {
		return err
	}
	err := l.changing(func() error {
		if err := l.removeNow(*l.segments.Load()); err != nil {
			return err
		}
		s, err := createSegment(l.folder, end, l.dir.clock())
		if err != nil {
			return err
		}
		l.end.Store(end)
		l.start.Store(start)
		l.publish([]*segment{s})
		return nil
	})
	if err != nil {
		return err
	}
	if err := l.syncNames(false); err != nil {
		return err
	}
	if err := l.changeEpochs(nil); err != nil {
		return err
	}
	if err := l.dropSnapshotsAbove(-1); err != nil {
		return err
	}
	l.states.Lock()
	defer l.states.Unlock()
	l.states.producers, l.states.ended = producers{}, nil
	return nil
}

// AdvanceStartOffset makes everything below offset unreadable; whole segments
// below go with the next Maintain. A start that is higher already stays. The error
// is OFFSET_OUT_OF_RANGE for an offset above the log's end.
func (l *Log) AdvanceStartOffset(offset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if offset > l.end.Load() {
		return errorf(kerr.OffsetOutOfRange, "the log of %v ends at %d, it cannot begin at %d", l.tp, l.end.Load(), offset)
	}
	return l.advanceStart(offset)
}

// advanceStart is AdvanceStartOffset with mu held.
func (l *Log) advanceStart(offset int64) error {
	if offset <= l.start.Load() {
		return nil
	}
	l.start.Store(offset)
	// Kafka writes this in the background; after a crash the start is trimmed
	// again from the checkpointed offset, so memory may be ahead of the file.
	l.epochs.set(l.epochs.get().cutStart(offset))
	return nil
}

// dropSnapshotsAbove removes the snapshots above an offset, durably: one that
// came back after a crash would vouch for producers of records that were cut. mu is held.
func (l *Log) dropSnapshotsAbove(offset int64) error {
	keep := 0
	for keep < len(l.snapshots) && l.snapshots[keep] <= offset {
		keep++
	}
	if keep == len(l.snapshots) {
		return nil
	}
	for _, o := range l.snapshots[keep:] {
		path := l.folder.numbered(o, snapshotSuffix)
		if err := l.dir.fs.Remove(path); err != nil {
			return fmt.Errorf("cannot remove snapshot: %w", err)
		}
	}
	l.snapshots = l.snapshots[:keep]
	return l.dir.fs.SyncDir(l.folder.dir())
}

// loadProducers rebuilds the producers' state at an offset: the newest sound
// snapshot at or below it, then the batches from there on. mu is held.
func (l *Log) loadProducers(end int64) error {
	from, state, err := l.newestSnapshot(end)
	if err != nil {
		return err
	}
	l.states.Lock()
	defer l.states.Unlock()
	l.states.producers, l.states.ended = state, nil
	for _, s := range l.segmentsFrom(from) {
		if err := s.replay(from, end, l.reapply); err != nil {
			return err
		}
	}
	return nil
}

// reapply takes note of a batch that is in the log already. Its transaction
// may have ended above the high watermark. mu and states are held.
func (l *Log) reapply(b batch.Batch, m *batch.Marker) *endedTxn {
	ended := l.states.apply(b, m)
	if ended != nil {
		l.states.ended = append(l.states.ended, *ended)
	}
	return ended
}

// replay hands the batches in [from, to) that have a producer to apply, whole also where from lies within one: the log may
// start there.
func (s *segment) replay(from, to int64, apply func(batch.Batch, *batch.Marker) *endedTxn) error {
	var at int64
	err := s.indexed(func() error { at = s.offsets.lookup(from); return nil })
	if err != nil {
		return err
	}
	return s.eachBatch(at, func(at int64, h batch.Batch, w *window) (bool, error) {
		if h.LastOffset() >= to {
			return false, nil
		}
		if h.LastOffset() < from || h.ProducerID() == batch.None {
			return true, nil
		}
		h = slices.Clone(h)
		m, err := markerAt(w, at, h)
		if err == nil {
			apply(h, m)
		}
		return true, err
	})
}

// storageFailure marks the directory as failed unless the error is Kafka's own.
func (l *Log) storageFailure(err error) error {
	if isKafka(err) {
		return err
	}
	return l.dir.fail(err)
}
