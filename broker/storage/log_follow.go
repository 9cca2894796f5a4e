package storage

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/batch"
)

// AppendAsFollower appends batches as they were fetched from the leader. They
// keep their offsets and epochs; a batch cut off at the end is left out. The first batch
// must not begin below the log's end, but that an empty log restarts at
// a first batch that its start lies inside of. The error is
// CORRUPT_MESSAGE for damaged bytes, OFFSET_OUT_OF_RANGE for offsets that do
// not go on, or KAFKA_STORAGE_ERROR.
func (l *Log) AppendAsFollower(records []byte) (AppendInfo, error) {
	set, err := fetched(records)
	if err != nil {
		return AppendInfo{}, err
	}
	if err := errors.Join(l.settle(), l.writeMetadata()); err != nil {
		return AppendInfo{}, err
	}
	config := l.config.Load()
	l.mu.Lock()
	info, rolled, err := l.appendSet(set, config)
	l.mu.Unlock()
	if err != nil {
		return AppendInfo{}, err
	}
	return info, l.afterAppend(rolled, config)
}

// fetchedSet is a row of batches in one piece of memory.
type fetchedSet struct {
	bytes   []byte
	batches []batch.Batch
	markers []*batch.Marker // of each batch, nil where it is none
}

func fetched(records []byte) (set fetchedSet, err error) {
	last := int64(-1)
	for b, err := range batch.All(records) {
		if errors.Is(err, batch.ErrShort) {
			break
		}
		if err == nil {
			err = b.Check()
		}
		if err != nil {
			return fetchedSet{}, fmt.Errorf("cannot append the batch at byte %d: %w", len(set.bytes), err)
		}
		if b.BaseOffset() <= last {
			return fetchedSet{}, errorf(kerr.OffsetOutOfRange, "a batch begins at %d after one that ends at %d", b.BaseOffset(), last)
		}
		m, err := markerOf(b) // before anything is written
		if err != nil {
			return fetchedSet{}, fmt.Errorf("cannot append the batch at byte %d: %w", len(set.bytes), err)
		}
		last = b.LastOffset()
		set.batches, set.markers = append(set.batches, b), append(set.markers, m)
		set.bytes = records[:len(set.bytes)+len(b)]
	}
	return set, nil
}

// appendSet appends what a follower fetched. mu is held.
func (l *Log) appendSet(set fetchedSet, c *LogConfig) (info AppendInfo, rolled bool, err error) {
	if err := l.usable(); err != nil {
		return AppendInfo{}, false, err
	}
	info = AppendInfo{FirstOffset: l.end.Load(), LastOffset: l.end.Load() - 1, MaxTimestamp: -1, OffsetOfMaxTimestamp: -1,
		LogAppendTime: -1, LogStartOffset: l.start.Load(), LastEpoch: l.LatestEpoch(), Bytes: len(set.bytes)}
	if len(set.batches) == 0 {
		return info, false, nil
	}
	if err := l.acceptFirst(set.batches[0]); err != nil {
		return AppendInfo{}, false, err
	}
	info.FirstOffset = set.batches[0].BaseOffset()
	for len(set.batches) > 0 {
		run := set.take(c.SegmentBytes)
		r, err := l.appendRun(run, c, &info)
		rolled = rolled || r
		if err != nil {
			return AppendInfo{}, rolled, err
		}
	}
	info.LastOffset = l.end.Load() - 1
	info.LastEpoch = l.LatestEpoch()
	return info, rolled, nil
}

// acceptFirst checks that a fetched batch continues the log. mu is held.
func (l *Log) acceptFirst(b batch.Batch) error {
	end := l.end.Load()
	if b.BaseOffset() >= end || b.Legacy() && b.LastOffset() >= end {
		return nil
	}
	start := l.start.Load()
	if start == end && b.LastOffset() >= start {
		return l.restartAt(b.BaseOffset(), start)
	}
	return errorf(kerr.OffsetOutOfRange, "a fetched batch begins at %d, the log of %v ends at %d", b.BaseOffset(), l.tp, end)
}

// take cuts off as many batches as fit one segment, one at least.
func (set *fetchedSet) take(segmentBytes int64) fetchedSet {
	n, size := 1, len(set.batches[0])
	for n < len(set.batches) && int64(size+len(set.batches[n])) <= segmentBytes {
		size += len(set.batches[n])
		n++
	}
	run := fetchedSet{set.bytes[:size], set.batches[:n], set.markers[:n]}
	set.bytes, set.batches, set.markers = set.bytes[size:], set.batches[n:], set.markers[n:]
	return run
}

// appendRun appends batches that fit one segment with one write. mu is held.
func (l *Log) appendRun(run fetchedSet, c *LogConfig, info *AppendInfo) (rolled bool, err error) {
	maxTs := int64(-1)
	for _, b := range run.batches {
		maxTs = max(maxTs, b.MaxTimestamp())
		if b.MaxTimestamp() > info.MaxTimestamp {
			info.MaxTimestamp, info.OffsetOfMaxTimestamp = b.MaxTimestamp(), b.LastOffset()
		}
		if err := l.assignEpochOf(b); err != nil {
			return false, err
		}
	}
	last := run.batches[len(run.batches)-1]
	if rolled, err = l.rollIfDue(c, run.bytes, maxTs, last.LastOffset(), l.dir.clock()); err != nil {
		return rolled, err
	}
	if err := l.active().append(run.bytes, c.IndexIntervalBytes); err != nil {
		return rolled, l.dir.fail(err)
	}
	for i, b := range run.batches {
		if err := l.apply(b, run.markers[i]); err != nil {
			return rolled, err
		}
	}
	l.end.Store(last.NextOffset())
	return rolled, nil
}

func (l *Log) assignEpochOf(b batch.Batch) error {
	if b.LeaderEpoch() <= l.LatestEpoch() {
		return nil
	}
	return l.assignEpoch(b.LeaderEpoch(), b.BaseOffset())
}

func markerOf(b batch.Batch) (*batch.Marker, error) {
	if !b.Control() {
		return nil, nil
	}
	return marker(b)
}
