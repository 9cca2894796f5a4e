package storage

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

func TestAppendRefuses(t *testing.T) {
	c := DefaultLogConfig()
	c.MaxMessageBytes = 500
	small := c
	small.SegmentBytes = 200
	flipped := plain(t, 1, 0)
	flipped[len(flipped)-1] ^= 1
	for _, x := range []struct {
		name    string
		config  LogConfig
		records []byte
		want    *kerr.Error
	}{
		{"nothing", c, nil, kerr.InvalidRecord},
		{"half a batch", c, plain(t, 1, 0)[:40], kerr.CorruptMessage},
		{"zero bytes", c, make([]byte, 100), kerr.CorruptMessage},
		{"two batches", c, append(plain(t, 1, 0), plain(t, 1, 0)...), kerr.InvalidRecord},
		{"a flipped bit", c, flipped, kerr.CorruptMessage},
		{"more than max.message.bytes", c, plain(t, 100, 0), kerr.MessageTooLarge},
		{"more than segment.bytes", small, plain(t, 20, 0), kerr.RecordListTooLarge},
	} {
		l := openDisk(t, fsys.NewMem(), x.config).create(orders0, x.config)
		_, err := l.AppendAsLeader(x.records, 0, Client, testTime)
		if !errors.Is(err, x.want) || l.EndOffset() != 0 || l.Size() != 0 {
			t.Errorf("%s: %v, want %v; the log ends at %d", x.name, err, x.want, l.EndOffset())
		}
	}
}

func TestAppendAssigns(t *testing.T) {
	l := openDisk(t, fsys.NewMem(), DefaultLogConfig()).create(orders0, DefaultLogConfig())
	appendTo(t, l, plain(t, 3, 1000))
	info, err := l.AppendAsLeader(plain(t, 2, 2000), 7, Client, testTime)
	want := AppendInfo{FirstOffset: 3, LastOffset: 4, MaxTimestamp: 2001, OffsetOfMaxTimestamp: 4, LogAppendTime: -1, LastEpoch: 7, Bytes: info.Bytes}
	if err != nil || info != want {
		t.Errorf("%+v, %v, want %+v", info, err, want)
	}
	if epoch, end := l.EndOffsetForEpoch(0); epoch != 0 || end != 3 || l.LatestEpoch() != 7 {
		t.Errorf("epoch 0 ended as %d at %d, the latest is %d", epoch, end, l.LatestEpoch())
	}
}

func TestLogAppendTimeAndCompressionType(t *testing.T) {
	for _, codec := range []string{"producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"} {
		c := DefaultLogConfig()
		c.MessageTimestampType, c.CompressionType = "LogAppendTime", codec
		l := openDisk(t, fsys.NewMem(), c).create(orders0, c)
		info := appendTo(t, l, plain(t, 40, 5))
		if info.LogAppendTime != testTime.UnixMilli() || info.MaxTimestamp != testTime.UnixMilli() {
			t.Errorf("%s: %+v", codec, info)
		}
		r, err := l.Read(0, 1<<20, 40, true)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := batch.ParseCodec(codec)
		if b := batch.Batch(r.Records); b.Codec() != want || b.Check() != nil || !b.LogAppendTime() {
			t.Errorf("%s: codec %v, %v", codec, b.Codec(), b.Check())
		}
		got := readAll(t, l)
		if len(got) != 40 || string(got[39].Value) != "v5-39" || got[0].Timestamp != testTime.UnixMilli() {
			t.Errorf("%s: %d records, %+v", codec, len(got), got[0])
		}
	}
}

func TestFollowerRules(t *testing.T) {
	at := func(offset int64, n int) batch.Batch {
		b := plain(t, n, 0)
		b.SetBaseOffset(offset)
		b.SetLeaderEpoch(3)
		return b
	}
	l := openDisk(t, fsys.NewMem(), DefaultLogConfig()).create(orders0, DefaultLogConfig())
	if _, err := l.AppendAsFollower(append(at(0, 2), at(2, 3)...)); err != nil || l.EndOffset() != 5 {
		t.Fatalf("%v, end %d", err, l.EndOffset())
	}
	if _, err := l.AppendAsFollower(at(4, 2)); !errors.Is(err, kerr.OffsetOutOfRange) {
		t.Errorf("an overlap: %v", err)
	}
	if _, err := l.AppendAsFollower(append(at(5, 2), at(6, 2)...)); !errors.Is(err, kerr.OffsetOutOfRange) {
		t.Errorf("an overlap within: %v", err)
	}
	bad := append(at(5, 1), at(6, 1)...)
	bad[len(bad)-1] ^= 1
	if _, err := l.AppendAsFollower(bad); !errors.Is(err, kerr.CorruptMessage) || l.EndOffset() != 5 {
		t.Errorf("a flipped bit: %v, end %d", err, l.EndOffset())
	}
	// An empty log that begins within the leader's first batch restarts at that batch.
	if err := l.TruncateFullyAndStartAt(12); err != nil {
		t.Fatal(err)
	}
	info, err := l.AppendAsFollower(at(10, 5))
	if err != nil || l.StartOffset() != 12 || l.EndOffset() != 15 || info.FirstOffset != 10 {
		t.Errorf("%+v, %v: [%d, %d)", info, err, l.StartOffset(), l.EndOffset())
	}
	if r, err := l.Read(12, 1000, 15, true); err != nil || r.FirstOffset != 10 {
		t.Errorf("read: %+v, %v", r, err)
	}
}

func TestRollByTimeAndIndex(t *testing.T) {
	c := DefaultLogConfig()
	c.SegmentMs = 1000
	l := openDisk(t, fsys.NewMem(), c).create(orders0, c)
	for _, ts := range []int64{5000, 6000, 6001, 7000} {
		appendTo(t, l, plain(t, 1, ts))
	}
	if n := len(l.Segments()); n != 2 {
		t.Errorf("%d segments by time", n)
	}
	c = DefaultLogConfig()
	c.IndexIntervalBytes, c.SegmentIndexBytes = 0, 5*timeEntrySize
	l = openDisk(t, fsys.NewMem(), c).create(orders0, c)
	for i := range 12 {
		appendTo(t, l, plain(t, 1, int64(i)))
	}
	for _, s := range *l.segments.Load() {
		if s.times.bytes() > c.SegmentIndexBytes || s.offsets.bytes() > c.SegmentIndexBytes {
			t.Errorf("segment %d has indexes of %d and %d bytes", s.base, s.offsets.bytes(), s.times.bytes())
		}
	}
	if n := len(l.Segments()); n < 2 {
		t.Errorf("%d segments by index", n)
	}
}

func TestRetentionByTime(t *testing.T) {
	c := DefaultLogConfig()
	c.RetentionMs = 10_000
	mem := fsys.NewMem()
	d := openDisk(t, mem, c)
	l := d.create(orders0, c)
	now := testTime.UnixMilli()
	for i := range 3 {
		appendTo(t, l, plain(t, 10, now+int64(i)*5000))
		l.Roll()
	}
	maintain := func(after time.Duration, hw int64) int64 {
		d.Maintain(testTime.Add(after), func(TopicPartition) int64 { return hw })
		return l.StartOffset()
	}
	if start := maintain(10*time.Second, 30); start != 0 {
		t.Errorf("start %d before retention.ms", start)
	}
	if start := maintain(12*time.Second, 9); start != 0 {
		t.Errorf("start %d above the high watermark", start)
	}
	if start := maintain(12*time.Second, 30); start != 10 {
		t.Errorf("start %d after retention.ms of one segment", start)
	}
	if _, err := mem.Stat("/data/orders-0/" + numberedName(0, logSuffix+deletedSuffix)); err != nil {
		t.Errorf("the file waits for its removal under another name: %v", err)
	}
	appendTo(t, l, plain(t, 1, now))
	if start := maintain(time.Hour, 31); start != 31 || l.EndOffset() != 31 || l.Size() != 0 {
		t.Errorf("[%d, %d) of %d bytes after retention.ms of everything", start, l.EndOffset(), l.Size())
	}
	maintain(2*time.Hour, 31)
	d.RemoveDue(testTime.Add(2 * time.Hour))
	infos, _ := mem.ReadDir("/data/orders-0")
	if logs := slices.DeleteFunc(infos, func(i fsys.Info) bool {
		_, s, _ := parseNumbered(i.Name)
		return s != logSuffix && s != logSuffix+deletedSuffix
	}); len(logs) != 1 {
		t.Errorf("files %v", logs)
	}
}

// Message sets of format 0 and 1 survive a kill and are read as they are.
func TestLegacyMessageSetsSurvive(t *testing.T) {
	legacy := func(offset int64) []byte {
		b := binary.BigEndian.AppendUint64(nil, uint64(offset))
		b = binary.BigEndian.AppendUint32(b, 24)
		b = append(b, 0, 0, 0, 0, 1, 0)
		b = binary.BigEndian.AppendUint64(b, uint64(testTime.UnixMilli()+offset))
		b = append(b, 0, 0, 0, 1, 'k', 0, 0, 0, 1, 'v')
		binary.BigEndian.PutUint32(b[12:], crc32.ChecksumIEEE(b[16:]))
		return b
	}
	mem := fsys.NewMem()
	mem.MkdirAll("/data/orders-0")
	file := slices.Concat(legacy(0), legacy(1), legacy(2))
	torn := append(slices.Clone(file), legacy(3)[:30]...)
	if err := fsys.WriteFile(mem, "/data/orders-0/"+numberedName(0, logSuffix), torn); err != nil {
		t.Fatal(err)
	}
	l, _ := openDisk(t, mem, DefaultLogConfig()).Log(orders0)
	r, err := l.Read(1, 1000, 3, true)
	if err != nil || l.EndOffset() != 3 || !slices.Equal(r.Records, slices.Concat(legacy(1), legacy(2))) {
		t.Errorf("end %d, read %x, %v", l.EndOffset(), r.Records, err)
	}
	if offset, _, epoch, ok, err := l.OffsetForTimestamp(testTime.UnixMilli() + 2); offset != 2 || epoch != -1 || !ok || err != nil {
		t.Errorf("search: %d, %d, %v, %v", offset, epoch, ok, err)
	}
	appendTo(t, l, plain(t, 1, 0))
}
