package storage

import (
	"fmt"
	"log/slog"

	"klab/broker/storage/fsys"
)

// settledAtOnce is how many fresh logs are settled behind the back of their creation, and by one Maintain: a topic of many
// partitions must not occupy the disk.
const settledAtOnce = 20

// A log that was created is fresh: only its directory is on disk. An empty log has nothing to lose, neither its topic's id
// nor an epoch without a record, and files cost more than all else that the creation of a partition takes. Its files are
// made in the background if few logs are fresh, else before the first append or by one of the next calls of Maintain.
// After a crash or a shutdown before, it is fresh again.
//
// fresh is cleared under metadata and mu.

// begin makes the empty first segment, in memory only.
func (l *Log) begin() {
	s := openSegment(l.folder, 0, segmentSizes{}, l.dir.clock())
	s.timed = true
	l.fresh.Store(true)
	l.dir.fresh.Add(1)
	l.publish([]*segment{s})
}

// settleSoon settles a log in the background, unless many are fresh.
func (l *Log) settleSoon() {
	if l.dir.fresh.Load() > settledAtOnce {
		return
	}
	l.dir.spawn(func() {
		if err := l.settle(); err != nil && !l.closed.Load() {
			l.dir.log.Error("cannot settle a log", slog.String("log", l.tp.String()), slog.Any("err", err))
		}
	})
}

// settle makes the files of a fresh log.
func (l *Log) settle() error {
	if !l.fresh.Load() {
		return nil
	}
	l.metadata.Lock()
	defer l.metadata.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil || !l.fresh.Load() {
		return err
	}
	if err := l.makeFiles(); err != nil {
		return l.dir.fail(fmt.Errorf("cannot make the files of %v: %w", l.tp, err))
	}
	l.metadata.pending.Store(false)
	l.renamed.Store(true)
	l.notFresh()
	return nil
}

// notFresh ends a log's being fresh. mu is held.
func (l *Log) notFresh() {
	if l.fresh.Swap(false) {
		l.dir.fresh.Add(-1)
	}
}

// makeFiles makes the segment's files first: without them the others are not looked at.
func (l *Log) makeFiles() error {
	if err := l.active().makeFiles(); err != nil {
		return err
	}
	if e := l.epochs.get(); len(e) > 0 {
		if err := fsys.ReplaceFile(l.dir.fs, l.folder.file(epochFile), e.format()); err != nil {
			return err
		}
	}
	if !l.metadata.pending.Load() {
		return nil
	}
	return fsys.ReplaceFile(l.dir.fs, l.folder.file(partitionMetadataFile), formatPartitionMetadata(l.metadata.id))
}
