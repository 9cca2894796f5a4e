package storage

import (
	"context"
	"fmt"
	"testing"
	"time"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

// What the tests speak in.

var testTime = time.UnixMilli(1_700_000_000_000)

var orders0 = TopicPartition{"orders", 0}

// disk is a log directory on a file system, opened with options that suit tests.
type disk struct {
	t  testing.TB
	fs fsys.FS
	*Dir
}

func tryOpen(f fsys.FS, c LogConfig) (*Dir, error) {
	return OpenDir(context.Background(), f, "/data", DirOptions{
		Default: c, Clock: func() time.Time { return testTime }, RecoveryThreads: 1})
}

func openDisk(t testing.TB, f fsys.FS, c LogConfig) *disk {
	t.Helper()
	d, err := tryOpen(f, c)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return &disk{t, f, d}
}

func (d *disk) create(tp TopicPartition, c LogConfig) *Log {
	d.t.Helper()
	l, err := d.Create(tp, TopicID{1}, c)
	if err != nil {
		d.t.Fatalf("create: %v", err)
	}
	return l
}

// records makes n records with distinct values and timestamps from ts on.
func records(n int, ts int64) []batch.Record {
	out := make([]batch.Record, n)
	for i := range out {
		out[i] = batch.Record{Timestamp: ts + int64(i), Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "v%d-%d", ts, i)}
	}
	return out
}

func build(t testing.TB, o batch.Options, r ...batch.Record) batch.Batch {
	t.Helper()
	b, err := batch.Build(o, r...)
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	return b
}

// plain is a client's batch of n records without a producer id.
func plain(t testing.TB, n int, ts int64) batch.Batch {
	t.Helper()
	return build(t, batch.NewOptions(), records(n, ts)...)
}

// idempotent is a client's batch with a producer's sequence.
func idempotent(t testing.TB, id int64, epoch int16, seq int32, n int) batch.Batch {
	t.Helper()
	o := batch.NewOptions()
	o.ProducerID, o.ProducerEpoch, o.BaseSequence = id, epoch, seq
	return build(t, o, records(n, testTime.UnixMilli())...)
}

func transactional(t testing.TB, id int64, epoch int16, seq int32, n int) batch.Batch {
	t.Helper()
	o := batch.NewOptions()
	o.ProducerID, o.ProducerEpoch, o.BaseSequence, o.Transactional = id, epoch, seq, true
	return build(t, o, records(n, testTime.UnixMilli())...)
}

func appendTo(t testing.TB, l *Log, b batch.Batch) AppendInfo {
	t.Helper()
	info, err := l.AppendAsLeader(b, 0, Client, testTime)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return info
}

// readAll reads the log from its start to its end.
func readAll(t testing.TB, l *Log) (out []batch.Record) {
	t.Helper()
	for at := l.StartOffset(); at < l.EndOffset(); {
		r, err := l.Read(at, 1<<20, l.EndOffset(), true)
		if err != nil {
			t.Fatalf("read at %d: %v", at, err)
		}
		if r.NextOffset == at {
			t.Fatalf("read at %d of [%d, %d): nothing", at, l.StartOffset(), l.EndOffset())
		}
		for b, err := range batch.All(r.Records) {
			if err == nil {
				err = b.Check()
			}
			if err != nil {
				t.Fatalf("read at %d: %v", at, err)
			}
			for rec, err := range b.Records() {
				if err != nil {
					t.Fatalf("read at %d: %v", at, err)
				}
				if rec.Offset >= at {
					out = append(out, batch.Record{Offset: rec.Offset, Timestamp: rec.Timestamp,
						Key: append([]byte(nil), rec.Key...), Value: append([]byte(nil), rec.Value...)})
				}
			}
		}
		at = r.NextOffset
	}
	return out
}
