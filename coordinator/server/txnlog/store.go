package txnlog

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"klab/coordinator/server/tree"
)

// preallocation is how much zeroed space is written ahead, so that most syncs need not record a new file size.
const preallocation = 64 << 10

// Options are what a Store needs besides its directories.
type Options struct {
	FS     FS
	Tree   tree.Options
	Log    *slog.Logger
	Retain int  // snapshots to keep, at least 3
	NoSync bool // answer before the disk has it: a killed process loses nothing, a machine without power may
}

// A Store is the log and the snapshots of one server. It is for one goroutine, except WriteSnapshot.
type Store struct {
	fs              FS
	snapDir, logDir string
	retain          int
	noSync          bool
	fresh           bool
	locks           []io.Closer

	segment   File  // open for writing, or nil: the next Commit makes one
	off       int64 // end of the last record in segment
	allocated int64 // bytes of segment that exist

	batch      []byte // records appended and not committed
	batchFirst int64  // zxid of the first of them
	batchTxns  int
	broken     error // why nothing more can be written

	txns  int   // committed or replayed since the last snapshot
	bytes int64 // their size
}

// Open locks the directories, removes what a crash left unfinished, and returns the tree as of the last commit.
func Open(dataDir, dataLogDir string, opt Options) (*Store, *tree.Tree, error) {
	s := &Store{
		fs: opt.FS, retain: max(opt.Retain, 3), noSync: opt.NoSync,
		snapDir: filepath.Join(dataDir, "version-2"), logDir: filepath.Join(dataLogDir, "version-2"),
	}
	for _, dir := range []string{s.snapDir, s.logDir} {
		if err := s.fs.MkdirAll(dir); err != nil {
			return nil, nil, fmt.Errorf("cannot open data directory: %w", err)
		}
	}
	if err := s.takeLocks(); err != nil {
		return nil, nil, fmt.Errorf("cannot open data directory: %w", errors.Join(err, s.unlock()))
	}
	t, err := s.recover(opt)
	if err != nil {
		return nil, nil, errors.Join(err, s.unlock())
	}
	return s, t, nil
}

// takeLocks locks the log and the snapshots, each by a file of its own: the two may be in one directory, by two names.
func (s *Store) takeLocks() error {
	for _, path := range []string{filepath.Join(s.logDir, "lock"), filepath.Join(s.snapDir, "lock.snapshots")} {
		lock, err := s.fs.Lock(path)
		if err != nil {
			return err
		}
		s.locks = append(s.locks, lock)
	}
	return nil
}

func (s *Store) unlock() (err error) {
	for _, lock := range s.locks {
		err = errors.Join(err, lock.Close())
	}
	return err
}

// Append adds a transaction to the batch. Its zxid must be one more than that of the transaction before.
func (s *Store) Append(txn tree.Txn) {
	if len(s.batch) == 0 {
		s.batchFirst = txn.Zxid
	}
	s.batch = appendRecord(s.batch, func(b []byte) []byte { return appendTxn(b, txn, s.batchFirst) })
	s.batchTxns++
}

// Pending returns the size in bytes of the batch so far.
func (s *Store) Pending() int { return len(s.batch) }

// Commit makes the batch durable. After an error every later call fails with the same one.
func (s *Store) Commit() error {
	if len(s.batch) == 0 || s.broken != nil {
		return s.broken
	}
	if err := s.writeBatch(); err != nil {
		s.broken = fmt.Errorf("cannot write transaction log: %w", err)
		return s.broken
	}
	s.txns += s.batchTxns
	s.bytes += int64(len(s.batch))
	s.batch, s.batchTxns = s.batch[:0], 0
	if cap(s.batch) > 1<<20 {
		s.batch = nil
	}
	return nil
}

func (s *Store) writeBatch() error {
	created := s.segment == nil
	if created {
		if err := s.createSegment(); err != nil {
			return err
		}
	}
	end := s.off + int64(len(s.batch))
	b := s.batch
	if end > s.allocated {
		s.allocated = (end/preallocation + 1) * preallocation
		b = append(b, make([]byte, s.allocated-end)...)
	}
	if _, err := s.segment.WriteAt(b, s.off); err != nil {
		return err
	}
	s.off = end
	if s.noSync {
		return nil
	}
	if err := s.segment.Sync(); err != nil || !created {
		return err
	}
	return s.fs.SyncDir(s.logDir)
}

func (s *Store) createSegment() error {
	f, err := s.fs.Create(filepath.Join(s.logDir, fileName(logPrefix, s.batchFirst)))
	if err != nil {
		return err
	}
	s.segment, s.off, s.allocated = f, headerSize, headerSize
	_, err = f.WriteAt(appendHeader(nil, logMagic, 0), 0)
	return err
}

// Fresh tells whether there was no snapshot at Open. A stock ZooKeeper wants one before it reads a log.
func (s *Store) Fresh() bool { return s.fresh }

// SinceSnapshot tells how many transactions, of how many bytes, a recovery would replay by now.
func (s *Store) SinceSnapshot() (txns int, bytes int64) { return s.txns, s.bytes }

// Roll ends the segment, so that the next batch begins another. Call it when taking the image for a snapshot, with
// nothing pending: the log up to here can go once three snapshots are newer.
func (s *Store) Roll() error {
	s.txns, s.bytes = 0, 0
	if s.segment == nil {
		return nil
	}
	err := errors.Join(s.segment.Truncate(s.off), s.segment.Close())
	s.segment = nil
	if err != nil {
		s.broken = fmt.Errorf("cannot end log segment: %w", err)
	}
	return s.broken
}

// Close ends the segment and unlocks the directories. What is pending is dropped.
func (s *Store) Close() error { return errors.Join(s.Roll(), s.unlock()) }

// Secret returns 32 random bytes that stay the same for the life of the data directory.
func (s *Store) Secret() ([]byte, error) {
	path := filepath.Join(s.snapDir, "session-secret")
	secret, err := s.fs.ReadFile(path)
	if err == nil && len(secret) == 32 {
		return secret, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read session secret: %w", err)
	}
	secret = make([]byte, 32)
	rand.Read(secret)
	err = s.replaceFile(path, func(f File) error {
		_, err := f.WriteAt(secret, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot write session secret: %w", err)
	}
	return secret, nil
}

// Sizes returns how many bytes the snapshots and the log take.
func (s *Store) Sizes() (snapshots, log int64, err error) {
	snapshots, err = s.size(s.snapDir, snapPrefix)
	log, logErr := s.size(s.logDir, logPrefix)
	return snapshots, log, errors.Join(err, logErr)
}

func (s *Store) size(dir, prefix string) (total int64, err error) {
	names, err := s.fs.ReadDir(dir)
	for _, name := range names {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		n, sizeErr := s.fs.Size(filepath.Join(dir, name))
		total += n
		err = errors.Join(err, sizeErr)
	}
	return total, err
}

// purge removes all but the newest snapshots, and the segments that end before the oldest of those.
func (s *Store) purge() error {
	snaps, err := s.list(s.snapDir, snapPrefix)
	if err != nil || len(snaps) <= s.retain {
		return err
	}
	old := snaps[:len(snaps)-s.retain]
	for _, zxid := range old {
		err = errors.Join(err, s.fs.Remove(filepath.Join(s.snapDir, fileName(snapPrefix, zxid))))
	}
	oldest := snaps[len(old)]
	segments, listErr := s.list(s.logDir, logPrefix)
	for i := 1; i < len(segments) && segments[i] <= oldest+1; i++ {
		err = errors.Join(err, s.fs.Remove(filepath.Join(s.logDir, fileName(logPrefix, segments[i-1]))))
	}
	return errors.Join(err, listErr)
}

// list returns the zxids in the names of a directory's files with a prefix, in order.
func (s *Store) list(dir, prefix string) ([]int64, error) {
	names, err := s.fs.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var zxids []int64
	for _, name := range names {
		if zxid, ok := zxidOf(name, prefix); ok {
			zxids = append(zxids, zxid)
		}
	}
	slices.Sort(zxids)
	return zxids, nil
}
