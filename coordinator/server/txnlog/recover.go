package txnlog

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"klab/coordinator/server/tree"
)

// recover builds the tree from the newest good snapshot and the log after it, and cuts a torn tail. What it returns is on
// disk.
func (s *Store) recover(opt Options) (*tree.Tree, error) {
	if err := s.removeTemporary(); err != nil {
		return nil, fmt.Errorf("cannot clean data directory: %w", err)
	}
	t, err := s.loadSnapshot(opt)
	if err != nil {
		return nil, err
	}
	if err := s.replayLog(t, opt); err != nil {
		return nil, err
	}
	if lost := t.LostACLs(); len(lost) > 0 {
		opt.Log.Warn("nodes have no access control list, neither in the snapshot nor in the log; with superDigest or skipACL you can set one",
			"nodes", len(lost), "first", lost[0])
	}
	return t, nil
}

// replayLog applies the segments after the snapshot to t.
func (s *Store) replayLog(t *tree.Tree, opt Options) error {
	segments, err := s.list(s.logDir, logPrefix)
	if err != nil {
		return fmt.Errorf("cannot list transaction log: %w", err)
	}
	for i, first := range segments {
		last := i == len(segments)-1
		if !last && segments[i+1] <= t.LastZxid()+1 {
			continue // all of it is in the snapshot
		}
		if err := s.replay(t, first, last, opt); err != nil {
			return fmt.Errorf("cannot recover transaction log %s: %w",
				filepath.Join(s.logDir, fileName(logPrefix, first)), err)
		}
	}
	if s.noSync {
		return nil
	}
	if err := s.fs.SyncDir(s.logDir); err != nil { // the last segment's name
		return fmt.Errorf("cannot recover transaction log: %w", err)
	}
	return nil
}

func (s *Store) removeTemporary() error {
	names, err := s.fs.ReadDir(s.snapDir)
	for _, name := range names {
		if strings.HasPrefix(name, tempPrefix) {
			err = errors.Join(err, s.fs.Remove(filepath.Join(s.snapDir, name)))
		}
	}
	return err
}

// loadSnapshot returns the tree of the newest snapshot that is whole, or a fresh one if there never was any.
func (s *Store) loadSnapshot(opt Options) (*tree.Tree, error) {
	snaps, err := s.list(s.snapDir, snapPrefix)
	if err != nil {
		return nil, fmt.Errorf("cannot list snapshots: %w", err)
	}
	s.fresh = len(snaps) == 0
	var bad []error
	for _, zxid := range slices.Backward(snaps) {
		path := filepath.Join(s.snapDir, fileName(snapPrefix, zxid))
		t, err := s.readSnapshot(path, zxid, opt.Tree)
		if err == nil {
			return t, nil
		}
		bad = append(bad, fmt.Errorf("cannot read snapshot %s: %w", path, err))
		opt.Log.Warn("a snapshot is damaged; trying the one before", "path", path, "err", err)
	}
	if len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	return tree.New(opt.Tree), nil
}

func (s *Store) readSnapshot(path string, zxid int64, opt tree.Options) (*tree.Tree, error) {
	b, err := s.fs.ReadFile(path)
	if err != nil {
		return nil, err
	}
	im, err := readImage(b, zxid)
	if err != nil {
		return nil, err
	}
	return tree.Restore(im, opt)
}

// replay applies one segment to t and makes it durable: whoever wrote its end may have been killed before the fsync.
func (s *Store) replay(t *tree.Tree, first int64, last bool, opt Options) error {
	path := filepath.Join(s.logDir, fileName(logPrefix, first))
	b, err := s.fs.ReadFile(path)
	if err != nil {
		return err
	}
	apply := func(txn tree.Txn) error {
		if txn.Zxid <= t.LastZxid() {
			return nil
		}
		if !follows(t.LastZxid(), txn.Zxid) {
			return fmt.Errorf("transaction 0x%x follows 0x%x: those between are missing", txn.Zxid, t.LastZxid())
		}
		t.Replay(txn)
		s.txns++
		return nil
	}
	tail, err := replaySegment(b, first, last, apply)
	s.bytes += int64(len(b))
	if err != nil || tail == nil && s.noSync {
		return err
	}
	if tail == nil {
		return s.fs.Sync(path)
	}
	opt.Log.Info("dropping an unfinished write at the end of the log", "path", path, "bytes", int64(len(b))-tail.Size)
	if tail.Size < headerSize {
		return errors.Join(s.fs.Remove(path), s.fs.SyncDir(s.logDir))
	}
	return s.fs.Truncate(path, tail.Size)
}

// follows tells whether one zxid is the next after another. A new epoch (the high half) starts a new count.
func follows(zxid, next int64) bool { return next == zxid+1 || next>>32 > zxid>>32 }
