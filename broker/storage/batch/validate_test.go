package batch

import (
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kerr"
)

// client is what a produce request must heed at kafkaTime.
var client = Rules{FromClient: true, Now: kafkaTime, BeforeMaxMs: math.MaxInt64, AfterMaxMs: math.MaxInt64}

func build(t testing.TB, o Options, r ...Record) Batch {
	t.Helper()
	b, err := Build(o, r...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// edit changes a field of a batch and seals it again.
func edit(b Batch, f func(Batch)) Batch {
	b = slices.Clone(b)
	f(b)
	b.seal()
	return b
}

func TestValidate(t *testing.T) {
	be := binary.BigEndian
	good := build(t, NewOptions(), Record{Timestamp: kafkaTime, Key: []byte("k")}, Record{Timestamp: kafkaTime + 7, Value: []byte("v")})
	withID := edit(good, func(b Batch) { be.PutUint64(b[atProducerID:], 4) })
	narrow := client
	narrow.BeforeMaxMs, narrow.AfterMaxMs = 10, 5
	keys := client
	keys.NeedKeys = true
	appendTime := narrow
	appendTime.LogAppendTime = true
	coordinator := client
	coordinator.FromClient = false
	for _, c := range []struct {
		name  string
		batch Batch
		rules Rules
		want  *kerr.Error
	}{
		{"good", good, client, nil},
		{"base offset", edit(good, func(b Batch) { b.SetBaseOffset(3) }), client, kerr.InvalidRecord},
		{"count above the range", edit(good, func(b Batch) { be.PutUint32(b[atCount:], 3) }), client, kerr.InvalidRecord},
		{"count 0", edit(good, func(b Batch) { be.PutUint32(b[atCount:], 0) }), client, kerr.InvalidRecord},
		{"count and range above the records", edit(good, func(b Batch) { be.PutUint32(b[atCount:], 3); be.PutUint32(b[atLastOffsetDelta:], 2) }), client, kerr.InvalidRecord},
		{"count and range below the records", edit(good, func(b Batch) { be.PutUint32(b[atCount:], 1); be.PutUint32(b[atLastOffsetDelta:], 0) }), client, kerr.InvalidRecord},
		{"a producer id without a sequence", withID, client, kerr.InvalidRecord},
		{"a producer id without a sequence, coordinator", withID, coordinator, nil},
		{"control", unhex(t, kafkaCommit), edited(client, 0), kerr.InvalidRecord},
		{"control, coordinator", unhex(t, kafkaCommit), coordinator, nil},
		{"timestamp type", edit(good, func(b Batch) { be.PutUint16(b[atAttributes:], attrLogAppendTime) }), appendTime, kerr.InvalidTimestamp},
		{"codec 5", edit(good, func(b Batch) { be.PutUint16(b[atAttributes:], 5) }), client, kerr.UnsupportedCompressionType},
		{"not gzip", edit(good, func(b Batch) { be.PutUint16(b[atAttributes:], 1) }), client, kerr.InvalidRecord},
		{"not snappy", edit(good, func(b Batch) { be.PutUint16(b[atAttributes:], 2) }), client, kerr.InvalidRecord},
		{"not lz4", edit(good, func(b Batch) { be.PutUint16(b[atAttributes:], 3) }), client, kerr.InvalidRecord},
		{"not zstd", edit(good, func(b Batch) { be.PutUint16(b[atAttributes:], 4) }), client, kerr.InvalidRecord},
		{"a record's length", edit(good, func(b Batch) { b[HeaderSize] += 2 }), client, kerr.InvalidRecord},
		{"a record's offset", edit(good, func(b Batch) { b[HeaderSize+3] = 2 }), client, kerr.InvalidRecord},
		{"a key of length -2", edit(good, func(b Batch) { b[HeaderSize+4] = 3 }), client, kerr.InvalidRecord},
		{"no key", good, keys, kerr.InvalidRecord},
		{"a timestamp ahead", good, narrow, kerr.InvalidTimestamp},
		{"a timestamp ahead, append time", good, appendTime, nil},
		{"a timestamp behind", edit(good, func(b Batch) { be.PutUint64(b[atBaseTimestamp:], kafkaTime-11) }), narrow, kerr.InvalidTimestamp},
	} {
		_, err := c.batch.Validate(c.rules)
		if c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	_, err := good.Validate(narrow)
	if e, ok := errors.AsType[*Error](err); !ok || len(e.Records) != 1 || e.Records[0].Index != 1 {
		t.Errorf("the refused records: %+v", err)
	}
}

func edited(r Rules, now int64) Rules { r.Now = now; return r }

// A batch of a few KB that decompresses to gigabytes is refused, in little memory.
func TestDecompressionBomb(t *testing.T) {
	bomb := zstdBomb(t, MaxDecompressed+1<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := bomb.Validate(client)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, kerr.InvalidRecord) {
		t.Errorf("validate: %v", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
		t.Errorf("it took %d MB", used>>20)
	}
	for _, err := range bomb.Records() {
		if err == nil {
			t.Error("a record came out")
		}
		break
	}
}

// zstdBomb is a batch of one record with a value of size zero bytes.
func zstdBomb(t *testing.T, size int) Batch {
	t.Helper()
	frame := &boundedBuffer{max: 1 << 20}
	w, err := zstd.NewWriter(frame, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	head := []byte{0, 0, 0, 1}
	head = binary.AppendVarint(head, int64(size))
	w.Write(binary.AppendVarint(nil, int64(len(head)+size+1)))
	w.Write(head)
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		w.Write(zeros)
	}
	w.Write(zeros[:size&(1<<20-1)+1])
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	empty := build(t, Options{Codec: Uncompressed, ProducerID: None, BaseSequence: None}, Record{})
	b := append(empty[:HeaderSize:HeaderSize], frame.data...)
	return edit(b, func(b Batch) {
		binary.BigEndian.PutUint32(b[atLength:], uint32(len(b)-Overhead))
		binary.BigEndian.PutUint16(b[atAttributes:], uint16(Zstd))
	})
}

// A frame that asks for the largest window is read all the same.
func TestZstdWideWindow(t *testing.T) {
	frame := &boundedBuffer{max: 1 << 20}
	w, err := zstd.NewWriter(frame, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(64<<20))
	if err != nil {
		t.Fatal(err)
	}
	plain := build(t, NewOptions(), Record{Value: []byte("v")})
	w.Write(plain.RecordBytes())
	w.Flush()
	w.Close()
	b := append(plain[:HeaderSize:HeaderSize], frame.data...)
	b = edit(b, func(b Batch) {
		binary.BigEndian.PutUint32(b[atLength:], uint32(len(b)-Overhead))
		binary.BigEndian.PutUint16(b[atAttributes:], uint16(Zstd))
	})
	if r := collect(t, b); string(r[0].Value) != "v" {
		t.Errorf("value %q", r[0].Value)
	}
}

func TestRecompressIsBounded(t *testing.T) {
	o := NewOptions()
	o.Codec = Gzip
	b := build(t, o, Record{Value: make([]byte, 100_000)})
	if _, err := b.Recompress(Uncompressed, Levels{}, 50_000); !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("recompress: %v", err)
	}
}

func TestRawSnappy(t *testing.T) {
	plain := build(t, NewOptions(), Record{Value: []byte("v")})
	raw := append(plain[:HeaderSize:HeaderSize], snappy.Encode(nil, plain.RecordBytes())...)
	raw = edit(raw, func(b Batch) {
		binary.BigEndian.PutUint32(b[atLength:], uint32(len(b)-Overhead))
		binary.BigEndian.PutUint16(b[atAttributes:], uint16(Snappy))
	})
	if r := collect(t, raw); string(r[0].Value) != "v" {
		t.Errorf("value %q", r[0].Value)
	}
}

// The words are those of Kafka 3.9, which clients show.
func TestRefusalsAreKafkas(t *testing.T) {
	b, err := Build(NewOptions(), Record{Timestamp: 5, Value: []byte("v")}, Record{Timestamp: 5, Key: []byte("k")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Validate(Rules{Topic: "orders", Partition: 3, NeedKeys: true, Now: 5, AfterMaxMs: 100, BeforeMaxMs: 100})
	e, ok := errors.AsType[*Error](err)
	record := "Compacted topic cannot accept message without key in topic partition orders-3"
	if !ok || e.Code != kerr.InvalidRecord || len(e.Records) != 1 || e.Records[0].Message != record || e.Message !=
		"One or more records have been rejected due to 1 record errors in total, and only showing the first three errors at most: [RecordError(batchIndex=0, message='"+record+"')]" {
		t.Errorf("a record without a key: %+v", e)
	}
	_, err = b.Validate(Rules{Now: 500, AfterMaxMs: 10, BeforeMaxMs: 100})
	e, ok = errors.AsType[*Error](err)
	if !ok || e.Code != kerr.InvalidTimestamp || e.Message != "One or more records have been rejected due to invalid timestamp" ||
		e.Records[1].Message != "Timestamp 5 of message with offset 1 is out of range. The timestamp should be within [400, 510]" {
		t.Errorf("an old record: %+v", e)
	}
}
