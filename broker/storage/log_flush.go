package storage

import (
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

// rollIfDue begins a new segment if a set of batches has to go to one. mu is held.
func (l *Log) rollIfDue(c *LogConfig, set []byte, maxTs, lastOffset int64, now time.Time) (bool, error) {
	due, err := l.active().mustRoll(c, int64(len(set)), lastOffset, maxTs, now)
	if err != nil {
		return false, l.dir.fail(err)
	}
	if !due {
		return false, nil
	}
	base := l.end.Load()
	if lastOffset-base > math.MaxInt32 { // a gap, such as cleaning makes, that no segment can span
		base = batch.Batch(set).BaseOffset()
	}
	return true, l.roll(base, now)
}

// Roll begins a new segment at the log's end, unless the active one is empty.
func (l *Log) Roll() error {
	l.mu.Lock()
	err := l.usable()
	rolled := err == nil && l.active().size.Load() > 0
	if rolled {
		err = l.roll(l.end.Load(), l.dir.clock())
	}
	l.mu.Unlock()
	if rolled && err == nil {
		l.dir.spawn(l.flushRolled)
	}
	return err
}

// roll seals the active segment and begins one at base. Nothing is synced here:
// recovery distrusts the old segment until flushRolled has moved the recovery
// point past it. That must not rest where it would vouch for unsynced indexes. mu is held.
func (l *Log) roll(base int64, now time.Time) error {
	old := l.active()
	err := old.seal()
	vouched := l.recovery.Load() >= base
	if err == nil && vouched {
		err = old.sync(true)
	}
	if err == nil {
		err = l.writeSnapshot(base, vouched)
	}
	if err != nil {
		return l.dir.fail(err)
	}
	s, err := createSegment(l.folder, base, now)
	if err != nil {
		return l.dir.fail(err)
	}
	if jitter := l.config.Load().SegmentJitterMs; jitter > 0 {
		s.jitterMs = rand.Int64N(min(jitter, max(l.config.Load().SegmentMs, 1)))
	}
	segments := *l.segments.Load()
	if old.base == base { // it was empty, and its files were just replaced
		segments = segments[:len(segments)-1]
	}
	l.renamed.Store(true)
	l.publish(append(slices.Clone(segments), s))
	return nil
}

// flushRolled makes durable what lies below the active segment.
func (l *Log) flushRolled() {
	if err := l.flushTo(l.active().base); err != nil && !l.closed.Load() {
		l.dir.log.Error("cannot flush", slog.String("log", l.tp.String()), slog.Any("err", err))
	}
}

// Flush makes everything that was appended so far durable and moves the
// recovery point there.
func (l *Log) Flush() error { return l.flushTo(l.end.Load()) }

// flushTo makes everything below an offset durable, then moves the recovery
// point there. It does not hold mu while the disk works.
func (l *Log) flushTo(offset int64) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	for {
		if err := l.usable(); err != nil {
			return err
		}
		generation := l.settledGeneration()
		if min(offset, l.end.Load()) <= l.recovery.Load() {
			return nil
		}
		err := l.syncTo(offset)
		if l.generation.Load() != generation {
			continue // files went away meanwhile
		}
		if err != nil {
			return l.dir.fail(err)
		}
		if l.raiseRecovery(offset, generation) {
			return nil
		}
	}
}

// raiseRecovery moves the recovery point, unless files changed since it was found that it may be moved.
func (l *Log) raiseRecovery(offset, generation int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.generation.Load() != generation {
		return false
	}
	l.recovery.Store(max(l.recovery.Load(), min(offset, l.end.Load())))
	l.flushedAt = l.dir.clock()
	return true
}

// syncTo syncs the segments that begin below an offset, the snapshots up to it,
// and the directory if names in it changed.
func (l *Log) syncTo(offset int64) error {
	recovery := l.recovery.Load()
	segments := *l.segments.Load()
	for i, s := range segments {
		if s.base > offset || i+1 < len(segments) && segments[i+1].base <= recovery {
			continue
		}
		if s.base > recovery {
			if err := fsys.SyncFile(l.dir.fs, l.folder.numbered(s.base, snapshotSuffix)); err != nil {
				return fmt.Errorf("cannot sync snapshot: %w", err)
			}
		}
		if s.base == offset {
			continue
		}
		if err := s.sync(i+1 < len(segments)); err != nil {
			return err
		}
	}
	if !l.renamed.Load() {
		return nil
	}
	return l.syncNames(recovery == 0)
}

// syncNames makes the names in the partition's directory durable, and the
// directory's own name if it may be new.
func (l *Log) syncNames(own bool) error {
	l.renamed.Store(false)
	if err := l.dir.fs.SyncDir(l.folder.dir()); err != nil {
		return fmt.Errorf("cannot sync directory: %w", err)
	}
	if !own {
		return nil
	}
	if err := l.dir.fs.SyncDir(l.dir.path); err != nil {
		return fmt.Errorf("cannot sync directory: %w", err)
	}
	return nil
}

// writeSnapshot writes the producers' state, which covers all offsets below the
// given one, unless a snapshot is there. mu is held.
func (l *Log) writeSnapshot(offset int64, sync bool) error {
	if n := len(l.snapshots); n > 0 && l.snapshots[n-1] >= offset {
		return nil
	}
	l.states.Lock()
	data := formatSnapshot(l.states.sorted())
	l.states.Unlock()
	write := fsys.WriteFile
	if sync {
		write = fsys.WriteFileSync
	}
	path := l.folder.numbered(offset, snapshotSuffix)
	if err := write(l.dir.fs, path, data); err != nil {
		return fmt.Errorf("cannot write snapshot %s: %w", path, err)
	}
	l.renamed.Store(true)
	l.snapshots = append(l.snapshots, offset)
	return nil
}

// close flushes everything so that the log needs no recovery.
func (l *Log) close() error {
	if err := l.writeMetadata(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.closeCleanly(); err != nil {
		return l.dir.fail(err)
	}
	return l.abandon()
}

func (l *Log) closeCleanly() error {
	if err := l.usable(); err != nil {
		return err
	}
	end := l.end.Load()
	segments := *l.segments.Load()
	for i, s := range segments {
		if i == len(segments)-1 {
			if err := s.seal(); err != nil {
				return err
			}
		}
		if err := s.sync(true); err != nil {
			return err
		}
	}
	if end > 0 {
		if err := l.writeSnapshot(end, true); err != nil {
			return err
		}
	}
	recovery := l.recovery.Swap(end)
	if !l.renamed.Load() {
		return nil
	}
	for _, o := range l.snapshots {
		if o <= recovery {
			continue
		}
		if err := fsys.SyncFile(l.dir.fs, l.folder.numbered(o, snapshotSuffix)); err != nil {
			return err
		}
	}
	return l.syncNames(false) // the directory's own name is synced with the marker's
}
