package batch

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"
)

// Batches that Apache Kafka 3.9's own serializers made.
const (
	kafkaPlain  = "000000000000006400000049000000070297f4442a0000000000010000018bcfe568000000018bcfe56805ffffffffffffffffffffffffffff000000021c000000046b31047631020268027810000a020104763200"
	kafkaTxn    = "00000000000000c80000003a000000070278a0b60a0010000000000000018bcfe568000000018bcfe568000000000000000fa00003000000090000000110000000026b027600"
	kafkaCommit = "00000000000000c9000000420000000702af51a6090030000000000000018bcfe568640000018bcfe568640000000000000fa00003ffffffff000000012000000008000000010c00000000000b00"
	kafkaAbort  = "00000000000000ca0000004200000007025b6f70410030000000000000018bcfe568640000018bcfe568640000000000000fa00003ffffffff000000012000000008000000000c00000000000b00"
	kafkaGzip   = "0000000000000000000000540000000002574a36580001000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff000000011f8b08000000000000ff9361606060c9366429336462ca60aa0000c4c8e1480f000000"

	kafkaTime = 1_700_000_000_000
)

func unhex(t testing.TB, s string) Batch {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func collect(t testing.TB, b Batch) (out []Record) {
	t.Helper()
	for r, err := range b.Records() {
		if err != nil {
			t.Fatalf("records: %v", err)
		}
		r.Key, r.Value, r.Headers = slices.Clone(r.Key), slices.Clone(r.Value), slices.Clone(r.Headers)
		for i := range r.Headers {
			r.Headers[i].Value = slices.Clone(r.Headers[i].Value)
		}
		out = append(out, r)
	}
	return out
}

func TestReadsKafkasBatches(t *testing.T) {
	for name, text := range map[string]string{"plain": kafkaPlain, "txn": kafkaTxn, "commit": kafkaCommit, "abort": kafkaAbort, "gzip": kafkaGzip} {
		if err := unhex(t, text).Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := unhex(t, kafkaPlain)
	if b.BaseOffset() != 100 || b.LastOffset() != 101 || b.LeaderEpoch() != 7 || b.Count() != 2 ||
		b.MaxTimestamp() != kafkaTime+5 || b.ProducerID() != None || b.Transactional() || b.Control() || b.LogAppendTime() {
		t.Errorf("header of %x", b[:HeaderSize])
	}
	records := collect(t, b)
	if len(records) != 2 || string(records[0].Key) != "k1" || string(records[0].Value) != "v1" ||
		records[0].Headers[0].Key != "h" || string(records[0].Headers[0].Value) != "x" ||
		records[1].Key != nil || string(records[1].Value) != "v2" || records[1].Timestamp != kafkaTime+5 || records[1].Offset != 101 {
		t.Errorf("records: %+v", records)
	}
	b = unhex(t, kafkaTxn)
	if !b.Transactional() || b.Control() || b.ProducerID() != 4000 || b.ProducerEpoch() != 3 || b.BaseSequence() != 9 || b.LastSequence() != 9 {
		t.Errorf("transactional header of %x", b[:HeaderSize])
	}
	if r := collect(t, unhex(t, kafkaGzip)); len(r) != 1 || string(r[0].Key) != "k1" || string(r[0].Value) != "v1" || r[0].Headers[0].Key != "h" {
		t.Errorf("gzip records: %+v", r)
	}
}

func TestReadsKafkasMarkers(t *testing.T) {
	for text, want := range map[string]Marker{kafkaCommit: {Commit, 11}, kafkaAbort: {Abort, 11}} {
		m, ok, err := unhex(t, text).Marker()
		if !ok || err != nil || m != want {
			t.Errorf("marker %+v, %v, %v, want %+v", m, ok, err, want)
		}
	}
}

func TestBuildsKafkasBytes(t *testing.T) {
	o := NewOptions()
	o.BaseOffset, o.LeaderEpoch = 100, 7
	plain, err := Build(o,
		Record{Timestamp: kafkaTime, Key: []byte("k1"), Value: []byte("v1"), Headers: []Header{{"h", []byte("x")}}},
		Record{Timestamp: kafkaTime + 5, Value: []byte("v2")})
	if err != nil || !bytes.Equal(plain, unhex(t, kafkaPlain)) {
		t.Errorf("plain, %v:\n%x\n%s", err, plain, kafkaPlain)
	}
	for typ, text := range map[ControlType]string{Commit: kafkaCommit, Abort: kafkaAbort} {
		m := BuildMarker(Marker{typ, 11}, 4000, 3, kafkaTime+100)
		m.SetBaseOffset(unhex(t, text).BaseOffset())
		m.SetLeaderEpoch(7)
		if !bytes.Equal(m, unhex(t, text)) {
			t.Errorf("marker:\n%x\n%s", m, text)
		}
	}
}

func TestCheckFindsEveryFlippedBit(t *testing.T) {
	good := unhex(t, kafkaPlain)
	for i := range good {
		if i < atLength || i >= atLeaderEpoch && i < atMagic {
			continue // what a leader assigns is not covered
		}
		bad := slices.Clone(good)
		bad[i] ^= 0x04
		if err := bad.Check(); !errors.Is(err, kerr.CorruptMessage) {
			t.Errorf("byte %d flipped: %v", i, err)
		}
		if err := CheckFrom(bytes.NewReader(bad)); err == nil {
			t.Errorf("byte %d flipped: CheckFrom is content", i)
		}
	}
	if err := CheckFrom(bytes.NewReader(good)); err != nil {
		t.Errorf("CheckFrom: %v", err)
	}
}

func TestNext(t *testing.T) {
	good := unhex(t, kafkaPlain)
	two := append(slices.Clone(good), good...)
	n := 0
	for _, err := range All(two) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d batches of 2", n)
	}
	for cut := range len(good) {
		want := ErrShort
		if cut == 0 {
			want = io.EOF
		}
		if _, err := Next(good[:cut]); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v, want %v", cut, err, want)
		}
	}
	if _, err := Next(make([]byte, 100)); !errors.Is(err, kerr.CorruptMessage) {
		t.Errorf("zero bytes: %v", err)
	}
}

func TestLegacyMessageSets(t *testing.T) {
	// offset 5, a message of format 1 with key "k" and value "v", without its checksum
	v1 := unhex(t, "000000000000000500000018"+"00000000"+"0100"+"0000018bcfe56800"+"000000016b"+"0000000176")
	if err := v1.Check(); !errors.Is(err, kerr.CorruptMessage) {
		t.Fatalf("a wrong checksum: %v", err)
	}
	binary.BigEndian.PutUint32(v1[atLegacyCRC:], crc32.ChecksumIEEE(v1[atMagic:]))
	if err := v1.Check(); err != nil {
		t.Fatal(err)
	}
	if !v1.Legacy() || v1.LastOffset() != 5 || v1.MaxTimestamp() != kafkaTime || v1.LeaderEpoch() != None || v1.Control() {
		t.Errorf("fields of %x", v1)
	}
	if err := CheckFrom(bytes.NewReader(v1)); err != nil {
		t.Errorf("CheckFrom: %v", err)
	}
	if _, err := v1.Validate(Rules{}); !errors.Is(err, kerr.InvalidRecord) {
		t.Errorf("validate: %v", err)
	}
}

func TestSequencesWrap(t *testing.T) {
	o := NewOptions()
	o.ProducerID, o.BaseSequence = 1, math.MaxInt32-1
	b, err := Build(o, make([]Record, 4)...)
	if err != nil || b.LastSequence() != 1 {
		t.Errorf("last sequence %d, %v, want 1", b.LastSequence(), err)
	}
}

func TestSetMaxTimestampRenewsTheChecksum(t *testing.T) {
	b := unhex(t, kafkaPlain)
	b.SetMaxTimestamp(42, true)
	if err := b.Check(); err != nil || !b.LogAppendTime() || b.MaxTimestamp() != 42 {
		t.Errorf("%v, %v, %d", err, b.LogAppendTime(), b.MaxTimestamp())
	}
	if r := collect(t, b); r[0].Timestamp != 42 || r[1].Timestamp != 42 {
		t.Errorf("records have timestamps %d, %d", r[0].Timestamp, r[1].Timestamp)
	}
	b.SetMaxTimestamp(kafkaTime+5, false)
	if !bytes.Equal(b, unhex(t, kafkaPlain)) {
		t.Error("setting it back does not give the same bytes")
	}
}

func genRecord(t *rapid.T) Record {
	field := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 100))
	r := Record{
		Timestamp: rapid.Int64Range(0, 1<<45).Draw(t, "timestamp"),
		Key:       field.Draw(t, "key"),
		Value:     field.Draw(t, "value"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "headers") {
		r.Headers = append(r.Headers, Header{rapid.String().Draw(t, "header"), field.Draw(t, "header value")})
	}
	return r
}

// What is built, in any codec, and compressed anew in any other, reads back.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := NewOptions()
		o.BaseOffset = rapid.Int64Range(0, 1<<40).Draw(t, "base")
		o.Codec = Codec(rapid.IntRange(0, int(codecs)-1).Draw(t, "codec"))
		want := rapid.SliceOfN(rapid.Custom(genRecord), 1, 20).Draw(t, "records")
		b, err := Build(o, want...)
		if err != nil {
			t.Fatal(err)
		}
		facts, err := b.Validate(Rules{LogAppendTime: true})
		if err != nil || facts.MaxTimestamp != b.MaxTimestamp() || want[facts.MaxTimestampDelta].Timestamp != b.MaxTimestamp() {
			t.Fatalf("validate: %+v, %v", facts, err)
		}
		to := Codec(rapid.IntRange(0, int(codecs)-1).Draw(t, "to"))
		again, err := b.Recompress(to, Levels{}, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range []Batch{b, again} {
			if err := b.Check(); err != nil {
				t.Fatal(err)
			}
			i := 0
			for r, err := range b.Records() {
				if err != nil {
					t.Fatal(err)
				}
				if r.Offset != o.BaseOffset+int64(i) || !same(r, want[i]) {
					t.Fatalf("record %d: %+v, want %+v", i, r, want[i])
				}
				i++
			}
			if i != len(want) {
				t.Fatalf("%d records of %d", i, len(want))
			}
			i = 0
			for s, err := range b.Stamps() {
				if err != nil || s != (Stamp{o.BaseOffset + int64(i), want[i].Timestamp}) {
					t.Fatalf("stamp %d: %+v, %v", i, s, err)
				}
				i++
			}
		}
	})
}

func same(a, b Record) bool {
	bytesEqual := func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
	return a.Timestamp == b.Timestamp && bytesEqual(a.Key, b.Key) && bytesEqual(a.Value, b.Value) &&
		slices.EqualFunc(a.Headers, b.Headers, func(a, b Header) bool { return a.Key == b.Key && bytesEqual(a.Value, b.Value) })
}

// Large records cross the scanner's buffer and snappy's blocks.
func TestLargeRecordsInAllCodecs(t *testing.T) {
	value := bytes.Repeat([]byte("all work and no play makes jack a dull boy "), 10_000)
	for c := range codecs {
		o := NewOptions()
		o.Codec = c
		b, err := Build(o, Record{Value: value}, Record{Key: []byte("k"), Value: value[1:]})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Validate(Rules{}); err != nil {
			t.Errorf("%v: %v", c, err)
		}
		if r := collect(t, b); !bytes.Equal(r[0].Value, value) || !bytes.Equal(r[1].Value, value[1:]) {
			t.Errorf("%v: values differ", c)
		}
	}
}

func FuzzBatch(f *testing.F) {
	for _, s := range []string{kafkaPlain, kafkaTxn, kafkaCommit, kafkaAbort, kafkaGzip} {
		f.Add([]byte(unhex(f, s)))
	}
	f.Add([]byte("0000000000000000\x02"))                                                               // ends within the header
	f.Add([]byte("00000000\x00\x00\x0010000\x02Md\x16\x14000000000000000000000000000000000000\xa0000")) // a negative count
	for c := range codecs {
		o := NewOptions()
		o.Codec = c
		b, err := Build(o, Record{Timestamp: 1, Key: []byte("k"), Value: make([]byte, 300)}, Record{Value: []byte("v")})
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		CheckFrom(bytes.NewReader(data))
		for b, err := range All(data) {
			if err != nil {
				return
			}
			b.Check()
			if b.Legacy() {
				continue
			}
			b.seal() // let the fuzzer behind the checksum
			facts, err := b.Validate(Rules{Now: kafkaTime})
			n := 0
			for _, err := range b.Records() {
				if err != nil {
					break
				}
				n++
			}
			if err == nil && (n != int(b.Count()) || facts.MaxTimestampDelta > b.Count()) {
				t.Errorf("validated %d records, read %d", b.Count(), n)
			}
			b.Marker()
		}
	})
}
