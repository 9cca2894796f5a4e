package storage

import (
	"context"
	"os"
	"testing"
	"time"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

func TestZZDump(t *testing.T) {
	dir := os.Getenv("KLAB_DUMP")
	if dir == "" {
		return
	}
	os.RemoveAll(dir)
	c := DefaultLogConfig()
	c.SegmentBytes, c.IndexIntervalBytes = 6000, 300
	d, err := OpenDir(context.Background(), fsys.OS{}, dir, DirOptions{Default: c})
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.Create(orders0, TopicID{1, 2, 3}, c)
	if err != nil {
		t.Fatal(err)
	}
	l.AssignEpoch(3, 0)
	now := time.Now()
	ts := now.UnixMilli()
	add := func(b batch.Batch, origin Origin) {
		t.Helper()
		if _, err := l.AppendAsLeader(b, 3, origin, now); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 60 {
		o := batch.NewOptions()
		o.Codec = batch.Codec(i % 5)
		o.ProducerID, o.ProducerEpoch, o.BaseSequence = 7, 0, int32(i*20)
		add(build(t, o, records(20, ts+int64(i))...), Client)
	}
	add(transactional(t, 9, 1, 0, 3), Client)
	add(batch.BuildMarker(batch.Marker{Type: batch.Abort, CoordinatorEpoch: 4}, 9, 1, ts), Coordinator)
	add(transactional(t, 9, 1, 3, 3), Client)
	add(batch.BuildMarker(batch.Marker{Type: batch.Commit, CoordinatorEpoch: 4}, 9, 1, ts), Coordinator)
	add(transactional(t, 10, 1, 0, 3), Client)
	for _, codec := range []string{"gzip", "snappy", "lz4", "zstd", "uncompressed"} {
		c.CompressionType = codec
		l.SetConfig(c)
		add(plain(t, 50, ts), Client)
	}
	if os.Getenv("KLAB_KILL") != "" {
		d.Abandon()
		return
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
