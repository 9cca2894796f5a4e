package storage

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

// In these tests something happens to a log while something else is on its way.

// meanwhile is a disk that runs do, once, before the first operation of a kind on a file whose name ends in suffix.
func meanwhile(mem *fsys.Mem, kind fsys.Kind, suffix string, armed *atomic.Bool, do func()) fsys.FS {
	return fsys.Intercept(mem, func(op fsys.Op) error {
		if op.Kind == kind && strings.HasSuffix(op.Path, suffix) && armed.CompareAndSwap(true, false) {
			do()
		}
		return nil
	})
}

func keyed(t *testing.T, key, value string) batch.Batch {
	return build(t, batch.NewOptions(), batch.Record{Timestamp: testTime.UnixMilli(), Key: []byte(key), Value: []byte(value)})
}

func compacted() LogConfig {
	c := DefaultLogConfig()
	c.CleanupPolicy, c.MinCleanableRatio = []string{"compact"}, 0
	return c
}

// A sync runs between the begin of a write and its end.
func TestAnAppendDuringASyncIsSyncedByTheNext(t *testing.T) {
	mem := fsys.NewMem()
	var armed atomic.Bool
	var l *Log
	d := openDisk(t, meanwhile(mem, fsys.OpWrite, logSuffix, &armed, func() {
		if err := l.active().sync(false); err != nil {
			t.Error(err)
		}
	}), DefaultLogConfig())
	l = d.create(orders0, DefaultLogConfig())
	d.background.Wait()
	appendTo(t, l, plain(t, 1, 0))
	armed.Store(true)
	appendTo(t, l, plain(t, 1, 0))
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	recovery := l.RecoveryPoint()
	reopened := openDisk(t, mem.CrashClone(0, rand.New(rand.NewPCG(1, 1))), DefaultLogConfig())
	if l, ok := reopened.Log(orders0); !ok || l.EndOffset() != 2 || recovery != 2 {
		t.Errorf("after a flush to %d and a loss of power the log ends at %d", recovery, l.EndOffset())
	}
}

// The last value of a key is truncated when the clean has noted it, and has not come to the one before.
func TestALogIsTruncatedDuringItsClean(t *testing.T) {
	mem := fsys.NewMem()
	var armed atomic.Bool
	var l *Log
	c, old := compacted(), strings.Repeat("old", 30)
	c.SegmentBytes = 200 // two segments do not go into one
	d := openDisk(t, meanwhile(mem, fsys.OpCreate, logSuffix+cleanedSuffix, &armed, func() {
		if err := l.TruncateTo(2); err != nil {
			t.Error(err)
		}
	}), c)
	l = d.create(orders0, c)
	d.background.Wait()
	appendTo(t, l, keyed(t, "k", old))
	l.Roll()
	appendTo(t, l, keyed(t, "x", "1"))
	appendTo(t, l, keyed(t, "k", "new"))
	l.Roll()
	appendTo(t, l, keyed(t, "y", "1"))
	armed.Store(true)
	if _, err := l.Clean(t.Context(), l.EndOffset(), 1<<20, testTime); !errors.Is(err, errCleanAborted) {
		t.Errorf("the clean ended with %v", err)
	}
	if all := readAll(t, l); len(all) != 2 || string(all[0].Value) != old {
		t.Errorf("of [k=old x=1] are left %v", all)
	}
	if to := d.cleanedTo(orders0); to > 2 {
		t.Errorf("the log counts as clean up to %d and ends at %d", to, l.EndOffset())
	}
}

func TestALogBeginsAnewDuringItsClean(t *testing.T) {
	mem := fsys.NewMem()
	var armed atomic.Bool
	var l *Log
	d := openDisk(t, meanwhile(mem, fsys.OpCreate, logSuffix+cleanedSuffix, &armed, func() {
		if err := l.TruncateFullyAndStartAt(100); err != nil {
			t.Error(err)
		}
	}), compacted())
	l = d.create(orders0, compacted())
	d.background.Wait()
	for _, value := range []string{"old", "new"} {
		appendTo(t, l, keyed(t, "k", value))
		l.Roll()
	}
	d.background.Wait()
	armed.Store(true)
	cleaner := NewCleaner(func() time.Time { return testTime }, d.log)
	cleaner.CleanFilthiest(t.Context(), []*Dir{d.Dir}, DefaultCleanerConfig(), func(TopicPartition) int64 { return l.EndOffset() })
	if armed.Load() || cleaner.isUncleanable(l) || d.Failed() != nil {
		t.Errorf("the log is given up: %v; the directory: %v", cleaner.uncleanable[l], d.Failed())
	}
}

func TestATopicIsDeletedDuringItsClean(t *testing.T) {
	for _, suffix := range []string{logSuffix, indexSuffix, timeIndexSuffix} {
		mem := fsys.NewMem()
		var armed atomic.Bool
		var d *disk
		d = openDisk(t, meanwhile(mem, fsys.OpCreate, suffix+cleanedSuffix, &armed, func() {
			if err := d.Delete(orders0); err != nil {
				t.Error(err)
			}
		}), compacted())
		l := d.create(orders0, compacted())
		d.background.Wait()
		for _, value := range []string{"old", "new"} {
			appendTo(t, l, keyed(t, "k", value))
			l.Roll()
		}
		d.background.Wait()
		armed.Store(true)
		if _, err := l.Clean(t.Context(), l.EndOffset(), 1<<20, testTime); armed.Load() || !errors.Is(err, errCleanAborted) || d.Failed() != nil {
			t.Errorf("deleted when %s is made: the clean ended with %v, the directory with %v", suffix, err, d.Failed())
		}
	}
}

// A read has found a batch when the log is truncated below it.
func TestASegmentIsTruncatedUnderARead(t *testing.T) {
	d := openDisk(t, fsys.NewMem(), DefaultLogConfig())
	l := d.create(orders0, DefaultLogConfig())
	for range 5 {
		appendTo(t, l, plain(t, 1, 0))
	}
	p, err := l.active().find(3)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.TruncateTo(1); err != nil {
		t.Fatal(err)
	}
	out, _, err := l.active().read(func(n int) []byte { return make([]byte, n) }, p, 100, 5)
	if len(out) > 0 || err != nil {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

// The log start lies within a batch of an open transaction, and the log is truncated behind it.
func TestTruncationRemembersTheBatchThatTheLogStartsIn(t *testing.T) {
	d := openDisk(t, fsys.NewMem(), DefaultLogConfig())
	l := d.create(orders0, DefaultLogConfig())
	appendTo(t, l, transactional(t, 7, 0, 0, 10))
	appendTo(t, l, plain(t, 10, 0))
	if err := l.AdvanceStartOffset(5); err != nil {
		t.Fatal(err)
	}
	before := l.ActiveProducers()
	if err := l.TruncateTo(10); err != nil {
		t.Fatal(err)
	}
	if after := l.ActiveProducers(); !slices.Equal(after, before) || len(after) != 1 {
		t.Errorf("producers %+v, before the truncation %+v", after, before)
	}
	if stable := l.LastStableOffset(l.EndOffset()); stable != 5 {
		t.Errorf("stable up to %d, want to the start, 5", stable)
	}
}

// A leader sends a control batch that tells nothing, over and over.
func TestAMarkerThatCannotBeReadIsNotWritten(t *testing.T) {
	d := openDisk(t, fsys.NewMem(), DefaultLogConfig())
	l := d.create(orders0, DefaultLogConfig())
	o := batch.NewOptions()
	o.Control, o.Transactional, o.ProducerID, o.ProducerEpoch, o.LeaderEpoch = true, true, 5, 0, 0
	short := build(t, o, batch.Record{Key: []byte{0, 0, 0, 1}, Value: []byte{0}})
	for range 2 {
		if _, err := l.AppendAsFollower(short); err == nil || l.Size() != 0 || l.EndOffset() != 0 || d.Failed() != nil {
			t.Errorf("appended with %v: %d bytes up to %d, the directory %v", err, l.Size(), l.EndOffset(), d.Failed())
		}
	}
}

// The length of a batch is damaged: whoever reads it is told, and nobody else.
func TestADamagedLengthConcernsItsBatchAlone(t *testing.T) {
	mem := fsys.NewMem()
	c := DefaultLogConfig()
	c.RetentionMs = time.Minute.Milliseconds()
	d := openDisk(t, mem, c)
	l := d.create(orders0, c)
	for range 3 {
		appendTo(t, l, plain(t, 1, 0))
	}
	size := l.Size() / 3
	l.Roll()
	d.background.Wait()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := mem.OpenFile(filepath.Join(l.Path(), "00000000000000000000.log"), 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte{0, 0x10, 0, 0}, size+8); err != nil { // the second batch claims 1 MiB
		t.Fatal(err)
	}
	d = openDisk(t, mem, c)
	l, _ = d.Log(orders0)
	if r, err := l.Read(0, 1, l.EndOffset(), true); err != nil || r.NextOffset != 1 {
		t.Errorf("a read before it: up to %d, %v", r.NextOffset, err)
	}
	if _, err := l.Read(1, 1000, l.EndOffset(), true); !errors.Is(err, kerr.CorruptMessage) || d.Failed() != nil {
		t.Errorf("a read of it: %v, the directory: %v", err, d.Failed())
	}
	if err := l.maintain(testTime.Add(time.Hour), l.EndOffset()); err != nil || d.Failed() != nil || l.StartOffset() != 3 {
		t.Errorf("retention: %v, the directory: %v, the log starts at %d", err, d.Failed(), l.StartOffset())
	}
}

// Retention of many segments gives way to others in between.
func TestRetentionRemovesSegmentsAFewAtATime(t *testing.T) {
	most, now := 0, 0
	var l *Log
	var watched atomic.Bool
	disk := fsys.Intercept(fsys.NewMem(), func(op fsys.Op) error {
		if watched.Load() && strings.HasSuffix(op.Path, logSuffix) && op.Kind == fsys.OpRename {
			if l.mu.TryLock() {
				l.mu.Unlock()
				t.Error("files are renamed without the log's lock")
			}
			now++
			most = max(most, now)
		}
		return nil
	})
	c := DefaultLogConfig()
	c.RetentionMs = time.Minute.Milliseconds()
	d := openDisk(t, disk, c)
	l = d.create(orders0, c)
	for range 3*retainAtOnce + 1 {
		appendTo(t, l, plain(t, 1, 0))
		l.Roll()
	}
	d.background.Wait()
	watched.Store(true)
	for held := int64(-1); held != l.generation.Load(); now = 0 { // each round of it is a generation
		held = l.generation.Load()
		if _, err := l.retainSome(&c, testTime.Add(time.Hour), l.EndOffset()); err != nil {
			t.Fatal(err)
		}
	}
	if most != retainAtOnce || l.StartOffset() != l.EndOffset() {
		t.Errorf("%d at a time, the log is [%d, %d)", most, l.StartOffset(), l.EndOffset())
	}
	if err := l.retain(&c, testTime.Add(time.Hour), l.EndOffset()); err != nil {
		t.Error(err)
	}
}
