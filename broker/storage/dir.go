package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/fsys"
)

const (
	lockFile      = ".lock"
	cleanFile     = ".kafka_cleanshutdown"
	cleanFileText = `{"version":0,"brokerEpoch":-1}`
	closingAtOnce = 8
)

// Dir is one log directory. Nothing else touches the files in it, and its lock
// keeps other processes out. The first error of the disk fails it for good: from
// then on every operation on it and its logs returns KAFKA_STORAGE_ERROR, and
// Close leaves no clean-shutdown marker.
type Dir struct {
	fs     fsys.FS
	path   string
	opt    DirOptions
	log    *slog.Logger
	clock  func() time.Time
	lock   io.Closer
	failed atomic.Pointer[Error]

	spawn      func(task func()) // runs a task behind the caller's back
	background sync.WaitGroup    // what spawn started
	fresh      atomic.Int64      // how many logs are; see Log.settle

	mu     sync.RWMutex
	logs   map[TopicPartition]*Log
	trash  []trash
	closed bool

	// checkpoints guards the checkpoint files and what is known to be in them.
	checkpoints struct {
		sync.Mutex
		recovery, start, highWatermarks, cleaned map[TopicPartition]int64
	}
}

// trash is a file or a directory that waits to be removed.
type trash struct {
	path string
	due  time.Time
}

// DirOptions are what a log directory needs to know. Everything has a default.
type DirOptions struct {
	// Config is the configuration of a topic's logs found at opening; nil: Default.
	Config func(topic string) LogConfig
	// Default applies without Config; its zero value is DefaultLogConfig.
	Default LogConfig
	Clock   func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: nothing is logged
	// Compacts tells whether a topic is compacted, for Config that does not know yet. It may take its time: it is asked
	// only for a log that was not closed and has a gap between segments. nil: Config knows.
	Compacts func(topic string) bool
	// RecoveryThreads is how many logs are loaded at once
	// (num.recovery.threads.per.data.dir); 0: one a CPU.
	RecoveryThreads int
}

// OpenDir opens a log directory, made if absent: it takes the lock, and loads
// all logs in it, recovering those that were not closed. An error about the
// lock says that the directory is in use; every error is KAFKA_STORAGE_ERROR,
// except the context's.
func OpenDir(ctx context.Context, f fsys.FS, path string, opt DirOptions) (*Dir, error) {
	d := newDir(f, path, opt)
	if err := d.acquire(); err != nil {
		return nil, d.fail(err)
	}
	if err := d.load(ctx); err != nil {
		return nil, errors.Join(err, d.Abandon())
	}
	return d, nil
}

func newDir(f fsys.FS, path string, opt DirOptions) *Dir {
	d := &Dir{fs: f, path: filepath.Clean(path), opt: opt, log: opt.Log, clock: opt.Clock, logs: map[TopicPartition]*Log{}}
	d.spawn = d.background.Go
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.clock == nil {
		d.clock = time.Now
	}
	if d.opt.Default.SegmentBytes == 0 {
		d.opt.Default = DefaultLogConfig()
	}
	if d.opt.RecoveryThreads <= 0 {
		d.opt.RecoveryThreads = runtime.GOMAXPROCS(0)
	}
	return d
}

// acquire makes the directory and locks it.
func (d *Dir) acquire() error {
	if err := makeDir(d.fs, d.path); err != nil {
		return fmt.Errorf("cannot make log directory %s: %w", d.path, err)
	}
	lock, err := d.fs.Lock(filepath.Join(d.path, lockFile))
	if errors.Is(err, fsys.ErrLocked) {
		return fmt.Errorf("in use, %w; stop that, or point log.dirs at a directory of this broker's own", err)
	}
	if err != nil {
		return fmt.Errorf("cannot lock log directory %s: %w", d.path, err)
	}
	d.lock = lock
	return nil
}

// makeDir makes a directory, durably, unless it exists.
func makeDir(f fsys.FS, path string) error {
	if info, err := f.Stat(path); err == nil && info.Dir {
		return nil
	}
	if err := f.MkdirAll(path); err != nil {
		return err
	}
	return f.SyncDir(filepath.Dir(path))
}

// fail marks the directory as failed and returns the error that says so.
func (d *Dir) fail(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Code != kerr.KafkaStorageError {
		e = &Error{Code: kerr.KafkaStorageError, Message: "log directory " + d.path + " failed", Cause: err}
	}
	if d.failed.CompareAndSwap(nil, e) {
		d.log.Error("log directory failed", slog.String("dir", d.path), slog.Any("err", err))
	}
	return e
}

// Failed is the error that made the directory unusable, or nil.
func (d *Dir) Failed() error {
	if e := d.failed.Load(); e != nil {
		return e
	}
	return nil
}

// Path is the directory's path.
func (d *Dir) Path() string { return d.path }

// Logs iterates over the logs that there are now, in no order.
func (d *Dir) Logs() iter.Seq2[TopicPartition, *Log] {
	d.mu.RLock()
	logs := maps.Clone(d.logs)
	d.mu.RUnlock()
	return maps.All(logs)
}

// Log returns the log of a partition, if the directory has it.
func (d *Dir) Log(tp TopicPartition) (*Log, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	l, ok := d.logs[tp]
	return l, ok
}

// Usage is the size of the volume and how much of it may still be used, in
// bytes; -1 where the system does not tell.
func (d *Dir) Usage() (total, usable int64, err error) { return d.fs.Usage(d.path) }

// Create makes an empty log. It does not sync: the first flush does.
func (d *Dir) Create(tp TopicPartition, id TopicID, cfg LogConfig) (*Log, error) {
	if err := d.Failed(); err != nil {
		return nil, err
	}
	if err := d.forgetCheckpoints(tp); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.logs[tp] != nil {
		return nil, errorf(kerr.UnknownServerError, "the log of %v cannot be created in %s: it exists, or the directory is closed", tp, d.path)
	}
	l := newLog(d, tp, filepath.Join(d.path, tp.String()), cfg)
	if err := l.create(); err != nil {
		return nil, d.fail(fmt.Errorf("cannot create the log of %v: %w", tp, err))
	}
	if err := l.SetTopicID(id); err != nil {
		return nil, err
	}
	d.logs[tp] = l
	l.settleSoon()
	return l, nil
}

// Delete takes a log away: its directory is renamed at once and removed by
// RemoveDue after file.delete.delay.ms.
func (d *Dir) Delete(tp TopicPartition) error {
	d.mu.Lock()
	l := d.logs[tp]
	delete(d.logs, tp)
	d.mu.Unlock()
	if l == nil {
		return nil
	}
	path := filepath.Join(d.path, deletedName(tp))
	if err := l.moveAway(path); err != nil {
		return d.fail(fmt.Errorf("cannot delete the log of %v: %w", tp, err))
	}
	d.removeLater(path, time.Duration(l.config.Load().FileDeleteDelayMs)*time.Millisecond)
	d.checkpoints.Lock()
	defer d.checkpoints.Unlock()
	delete(d.checkpoints.highWatermarks, tp)
	return d.forgetClean(tp)
}

// removeLater has RemoveDue remove a file or a directory after a delay.
func (d *Dir) removeLater(path string, delay time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trash = append(d.trash, trash{path, d.clock().Add(delay)})
}

// ForgetProducers forgets the producers that were idle for producer.id.expiration.ms by the times of their batches. Until it is
// called they are known, however old: a producer may send records of another time.
func (d *Dir) ForgetProducers(now time.Time) {
	for _, l := range d.Logs() {
		l.forgetProducers(l.config.Load(), now)
	}
}

// Maintain does what is due: retention, closing of idle descriptors. Call it every few seconds to minutes, not concurrently
// with itself. hw is a partition's high watermark: what is above is never removed.
func (d *Dir) Maintain(now time.Time, hw func(TopicPartition) int64) {
	settled := 0
	for tp, l := range d.Logs() {
		if d.Failed() != nil {
			return
		}
		var err error
		if l.fresh.Load() && settled < settledAtOnce {
			settled++
			err = l.settle()
		}
		if err = errors.Join(err, l.maintain(now, hw(tp))); err != nil && !l.closed.Load() {
			d.log.Error("cannot maintain a log", slog.String("log", tp.String()), slog.Any("err", err))
		}
	}
}

// FlushDue syncs every log that was not synced for its flush.ms.
func (d *Dir) FlushDue(now time.Time) {
	for tp, l := range d.Logs() {
		if d.Failed() != nil {
			return
		}
		if err := l.flushIfDue(now); err != nil && !l.closed.Load() {
			d.log.Error("cannot flush a log", slog.String("log", tp.String()), slog.Any("err", err))
		}
	}
}

// RemoveDue removes the files whose file.delete.delay.ms is over.
func (d *Dir) RemoveDue(now time.Time) {
	for _, t := range d.dueTrash(now) {
		if err := d.fs.RemoveAll(t.path); err != nil {
			d.fail(fmt.Errorf("cannot remove %s: %w", t.path, err))
			return
		}
	}
}

func (d *Dir) dueTrash(now time.Time) (due []trash) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trash = slices.DeleteFunc(d.trash, func(t trash) bool {
		if t.due.After(now) {
			return false
		}
		due = append(due, t)
		return true
	})
	return due
}

// Close shuts down cleanly: all logs are flushed and need no recovery at the
// next start; the marker says so, and comes last before the lock is released. If
// anything failed there is no marker, and the next start recovers.
func (d *Dir) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.background.Wait()
	err := d.Failed()
	if err == nil {
		err = d.closeLogs()
	}
	if err == nil {
		err = errors.Join(d.CheckpointRecoveryPoints(), d.CheckpointLogStartOffsets())
	}
	if err == nil {
		err = d.markClean()
	}
	return errors.Join(err, d.Abandon())
}

func (d *Dir) closeLogs() error {
	d.mu.RLock()
	logs := slices.Collect(maps.Values(d.logs))
	d.mu.RUnlock()
	return each(logs, closingAtOnce, (*Log).close)
}

// each calls f for all items, some at once, and returns the first error.
func each[T any](items []T, atOnce int, f func(T) error) error {
	var wg sync.WaitGroup
	var next atomic.Int64
	errs := make([]error, min(atOnce, len(items)))
	for w := range errs {
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(items) && errs[w] == nil; i = next.Add(1) - 1 {
				errs[w] = f(items[i])
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (d *Dir) markClean() error {
	if err := fsys.WriteFileSync(d.fs, filepath.Join(d.path, cleanFile), []byte(cleanFileText)); err != nil {
		return d.fail(fmt.Errorf("cannot write %s: %w", cleanFile, err))
	}
	if err := d.fs.SyncDir(d.path); err != nil {
		return d.fail(fmt.Errorf("cannot sync %s: %w", d.path, err))
	}
	return nil
}

// Abandon closes descriptors and releases the lock, as the death of the
// process would: nothing is flushed or written.
func (d *Dir) Abandon() error {
	d.mu.Lock()
	d.closed = true
	logs := maps.Clone(d.logs)
	lock := d.lock
	d.lock = nil
	d.mu.Unlock()
	var errs []error
	for _, l := range logs {
		l.mu.Lock()
		errs = append(errs, l.abandon())
		l.mu.Unlock()
	}
	d.background.Wait()
	if lock != nil {
		errs = append(errs, lock.Close())
	}
	return errors.Join(errs...)
}
