package storage

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

func TestSequenceRules(t *testing.T) {
	type write struct {
		epoch int16
		seq   int32
		n     int
	}
	for _, c := range []struct {
		name   string
		before []write
		write  write
		dup    bool
		want   *kerr.Error
	}{
		{name: "an unknown producer begins anywhere", write: write{0, 7, 1}},
		{name: "the next sequence", before: []write{{0, 0, 3}}, write: write{0, 3, 1}},
		{name: "a gap", before: []write{{0, 0, 3}}, write: write{0, 4, 1}, want: kerr.OutOfOrderSequenceNumber},
		{name: "an overlap", before: []write{{0, 0, 3}}, write: write{0, 2, 2}, want: kerr.OutOfOrderSequenceNumber},
		{name: "the last again", before: []write{{0, 0, 3}}, write: write{0, 0, 3}, dup: true},
		{name: "the last again, shorter", before: []write{{0, 0, 3}}, write: write{0, 0, 2}, want: kerr.OutOfOrderSequenceNumber},
		{name: "the fifth to last again", before: []write{{0, 0, 1}, {0, 1, 1}, {0, 2, 1}, {0, 3, 1}, {0, 4, 1}}, write: write{0, 0, 1}, dup: true},
		{name: "the sixth to last again", before: []write{{0, 0, 1}, {0, 1, 1}, {0, 2, 1}, {0, 3, 1}, {0, 4, 1}, {0, 5, 1}}, write: write{0, 0, 1}, want: kerr.OutOfOrderSequenceNumber},
		{name: "an older epoch", before: []write{{3, 0, 1}}, write: write{2, 1, 1}, want: kerr.InvalidProducerEpoch},
		{name: "a newer epoch from 0", before: []write{{3, 0, 1}}, write: write{4, 0, 1}},
		{name: "a newer epoch from 1", before: []write{{3, 0, 1}}, write: write{4, 1, 1}, want: kerr.OutOfOrderSequenceNumber},
		{name: "the same sequences in a newer epoch", before: []write{{3, 0, 1}}, write: write{4, 0, 1}},
		{name: "a wrap", before: []write{{0, math.MaxInt32 - 1, 2}}, write: write{0, 0, 1}},
		{name: "a wrap within a batch", before: []write{{0, math.MaxInt32 - 1, 4}}, write: write{0, 2, 1}},
		{name: "a wrapped batch again", before: []write{{0, math.MaxInt32 - 1, 4}}, write: write{0, math.MaxInt32 - 1, 4}, dup: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := openDisk(t, fsys.NewMem(), DefaultLogConfig()).create(orders0, DefaultLogConfig())
			first := map[write]int64{}
			for _, w := range c.before {
				first[w] = appendTo(t, l, idempotent(t, 9, w.epoch, w.seq, w.n)).FirstOffset
			}
			end := l.EndOffset()
			info, err := l.AppendAsLeader(idempotent(t, 9, c.write.epoch, c.write.seq, c.write.n), 0, Client, testTime)
			if c.want != nil {
				if !errors.Is(err, c.want) || l.EndOffset() != end {
					t.Errorf("%v, want %v", err, c.want)
				}
				return
			}
			if err != nil || info.Duplicate != c.dup {
				t.Fatalf("%+v, %v", info, err)
			}
			if c.dup && (info.FirstOffset != first[c.write] || l.EndOffset() != end) {
				t.Errorf("duplicate: %+v, first time at %d", info, first[c.write])
			}
		})
	}
}

func TestTransactions(t *testing.T) {
	mem := fsys.NewMem()
	d := openDisk(t, mem, DefaultLogConfig())
	l := d.create(orders0, DefaultLogConfig())
	mark := func(typ batch.ControlType, id int64, epoch int16, coordinator int32) error {
		_, err := l.AppendAsLeader(batch.BuildMarker(batch.Marker{Type: typ, CoordinatorEpoch: coordinator}, id, epoch, 5), 0, Coordinator, testTime)
		return err
	}
	stable := func(hw, want int64) {
		t.Helper()
		if got := l.LastStableOffset(hw); got != want {
			t.Errorf("last stable offset at high watermark %d is %d, want %d", hw, got, want)
		}
	}
	appendTo(t, l, plain(t, 2, 0))               // 0-1
	appendTo(t, l, transactional(t, 1, 0, 0, 2)) // 2-3
	appendTo(t, l, transactional(t, 2, 0, 0, 1)) // 4
	appendTo(t, l, transactional(t, 1, 0, 2, 1)) // 5
	stable(6, 2)
	if _, err := l.AppendAsLeader(idempotent(t, 1, 0, 3, 1), 0, Client, testTime); !errors.Is(err, kerr.InvalidTxnState) {
		t.Errorf("a write outside of the transaction: %v", err)
	}
	if err := mark(batch.Abort, 1, 0, 3); err != nil { // 6
		t.Fatal(err)
	}
	stable(6, 2) // the marker is not below the high watermark
	stable(7, 4)
	if err := mark(batch.Commit, 2, 0, 3); err != nil { // 7
		t.Fatal(err)
	}
	stable(8, 8)
	if err := mark(batch.Abort, 2, 0, 2); !errors.Is(err, kerr.TransactionCoordinatorFenced) {
		t.Errorf("a marker of an older coordinator: %v", err)
	}
	appendTo(t, l, transactional(t, 3, 4, 0, 1)) // 8
	if err := mark(batch.Abort, 3, 3, 3); !errors.Is(err, kerr.InvalidProducerEpoch) {
		t.Errorf("a marker of an older producer epoch: %v", err)
	}
	check := func() {
		t.Helper()
		want := []AbortedTransaction{{1, 2, 6, 4}}
		if got, err := l.AbortedTransactions(0, 7); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("aborted: %+v, %v", got, err)
		}
		if got, _ := l.AbortedTransactions(7, 9); got != nil {
			t.Errorf("aborted from 7 on: %+v", got)
		}
		if got, _ := l.AbortedTransactions(0, 2); got != nil {
			t.Errorf("aborted below 2: %+v", got)
		}
		if first, ok := l.FirstUnstableOffset(); !ok || first != 8 {
			t.Errorf("first unstable offset %d, %v", first, ok)
		}
	}
	check()
	killed := openDisk(t, mem.CrashClone(1, nil), DefaultLogConfig())
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	l, _ = killed.Log(orders0)
	check()
	l, _ = openDisk(t, mem, DefaultLogConfig()).Log(orders0)
	check()
}

// Whatever is appended, and wherever segments roll: the state that a snapshot
// and the batches after it give is the one that all batches give.
func TestSnapshotAndReplayEqualFullReplay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mem := fsys.NewMem()
		c := DefaultLogConfig()
		d := openDisk(t, mem, c)
		l := d.create(orders0, c)
		next := map[int64]int32{}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			id := rapid.Int64Range(1, 3).Draw(rt, "producer")
			open := l.states.byID[id] != nil && l.states.byID[id].txnFirst >= 0
			switch step := rapid.IntRange(0, 4).Draw(rt, "step"); {
			case step == 0:
				if err := l.Roll(); err != nil {
					rt.Fatal(err)
				}
			case step == 1 && open:
				m := batch.BuildMarker(batch.Marker{Type: batch.ControlType(rapid.IntRange(0, 1).Draw(rt, "marker")), CoordinatorEpoch: 1}, id, 0, testTime.UnixMilli())
				if _, err := l.AppendAsLeader(m, 0, Coordinator, testTime); err != nil {
					rt.Fatal(err)
				}
			case step == 2 || open:
				appendTo(t, l, transactional(t, id, 0, next[id], 2))
				next[id] += 2
			default:
				appendTo(t, l, idempotent(t, id, 0, next[id], 1))
				next[id]++
			}
		}
		want := l.ActiveProducers()
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, keep := range []bool{true, false} {
			if !keep {
				l.snapshots = nil
			}
			if err := l.loadProducers(l.end.Load()); err != nil {
				rt.Fatal(err)
			}
			if got := l.ActiveProducers(); !reflect.DeepEqual(got, want) {
				rt.Fatalf("with snapshots %v:\n%+v\nwant\n%+v", keep, got, want)
			}
		}
	})
}

// A transaction that ended above the high watermark is not stable after a restart or a truncation either.
func TestEndedTransactionsAreNotStableAfterALoad(t *testing.T) {
	mem := fsys.NewMem()
	d := openDisk(t, mem, DefaultLogConfig())
	l := d.create(orders0, DefaultLogConfig())
	appendTo(t, l, transactional(t, 1, 0, 0, 2))
	m := batch.BuildMarker(batch.Marker{Type: batch.Abort, CoordinatorEpoch: 1}, 1, 0, testTime.UnixMilli())
	if _, err := l.AppendAsLeader(m, 0, Coordinator, testTime); err != nil { // 2
		t.Fatal(err)
	}
	appendTo(t, l, transactional(t, 2, 0, 0, 1)) // 3
	check := func(what string, l *Log) {
		t.Helper()
		if got := l.LastStableOffset(2); got != 0 {
			t.Errorf("%s: the last stable offset is %d with the high watermark at the marker", what, got)
		}
		if got := l.LastStableOffset(3); got != 3 {
			t.Errorf("%s: the last stable offset is %d with the marker replicated", what, got)
		}
	}
	killed, _ := openDisk(t, mem.CrashClone(1, nil), DefaultLogConfig()).Log(orders0)
	check("after a crash", killed)
	if err := l.TruncateTo(3); err != nil {
		t.Fatal(err)
	}
	check("after a truncation", l)
}

func TestProducersExpire(t *testing.T) {
	var ps producers
	for id, ts := range map[int64]int64{1: 100, 2: 200} {
		b := idempotent(t, id, 0, 0, 1)
		b.SetMaxTimestamp(ts, false)
		ps.apply(b, nil)
	}
	open := transactional(t, 3, 0, 0, 1)
	open.SetMaxTimestamp(50, false)
	ps.apply(open, nil)
	ps.expire(150)
	if ps.byID[1] != nil || ps.byID[2] == nil || ps.byID[3] == nil {
		t.Errorf("left: %v", ps.byID)
	}
}

// A producer may send records of another time. It is known until the check for idle producers, which is not retention's.
func TestAProducerOfOldRecordsIsKnownUntilTheCheck(t *testing.T) {
	c := DefaultLogConfig()
	c.RetentionMs = -1
	d := openDisk(t, fsys.NewMem(), c)
	l := d.create(orders0, c)
	o := batch.NewOptions()
	o.ProducerID, o.ProducerEpoch, o.BaseSequence = 7, 0, 0
	if _, err := l.AppendAsLeader(build(t, o, records(1, 1000)...), 0, Client, testTime); err != nil {
		t.Fatal(err)
	}
	d.Maintain(testTime, func(TopicPartition) int64 { return l.EndOffset() })
	if got, err := l.AppendAsLeader(build(t, o, records(1, 1000)...), 0, Client, testTime); err != nil || !got.Duplicate {
		t.Errorf("sent again it is %+v, %v; want a duplicate", got, err)
	}
	d.ForgetProducers(testTime)
	if got := l.ActiveProducers(); len(got) != 0 {
		t.Errorf("after the check %+v are known", got)
	}
}
