package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"
)

// maintain does what time demands of a log: retention, and giving back what an idle log does not need.
func (l *Log) maintain(now time.Time, highWatermark int64) error {
	if err := l.usable(); err != nil {
		return err
	}
	c := l.config.Load()
	if err := l.retain(c, now, highWatermark); err != nil {
		return l.storageFailure(err)
	}
	l.LastStableOffset(highWatermark) // forgets what became stable
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range *l.segments.Load() {
		if err := s.cool(); err != nil {
			return l.dir.fail(err)
		}
	}
	return nil
}

func (l *Log) forgetProducers(c *LogConfig, now time.Time) {
	l.states.Lock()
	defer l.states.Unlock()
	l.states.expire(now.UnixMilli() - c.ProducerIDExpirationMs)
}

func (l *Log) flushIfDue(now time.Time) error {
	l.mu.Lock()
	due := l.recovery.Load() < l.end.Load() && now.Sub(l.flushedAt).Milliseconds() >= l.config.Load().FlushMs
	l.mu.Unlock()
	if !due {
		return nil
	}
	return l.Flush()
}

// retainAtOnce is how many segments are removed before readers and appenders have their turn: each takes a sync.
const retainAtOnce = 8

// retain removes the segments that retention lets go (kafka-formats B.10).
func (l *Log) retain(c *LogConfig, now time.Time, highWatermark int64) error {
	if !l.cleaning.TryLock() {
		return nil // it is compacted just now: the next time will do
	}
	defer l.cleaning.Unlock()
	removed := 0
	for {
		n, err := l.retainSome(c, now, highWatermark)
		if removed += n; err != nil {
			return err
		}
		if n < retainAtOnce {
			break
		}
	}
	if removed > 0 {
		l.dir.log.Info("segments removed by retention", slog.String("log", l.tp.String()),
			slog.Int("segments", removed), slog.Int64("start", l.start.Load()))
	}
	return nil
}

// retainSome removes the oldest segments that may go, and returns how many. cleaning is held.
func (l *Log) retainSome(c *LogConfig, now time.Time, highWatermark int64) (n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return 0, err
	}
	n, err = l.expired(c, now, highWatermark)
	if err != nil || n == 0 {
		return 0, err
	}
	if n == len(*l.segments.Load()) {
		if err := l.roll(l.end.Load(), now); err != nil {
			return 0, err
		}
		defer l.dir.spawn(l.flushRolled)
	}
	if l.renamed.Load() { // or a crash could lose both, and the offsets start over
		if err := l.syncNames(l.recovery.Load() == 0); err != nil {
			return 0, err
		}
	}
	segments := *l.segments.Load()
	gone, kept := segments[:n], slices.Clone(segments[n:])
	if err := l.advanceStart(kept[0].base); err != nil {
		return 0, err
	}
	return n, l.changing(func() error {
		l.publish(kept)
		return l.discard(gone, time.Duration(c.FileDeleteDelayMs)*time.Millisecond)
	})
}

// expired is how many segments, from the oldest on, may go: at most retainAtOnce. mu is held.
func (l *Log) expired(c *LogConfig, now time.Time, highWatermark int64) (n int, err error) {
	segments := *l.segments.Load()
	excess := l.Size() - c.RetentionBytes
	for i, s := range segments[:min(len(segments), retainAtOnce)] {
		last := i == len(segments)-1
		upper := l.end.Load()
		if !last {
			upper = segments[i+1].base
		}
		size := s.size.Load()
		if highWatermark < upper || last && size == 0 {
			return n, nil
		}
		expires := !last && upper <= l.start.Load()
		if !expires && c.deletes() {
			if expires, err = s.expires(c, now, excess); err != nil {
				return 0, err
			}
		}
		if !expires {
			return n, nil
		}
		excess -= size
		n++
	}
	return n, nil
}

// expires reports whether a segment is too old, or one too many; excess is how many
// bytes the log has above retention.bytes.
func (s *segment) expires(c *LogConfig, now time.Time, excess int64) (bool, error) {
	if c.RetentionBytes >= 0 && excess >= s.size.Load() {
		return true, nil
	}
	if c.RetentionMs < 0 {
		return false, nil
	}
	ts, _, err := s.maxTimestamp()
	if err != nil {
		return false, err
	}
	if ts < 0 {
		info, err := s.folder.fs.Stat(s.path(logSuffix))
		if err != nil {
			return false, err
		}
		ts = info.ModTime.UnixMilli()
	}
	return now.UnixMilli()-ts > c.RetentionMs, nil
}

// discard gives the files of segments that readers no longer see a name that
// recovery removes, and removes them after a delay. It does so durably and in
// order: a crash must not bring one back behind a hole. mu is held.
func (l *Log) discard(segments []*segment, delay time.Duration) error {
	for _, s := range segments {
		if err := s.close(); err != nil {
			return err
		}
		for _, suffix := range []string{logSuffix, indexSuffix, timeIndexSuffix, txnIndexSuffix, snapshotSuffix} {
			if err := l.discardFile(l.folder.numbered(s.base, suffix), delay); err != nil {
				return err
			}
		}
		l.snapshots = slices.DeleteFunc(l.snapshots, func(o int64) bool { return o == s.base })
		if err := l.syncNames(false); err != nil {
			return err
		}
	}
	return nil
}

// removeNow removes the files of segments that readers no longer see, the last
// segment first, durably. mu is held.
func (l *Log) removeNow(segments []*segment) error {
	for _, s := range slices.Backward(segments) {
		if err := s.close(); err != nil {
			return err
		}
		for _, suffix := range []string{indexSuffix, timeIndexSuffix, txnIndexSuffix, logSuffix} {
			if err := l.discardFile(l.folder.numbered(s.base, suffix), 0); err != nil {
				return err
			}
		}
	}
	if len(segments) == 0 {
		return nil
	}
	return l.dir.fs.SyncDir(l.folder.dir())
}

func (l *Log) discardFile(path string, delay time.Duration) error {
	f := l.dir.fs
	err := error(nil)
	if delay <= 0 {
		err = f.Remove(path)
	} else if err = f.Rename(path, path+deletedSuffix); err == nil {
		l.dir.removeLater(path+deletedSuffix, delay)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove %s: %w", path, err)
	}
	return nil
}
