package storage

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

func benchLog(b *testing.B) *Log {
	d, err := OpenDir(context.Background(), fsys.OS{}, b.TempDir(), DirOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Abandon() })
	l, err := d.Create(orders0, TopicID{1}, DefaultLogConfig())
	if err != nil {
		b.Fatal(err)
	}
	return l
}

func benchBatch(b *testing.B, codec batch.Codec, n, size int) batch.Batch {
	o := batch.NewOptions()
	o.Codec = codec
	list := make([]batch.Record, n)
	for i := range list {
		list[i] = batch.Record{Timestamp: testTime.UnixMilli(), Value: fmt.Appendf(nil, "%0*d", size, i)}
	}
	return build(b, o, list...)
}

func BenchmarkAppendAsLeader(b *testing.B) {
	for _, codec := range []batch.Codec{batch.Uncompressed, batch.Gzip, batch.Snappy, batch.LZ4, batch.Zstd} {
		b.Run(codec.String(), func(b *testing.B) {
			l, template := benchLog(b), benchBatch(b, codec, 100, 100)
			buf := slices.Clone(template)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				copy(buf, template)
				if _, err := l.AppendAsLeader(buf, 0, Client, testTime); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReadTail(b *testing.B) {
	l, template := benchLog(b), benchBatch(b, batch.Uncompressed, 100, 100)
	for range 1000 {
		if _, err := l.AppendAsLeader(slices.Clone(template), 0, Client, testTime); err != nil {
			b.Fatal(err)
		}
	}
	buf := make([]byte, 1<<20)
	room := func(n int) []byte { return buf[:n] }
	at := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		r, err := l.ReadInto(room, at, 16<<10, l.EndOffset(), true)
		if err != nil {
			b.Fatal(err)
		}
		if at = r.NextOffset; at == l.EndOffset() {
			at = 0
		}
	}
}
