package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// segmentSuffixes are the files of a segment, the records first.
var segmentSuffixes = []string{logSuffix, indexSuffix, timeIndexSuffix, txnIndexSuffix}

// replaceSegments puts a cleaned segment in the place of those that it was made of (Kafka's replaceSegments).
//
// A crash finds the old segments, as long as a file is called .cleaned; once all are called .swap it finds the new one:
// completeSwaps in log_files.go goes on from there. So each step is durable before the next, and of the new segment the
// records get their name before the indexes.
func (r *cleanRun) replaceSegments(dest *segment, old []*segment) error {
	l := r.Log
	l.flushing.Lock()
	defer l.flushing.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	all := *l.segments.Load()
	at := slices.Index(all, old[0])
	if r.overtaken() || !sealed(all, at, old) {
		return errCleanAborted
	}
	err := dest.close()
	if err == nil {
		err = l.step(func() error { return nil }) // their names must be durable
	}
	if err == nil {
		err = l.step(func() error { return l.renameFiles(dest, segmentSuffixes, cleanedSuffix, swapSuffix) })
	}
	if err != nil {
		return l.dir.fail(err)
	}
	return l.changing(func() error {
		if err := l.swapIn(dest, old, all[at+len(old)].base); err != nil {
			return l.dir.fail(err)
		}
		dest.state = ""
		l.publish(slices.Concat(all[:at], []*segment{dest}, all[at+len(old):]))
		return nil
	})
}

// sealed reports whether segments are still there, and none of them is the active one.
func sealed(all []*segment, at int, old []*segment) bool {
	return at >= 0 && at+len(old) < len(all) && slices.Equal(all[at:at+len(old)], old)
}

// step does something and makes the names in the directory durable.
func (l *Log) step(do func() error) error {
	if err := do(); err != nil {
		return err
	}
	if err := l.dir.fs.SyncDir(l.folder.dir()); err != nil {
		return fmt.Errorf("cannot sync directory: %w", err)
	}
	return nil
}

// swapIn moves the old files out of the way and gives the new ones their names. next is where the next segment begins. mu
// is held.
func (l *Log) swapIn(dest *segment, old []*segment, next int64) error {
	err := l.step(func() error { return l.moveAside(old, next) })
	if err != nil {
		return err
	}
	err = l.step(func() error { return l.renameFiles(dest, segmentSuffixes[:1], swapSuffix, "") })
	if err != nil {
		return err
	}
	return l.step(func() error { return l.renameFiles(dest, segmentSuffixes[1:], swapSuffix, "") })
}

// moveAside closes segments and marks their files as deleted. So are the snapshots of producers' states within them: they
// know transactions as open whose markers the cleaner may have dropped, so that a replay from there would never end them.
func (l *Log) moveAside(old []*segment, next int64) error {
	delay := time.Duration(l.config.Load().FileDeleteDelayMs) * time.Millisecond
	for _, s := range old {
		if err := s.close(); err != nil {
			return err
		}
		for _, suffix := range segmentSuffixes {
			if err := l.discardFile(l.folder.numbered(s.base, suffix), delay); err != nil {
				return err
			}
		}
	}
	within := func(o int64) bool { return o >= old[0].base && o < next }
	for _, o := range l.snapshots {
		if !within(o) {
			continue
		}
		if err := l.discardFile(l.folder.numbered(o, snapshotSuffix), delay); err != nil {
			return err
		}
	}
	l.snapshots = slices.DeleteFunc(l.snapshots, within)
	return nil
}

// renameFiles takes the files of a segment from one state to the next; one that does not exist is left out.
func (l *Log) renameFiles(s *segment, suffixes []string, from, to string) error {
	for _, suffix := range suffixes {
		name := l.folder.numbered(s.base, suffix)
		if err := l.dir.fs.Rename(name+from, name+to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot rename %s: %w", name+from, err)
		}
	}
	return nil
}

// removeCleaned removes the files of a cleaned segment that did not come into its place.
func (l *Log) removeCleaned(s *segment) error {
	if l.dir.Failed() != nil {
		return nil // the next start does it
	}
	err := s.close()
	for _, suffix := range segmentSuffixes {
		if e := l.dir.fs.Remove(l.folder.numbered(s.base, suffix) + cleanedSuffix); !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	if err != nil && !l.closed.Load() {
		return l.dir.fail(fmt.Errorf("cannot remove a clean's files: %w", err))
	}
	return nil
}
