package storage

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

func newLog(d *Dir, tp TopicPartition, path string, c LogConfig) *Log {
	l := &Log{dir: d, tp: tp, folder: newFolder(d.fs, path), flushedAt: d.clock()}
	l.config.Store(&c)
	return l
}

// create makes the directory.
func (l *Log) create() error {
	if err := l.dir.fs.MkdirAll(l.Path()); err != nil {
		return err
	}
	l.begin()
	return nil
}

// moveAway closes the log and renames its directory.
func (l *Log) moveAway(path string) error {
	l.metadata.Lock()
	defer l.metadata.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.changing(func() error {
		if err := l.abandon(); err != nil {
			return err
		}
		if err := l.dir.fs.Rename(l.Path(), path); err != nil {
			return err
		}
		l.folder.path.Store(&path)
		return nil
	})
	if err != nil {
		return err
	}
	return l.dir.fs.SyncDir(l.dir.path)
}

// loadHints are what the log directory knows of a log that is loaded.
type loadHints struct {
	clean           bool
	recovery, start int64 // from the checkpoints
}

// load opens an existing log (kafka-formats B.8).
func (l *Log) load(h loadHints) (err error) {
	if l.metadata.id, err = readPartitionMetadata(l.dir.fs, l.Path()); err != nil {
		return err
	}
	if err := l.loadEpochs(); err != nil {
		return err
	}
	if err := completeSwaps(l.folder); err != nil {
		return err
	}
	found, err := listSegments(l.folder)
	if err != nil {
		return err
	}
	l.snapshots = found.snapshots
	ld := loading{Log: l, hints: h, epochs: l.epochs.get(), files: found.segments}
	if err := ld.openAll(); err != nil {
		return err
	}
	return ld.finish()
}

func (l *Log) loadEpochs() error {
	data, err := readIfAny(l.dir.fs, l.folder.file(epochFile))
	if err != nil {
		return err
	}
	e, err := parseEpochs(data)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", l.folder.file(epochFile), err)
	}
	l.epochs.set(e)
	return nil
}

// loading is a log on its way to be open.
type loading struct {
	*Log
	hints    loadHints
	epochs   epochs // as recovery corrects them
	files    []segmentFiles
	segments []*segment
	stateAt  int64 // the producers' state is that at this offset; -1: it was not built
	end      int64
}

// openAll opens the segments in order, and recovers those that may not be
// trusted. What follows damage or a hole is removed.
func (ld *loading) openAll() error {
	ld.stateAt = -1
	distrusted := ld.firstDistrusted()
	for i, f := range ld.files {
		if i > distrusted && ld.hole(f) {
			return ld.drop(ld.files[i:], 0)
		}
		cut, err := ld.open(f, i < distrusted && f.complete, i == len(ld.files)-1)
		if err != nil {
			return err
		}
		if cut > 0 {
			return ld.drop(ld.files[i+1:], cut)
		}
	}
	return nil
}

// hole reports whether records are missing before a segment: after a loss of
// power an unsynced segment may be there where the one before is not. Where
// cleaning makes gaps, here or on the leader, this cannot be told.
func (ld *loading) hole(f segmentFiles) bool {
	return f.base > ld.end && !ld.config.Load().compacts() && ld.dir.cleanedTo(ld.tp) < 0 && !ld.dir.mayCompact(ld.tp.Topic)
}

// open opens one segment, and recovers it if it is not to be trusted or turns
// out not to be.
func (ld *loading) open(f segmentFiles, trusted, last bool) (cut int64, err error) {
	s := openSegment(ld.folder, f.base, f.sizes, ld.dir.clock())
	ld.segments = append(ld.segments, s)
	if trusted && last {
		if ld.end, trusted, err = s.endOffset(); err != nil {
			return 0, err
		}
	}
	if trusted {
		return 0, nil
	}
	return ld.recover(s, f.sizes.log)
}

// drop removes the segments behind damage.
func (ld *loading) drop(files []segmentFiles, cut int64) error {
	ld.dir.log.Warn("log cut off at damage", slog.String("log", ld.tp.String()), slog.Int64("end", ld.end),
		slog.Int64("bytesCut", cut), slog.Int("segmentsRemoved", len(files)))
	return ld.removeFiles(files)
}

// firstDistrusted is the index of the first segment that has to be recovered
// because of how the log was left: the one that holds the recovery point.
func (ld *loading) firstDistrusted() int {
	if ld.hints.clean {
		return len(ld.files)
	}
	above := slices.IndexFunc(ld.files, func(f segmentFiles) bool { return f.base > ld.hints.recovery })
	if above < 0 {
		above = len(ld.files)
	}
	return max(above-1, 0)
}

// recover rebuilds what belongs to a segment from its records.
func (ld *loading) recover(s *segment, size int64) (cut int64, err error) {
	if ld.stateAt != s.base {
		if err := ld.buildState(s.base); err != nil {
			return 0, err
		}
	}
	end := s.base
	cut, err = s.recover(size, ld.config.Load().IndexIntervalBytes, func(h batch.Batch, m *batch.Marker) error {
		end = h.NextOffset()
		if h.LeaderEpoch() > ld.epochs.latest() {
			ld.epochs = ld.epochs.assign(h.LeaderEpoch(), h.BaseOffset())
		}
		ended := ld.reapply(h, m)
		if ended == nil || !ended.aborted {
			return nil
		}
		return s.addAborted(AbortedTransaction{ended.producerID, ended.firstOffset, ended.lastOffset, ld.states.stableAfter(ended)})
	})
	if err != nil {
		return 0, err
	}
	ld.end, ld.stateAt = end, end
	if err := s.seal(); err != nil {
		return 0, err
	}
	if end > 0 {
		err = ld.writeSnapshot(end, false)
	}
	return cut, err
}

// buildState builds the producers' state at the base of the latest segment, from
// those below, which are sound. Snapshots above are not to be trusted.
func (ld *loading) buildState(offset int64) error {
	if err := ld.dropSnapshotsAbove(offset); err != nil {
		return err
	}
	ld.publish(ld.segments[:len(ld.segments)-1])
	ld.start.Store(max(ld.hints.start, ld.segments[0].base))
	ld.stateAt = offset
	return ld.loadProducers(offset)
}

func (ld *loading) removeFiles(files []segmentFiles) error {
	for _, f := range slices.Backward(files) {
		for _, suffix := range []string{indexSuffix, timeIndexSuffix, txnIndexSuffix, logSuffix} {
			if err := ld.discardFile(ld.folder.numbered(f.base, suffix), 0); err != nil {
				return err
			}
		}
	}
	return ld.dir.fs.SyncDir(ld.Path())
}

// finish sets the log's offsets, and trims epochs, producers and snapshots to them.
func (ld *loading) finish() error {
	if len(ld.segments) > 0 && ld.end < ld.hints.start || len(ld.segments) == 0 {
		return ld.startEmpty()
	}
	l := ld.Log
	l.publish(ld.segments)
	l.end.Store(ld.end)
	l.start.Store(max(ld.hints.start, ld.segments[0].base))
	l.recovery.Store(ld.end)
	if !ld.hints.clean {
		l.renamed.Store(true) // whoever was killed may not have synced names
		l.recovery.Store(min(ld.hints.recovery, ld.end))
	}
	if err := l.changeEpochs(ld.epochs.cutEnd(ld.end).cutStart(l.start.Load())); err != nil {
		return err
	}
	if err := l.dropUselessSnapshots(); err != nil {
		return err
	}
	if ld.stateAt != ld.end {
		if err := l.loadProducers(ld.end); err != nil {
			return err
		}
	}
	l.forgetProducers(l.config.Load(), l.dir.clock())
	if ld.end == 0 {
		return nil
	}
	return l.writeSnapshot(ld.end, false)
}

// startEmpty begins an empty log at the checkpointed start: no segment was
// found, or they all end below it.
func (ld *loading) startEmpty() error {
	if len(ld.files) == 0 && ld.hints.start == 0 && len(ld.epochs) == 0 {
		ld.begin()
		return nil
	}
	if err := ld.removeFiles(ld.files); err != nil {
		return err
	}
	ld.publish(nil)
	return ld.restart(ld.hints.start, ld.hints.start)
}

// dropUselessSnapshots removes those that neither lie at the base of a segment nor are the
// newest, and those outside of the log.
func (l *Log) dropUselessSnapshots() error {
	segments := *l.segments.Load()
	var keep []int64
	for i, o := range l.snapshots {
		_, atBase := slices.BinarySearchFunc(segments, o, func(s *segment, o int64) int { return cmp.Compare(s.base, o) })
		if o > l.start.Load() && o <= l.end.Load() && (atBase || i == len(l.snapshots)-1) {
			keep = append(keep, o)
			continue
		}
		if err := l.dir.fs.Remove(l.folder.numbered(o, snapshotSuffix)); err != nil {
			return fmt.Errorf("cannot remove snapshot: %w", err)
		}
	}
	l.snapshots = keep
	return nil
}

// newestSnapshot reads the newest sound snapshot at or below an offset and
// above the log's start. Without one the state begins empty at the start. mu is held.
func (l *Log) newestSnapshot(offset int64) (from int64, state producers, err error) {
	for i := len(l.snapshots) - 1; i >= 0; i-- {
		at := l.snapshots[i]
		if at > offset {
			continue
		}
		if at <= l.start.Load() {
			break
		}
		path := l.folder.numbered(at, snapshotSuffix)
		data, err := fsys.ReadFile(l.dir.fs, path)
		if err != nil {
			return 0, producers{}, fmt.Errorf("cannot read snapshot: %w", err)
		}
		list, err := parseSnapshot(data)
		if err == nil {
			return at, restoreProducers(list), nil
		}
		l.dir.log.Warn("snapshot is damaged, an older one will do", slog.String("path", path), slog.Any("err", err))
		if err := l.dir.fs.Remove(path); err != nil {
			return 0, producers{}, fmt.Errorf("cannot remove snapshot: %w", err)
		}
		l.snapshots = slices.Delete(l.snapshots, i, i+1)
	}
	return l.start.Load(), producers{}, nil
}

// readIfAny reads a file; one that does not exist is empty.
func readIfAny(f fsys.FS, path string) ([]byte, error) {
	data, err := fsys.ReadFile(f, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	return data, nil
}
