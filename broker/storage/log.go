package storage

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/fsys"
)

// Log is one replica's log: segments, leader epochs, producer state.
//
// mu serialises whatever changes the log. Readers do not take it: they see the
// published segments, start and end, and notice by the generation that files
// were cut, removed or replaced under them; while that is under way they wait. flushing is held while files are synced, so
// that only other flushes wait for a disk.
type Log struct {
	dir    *Dir
	tp     TopicPartition
	folder *folder

	config     atomic.Pointer[LogConfig]
	segments   atomic.Pointer[[]*segment] // by base, never empty; the last is active
	start, end atomic.Int64
	recovery   atomic.Int64 // everything below is durable, with its indexes
	epochs     epochHistory
	generation atomic.Int64 // odd while files are cut, removed or replaced; see changing
	cuts       atomic.Int64 // truncations: what a clean learnt before one is void
	renamed    atomic.Bool  // names in the directory changed since it was synced
	fresh      atomic.Bool  // nothing but the directory is on disk; see settle
	closed     atomic.Bool

	metadata struct { // partition.metadata
		sync.Mutex
		id      TopicID
		pending atomic.Bool // id is not in the file yet
	}

	cleaning sync.Mutex // held while the log is compacted or segments expire: never both
	flushing sync.Mutex
	mu       sync.Mutex
	// Guarded by mu.
	snapshots []int64 // the offsets of the producer snapshots on disk, ascending
	flushedAt time.Time

	states struct { // taken with or without mu, for moments only
		sync.Mutex
		producers
		ended  []endedTxn // whose markers may not be replicated yet
		guards Guard      // the last one given out
	}
}

// TopicPartition names the log.
func (l *Log) TopicPartition() TopicPartition { return l.tp }

// Path is the partition's directory.
func (l *Log) Path() string { return l.folder.dir() }

// Config is the log's configuration.
func (l *Log) Config() LogConfig { return *l.config.Load() }

// SetConfig changes the configuration from the next operation on.
func (l *Log) SetConfig(c LogConfig) { l.config.Store(&c) }

// StartOffset is the first offset that may be read.
func (l *Log) StartOffset() int64 { return l.start.Load() }

// EndOffset is the offset that the next record gets.
func (l *Log) EndOffset() int64 { return l.end.Load() }

// RecoveryPoint is the offset below which everything is known to be durable.
func (l *Log) RecoveryPoint() int64 { return l.recovery.Load() }

// Size is how many bytes of records the log holds.
func (l *Log) Size() (n int64) {
	for _, s := range *l.segments.Load() {
		n += s.size.Load()
	}
	return n
}

// SegmentInfo describes one segment.
type SegmentInfo struct {
	BaseOffset   int64
	Size         int64 // bytes of records
	MaxTimestamp int64 // of its records, -1 if none has one or it cannot be read
	Active       bool  // it is the one that grows
}

// Segments describes the log's segments, oldest first.
func (l *Log) Segments() []SegmentInfo {
	segments := *l.segments.Load()
	infos := make([]SegmentInfo, len(segments))
	for i, s := range segments {
		ts, _, err := s.maxTimestamp()
		if err != nil {
			ts = -1
		}
		infos[i] = SegmentInfo{s.base, s.size.Load(), ts, i == len(segments)-1}
	}
	return infos
}

func (l *Log) active() *segment {
	segments := *l.segments.Load()
	return segments[len(segments)-1]
}

// publish replaces the segments that readers see. mu is held.
func (l *Log) publish(segments []*segment) { l.segments.Store(&segments) }

// changing runs do, which cuts, removes or replaces files: what was read meanwhile does not count. mu is held.
func (l *Log) changing(do func() error) error {
	l.generation.Add(1)
	defer l.generation.Add(1)
	return do()
}

// settledGeneration is the generation, once nothing is being changed.
func (l *Log) settledGeneration() int64 {
	if g := l.generation.Load(); g%2 == 0 {
		return g
	}
	l.mu.Lock() // held by who changes it
	defer l.mu.Unlock()
	return l.generation.Load()
}

// TopicID is the id of the topic, zero if none was set.
func (l *Log) TopicID() TopicID {
	l.metadata.Lock()
	defer l.metadata.Unlock()
	return l.metadata.id
}

// SetTopicID records the topic's id, once. It is written to partition.metadata
// in the background, and in any case before the first append. Another id than
// the recorded one is INCONSISTENT_TOPIC_ID.
func (l *Log) SetTopicID(id TopicID) error {
	l.metadata.Lock()
	defer l.metadata.Unlock()
	if id.IsZero() || id == l.metadata.id {
		return nil
	}
	if !l.metadata.id.IsZero() {
		return errorf(kerr.InconsistentTopicID, "%v in %s has topic id %v, not %v: it belongs to an earlier topic of that name",
			l.tp, l.Path(), l.metadata.id, id)
	}
	l.metadata.id = id
	l.metadata.pending.Store(true)
	if l.fresh.Load() {
		return nil
	}
	l.dir.spawn(func() {
		if err := l.writeMetadata(); err != nil {
			l.dir.log.Error("partition.metadata", slog.String("log", l.tp.String()), slog.Any("err", err))
		}
	})
	return nil
}

// writeMetadata writes partition.metadata if that was not done yet.
func (l *Log) writeMetadata() error {
	if !l.metadata.pending.Load() {
		return nil
	}
	l.metadata.Lock()
	defer l.metadata.Unlock()
	if !l.metadata.pending.Load() || l.closed.Load() || l.fresh.Load() {
		return nil
	}
	path := l.folder.file(partitionMetadataFile)
	if err := fsys.ReplaceFile(l.dir.fs, path, formatPartitionMetadata(l.metadata.id)); err != nil {
		return l.dir.fail(fmt.Errorf("cannot write %s: %w", path, err))
	}
	l.metadata.pending.Store(false)
	return nil
}

// LatestEpoch is the latest leader epoch that the log knows, -1 if none.
func (l *Log) LatestEpoch() int32 { return l.epochs.get().latest() }

// EndOffsetForEpoch answers OffsetForLeaderEpoch (KIP-101, KIP-279): the
// largest epoch not above the asked one, and the offset where it ended.
// (-1, -1) is undefined.
func (l *Log) EndOffsetForEpoch(epoch int32) (int32, int64) {
	return l.epochs.get().endOffset(epoch, l.EndOffset())
}

// EpochAt is the leader epoch that an offset was written in, -1 if unknown.
func (l *Log) EpochAt(offset int64) int32 { return l.epochs.get().at(offset) }

// AssignEpoch records, durably, that a leader epoch begins at an offset: a
// replica does so when it becomes leader.
func (l *Log) AssignEpoch(epoch int32, startOffset int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	return l.assignEpoch(epoch, startOffset)
}

// assignEpoch does nothing if the epoch is the latest already. mu is held.
func (l *Log) assignEpoch(epoch int32, startOffset int64) error {
	known := l.epochs.get()
	if epoch < 0 || known.has(epoch, startOffset) {
		return nil
	}
	return l.writeEpochs(known.assign(epoch, startOffset))
}

// writeEpochs makes the epochs durable, but for a fresh log's, and publishes them. mu is held.
func (l *Log) writeEpochs(e epochs) error {
	if l.fresh.Load() {
		l.epochs.set(e)
		return nil
	}
	path := l.folder.file(epochFile)
	if err := fsys.ReplaceFile(l.dir.fs, path, e.format()); err != nil {
		return l.dir.fail(fmt.Errorf("cannot write %s: %w", path, err))
	}
	l.epochs.set(e)
	return nil
}

// changeEpochs writes e unless nothing changed. mu is held.
func (l *Log) changeEpochs(e epochs) error {
	if slices.Equal(e, l.epochs.get()) {
		return nil
	}
	return l.writeEpochs(e)
}

// usable is the reason why the log must not be touched.
func (l *Log) usable() error {
	if l.closed.Load() {
		return errorf(kerr.UnknownTopicOrPartition, "the log of %v is closed", l.tp)
	}
	return l.dir.Failed()
}

// abandon closes descriptors and nothing else. mu is held.
func (l *Log) abandon() (err error) {
	l.closed.Store(true)
	l.notFresh()
	for _, s := range *l.segments.Load() {
		if e := s.close(); err == nil {
			err = e
		}
	}
	return err
}
