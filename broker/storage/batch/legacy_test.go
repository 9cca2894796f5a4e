package batch

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"
)

// Message sets that Apache Kafka 3.9's MemoryRecordsBuilder made, of the records in kafkaMessages at offsets 100, 101, 103.
var kafkaSets = []struct {
	magic     int8
	codec     Codec
	canonical bool // a compressor has no choice
	hex       string
}{
	{0, Uncompressed, true, "00000000000000640000001257e7496e0000000000026b31000000027631000000000000006500000010d5960a780000ffffffff000000027632000000000000006700000010b643ca6a0000000000026b33ffffffff"},
	{0, Gzip, false, "00000000000000670000005511da90f40001ffffffff000000471f8b08000000000000ff636000831420160a7fee9907e631651b82c832438824432a100b5c9dc655c1c0f01f08c0724650b97490dc36e75359509dc6201500bb6731bf56000000"},
	{0, Snappy, false, "00000000000000670000006df6bf9e7a0002ffffffff0000005f82534e415050590000000001000000010000004b560000090120640000001257e7496e050f1c026b31000000027601060101386500000010d5960a780000ffffffff051c0432000901506700000010b643ca6a0000000000026b33ffffffff"},
	{0, LZ4, false, "0000000000000067000000688434a7cf0003ffffffff0000005a04224d1860401a4b0000001200010091640000001257e7496e0f0080026b3100000002760600000200f1006500000010d5960a780000ffffffff1c001032190040000000671c0041b643ca6a0e0070026b33ffffffff00000000"},
	{1, Uncompressed, true, "00000000000000640000001aa5da6a6201000000018bcfe56800000000026b31000000027631000000000000006500000018820bfd0301000000018bcfe56805ffffffff000000027632000000000000006700000018096bf75201000000018bcfe56803000000026b33ffffffff"},
	{1, Gzip, false, "000000000000006700000066bba4343b01010000018bcfe56805ffffffff000000501f8b08000000000000ff63608003a9a5b7b29218810cc6eef34f3340224cd98620b2cc10aa022429d1c4fd9719ae8af53f1080d51841d53083d470667f0f82ab61069b640c5209000b21585c6e000000"},
	{1, Snappy, false, "000000000000006700000080a83601ce01020000018bcfe56805ffffffff0000006a82534e41505059000000000100000001000000566e00001901341aa5da6a6201000000018bcfe56801181c026b31000000027601060101011d1018820bfd03010905261005ffffffff0524003201212c0000000300000018096bf75215242803000000026b33ffffffff"},
	{1, LZ4, false, "00000000000000670000007d5b4fcc4501030000018bcfe56805ffffffff0000006704224d186040825800000016000100e01aa5da6a6201000000018bcfe568180080026b3100000002760600000200001d005018820bfd0309000126005105ffffffff240010322100c50000000300000018096bf7522400b003000000026b33ffffffff00000000"},
}

// kafkaBatches are the same records as Kafka 3.9's batches of format 2.
var kafkaBatches = map[Codec]string{
	Uncompressed: "00000000000000640000004effffffff02b0d3c9fa0000000000030000018bcfe568000000018bcfe56805ffffffffffffffffffffffffffff0000000314000000046b310476310010000a02010476320010000606046b330100",
	Gzip:         "000000000000006400000060ffffffff02938a60e90001000000030000018bcfe568000000018bcfe56805ffffffffffffffffffffffffffff000000031f8b08000000000000ff1361606060c936642933641060e062626429330232d8d858b28d191900ab9f375d1d000000",
	Snappy:       "000000000000006400000064ffffffff023bbf67a00002000000030000018bcfe568000000018bcfe56805ffffffffffffffffffffffffffff0000000382534e415050590000000001000000010000001f1d7014000000046b310476310010000a02010476320010000606046b330100",
	LZ4:          "00000000000000640000005dffffffff02f65aff830003000000030000018bcfe568000000018bcfe56805ffffffffffffffffffffffffffff0000000304224d186040821d00008014000000046b310476310010000a02010476320010000606046b33010000000000",
}

// kafkaAppendTime is a gzip set of format 1 whose timestamps are the broker's.
const kafkaAppendTime = "000000000000006700000065c7f0fabb01090000018bcfe56863ffffffff0000004f1f8b08000000000000ff636080032963c1ab2d8c1c0c0c8cdde79f6624034598b20d41649921540523104b189fdef317a1ea3f1080d51841d53083d404c8d5bc4733c918a41200d35634506e000000"

var kafkaMessages = []Record{
	{Offset: 100, Timestamp: kafkaTime, Key: []byte("k1"), Value: []byte("v1")},
	{Offset: 101, Timestamp: kafkaTime + 5, Value: []byte("v2")},
	{Offset: 103, Timestamp: kafkaTime + 3, Key: []byte("k3")},
}

// messagesOf reads all outer messages of a set.
func messagesOf(t testing.TB, set []byte) (out []Record) {
	t.Helper()
	for b, err := range All(set) {
		if err == nil {
			err = b.Check()
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, collect(t, b)...)
	}
	return out
}

func sameRecords(got, want []Record, magic int8) bool {
	return slices.EqualFunc(got, want, func(a, b Record) bool {
		if magic == 0 {
			b.Timestamp = None
		}
		return a.Offset == b.Offset && same(a, Record{Timestamp: b.Timestamp, Key: b.Key, Value: b.Value})
	})
}

func TestReadsKafkasMessageSets(t *testing.T) {
	for _, v := range kafkaSets {
		if got := messagesOf(t, unhex(t, v.hex)); !sameRecords(got, kafkaMessages, v.magic) {
			t.Errorf("format %d, %v: %+v", v.magic, v.codec, got)
		}
	}
	for i, r := range messagesOf(t, unhex(t, kafkaAppendTime)) {
		if r.Timestamp != kafkaTime+99 || r.Offset != kafkaMessages[i].Offset {
			t.Errorf("append time: %+v", r)
		}
	}
}

// Downgrading Kafka's batches gives Kafka's message sets: byte for byte where no compressor has a choice.
func TestDowngradesAsKafkaDoes(t *testing.T) {
	for _, v := range kafkaSets {
		got, err := Downgrade(unhex(t, kafkaBatches[v.codec]), v.magic, 100)
		if err != nil {
			t.Errorf("format %d, %v: %v", v.magic, v.codec, err)
			continue
		}
		if v.canonical && hex.EncodeToString(got) != v.hex {
			t.Errorf("format %d, %v:\n%x\n%s", v.magic, v.codec, got, v.hex)
		}
		if records := messagesOf(t, got); !sameRecords(records, kafkaMessages, v.magic) {
			t.Errorf("format %d, %v: %+v", v.magic, v.codec, records)
		}
		want := unhex(t, v.hex)
		if head := legacyHeader(v.magic) + 4; v.codec != Uncompressed && !bytes.Equal(got[atMagic:head], want[atMagic:head]) {
			t.Errorf("format %d, %v: the outer header is %x, want %x", v.magic, v.codec, got[atMagic:head], want[atMagic:head])
		}
		if v.codec == LZ4 && !bytes.Equal(got[legacyHeader(v.magic)+8:][:7], want[legacyHeader(v.magic)+8:][:7]) {
			t.Errorf("format %d: the LZ4 header is %x", v.magic, got[legacyHeader(v.magic)+8:][:7])
		}
	}
}

func TestDowngradeLeavesOut(t *testing.T) {
	plain := unhex(t, kafkaBatches[Uncompressed])
	got, err := Downgrade(slices.Concat(plain, unhex(t, kafkaCommit)), 1, 103)
	if err != nil || !sameRecords(messagesOf(t, got), kafkaMessages[2:], 1) {
		t.Errorf("records below the fetched offset, and markers, go: %x, %v", got, err)
	}
	o := NewOptions()
	o.Codec = Zstd
	zstd, err := Build(o, Record{Value: []byte("v")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Downgrade(zstd, 1, 0); !errors.Is(err, kerr.UnsupportedCompressionType) {
		t.Errorf("zstd: %v", err)
	}
	if got, err := Downgrade(slices.Concat(plain, zstd), 1, 100); err != nil || len(messagesOf(t, got)) != 3 {
		t.Errorf("before zstd: %x, %v", got, err)
	}
	old := unhex(t, kafkaSets[0].hex)
	if got, err := Downgrade(old, 1, 100); err != nil || !bytes.Equal(got, old) {
		t.Errorf("an older format stays: %x, %v", got, err)
	}
}

func TestUpgrade(t *testing.T) {
	for _, v := range kafkaSets {
		b, err := Upgrade(append(unhex(t, v.hex), 0, 0, 0), 1<<20)
		if err != nil || b.Magic() != 2 || b.Codec() != v.codec || b.BaseOffset() != 0 || b.LastOffset() != 2 || b.ProducerID() != None {
			t.Errorf("format %d, %v: %x, %v", v.magic, v.codec, b, err)
			continue
		}
		if _, err := b.Validate(Rules{FromClient: true, LogAppendTime: true}); err != nil {
			t.Errorf("format %d, %v: %v", v.magic, v.codec, err)
		}
		want := slices.Clone(kafkaMessages)
		for i := range want {
			want[i].Offset = int64(i)
		}
		if got := collect(t, b); !sameRecords(got, want, v.magic) {
			t.Errorf("format %d, %v: %+v", v.magic, v.codec, got)
		}
	}
	if b, err := Upgrade(nil, 100); b != nil || err != nil {
		t.Errorf("an empty set: %x, %v", b, err)
	}
}

func TestUpgradeRefuses(t *testing.T) {
	gzip := unhex(t, kafkaSets[5].hex)
	damaged := slices.Clone(gzip)
	damaged[40] ^= 1
	inner := (&legacyWriter{magic: 1, codec: Uncompressed}).message(nil, Gzip, 0, 1, nil, []byte("x"))
	nested := legacyWriter{magic: 1, codec: Snappy, inner: inner, count: 1}
	twice, err := nested.appendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	torn := unhex(t, kafkaSets[4].hex)
	binary.BigEndian.PutUint32(torn[26:], 1000) // the key's length
	end := Batch(torn).Size()
	binary.BigEndian.PutUint32(torn[atLegacyCRC:], crc32.ChecksumIEEE(torn[atMagic:end]))
	for name, test := range map[string]struct {
		set  []byte
		want *kerr.Error
	}{
		"two compressed":        {slices.Concat(gzip, gzip), kerr.InvalidRecord},
		"plain then compressed": {slices.Concat(unhex(t, kafkaSets[4].hex), gzip), kerr.InvalidRecord},
		"damaged":               {damaged, kerr.CorruptMessage},
		"compressed twice":      {twice, kerr.InvalidRecord},
		"a torn key":            {torn, kerr.InvalidRecord},
		"append time":           {unhex(t, kafkaAppendTime), kerr.InvalidTimestamp},
		"a batch of format 2":   {slices.Concat(unhex(t, kafkaSets[4].hex), unhex(t, kafkaPlain)), kerr.InvalidRecord},
	} {
		if _, err := Upgrade(test.set, 1<<20); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	if _, err := Upgrade(gzip, len(gzip)-1); !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

// What is downgraded and upgraded again is the same but for headers, and for the timestamps of format 0.
func TestLegacyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := NewOptions()
		o.Codec = Codec(rapid.IntRange(0, int(LZ4)).Draw(t, "codec"))
		magic := int8(rapid.IntRange(0, 1).Draw(t, "magic"))
		want := rapid.SliceOfN(rapid.Custom(genRecord), 1, 20).Draw(t, "records")
		b, err := Build(o, want...)
		if err != nil {
			t.Fatal(err)
		}
		old, err := Downgrade(b, magic, 0)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Upgrade(old, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		for r, err := range again.Records() {
			if err != nil || r.Offset != int64(i) || !sameRecords([]Record{{Timestamp: r.Timestamp, Key: r.Key, Value: r.Value}}, []Record{{Timestamp: want[i].Timestamp, Key: want[i].Key, Value: want[i].Value}}, magic) {
				t.Fatalf("record %d: %+v, %v, want %+v", i, r, err, want[i])
			}
			i++
		}
		if i != len(want) {
			t.Fatalf("%d records of %d", i, len(want))
		}
	})
}

func FuzzLegacy(f *testing.F) {
	for _, v := range kafkaSets {
		f.Add([]byte(unhex(f, v.hex)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		Upgrade(data, 1<<20)
		for b, err := range All(data) {
			if err != nil {
				return
			}
			if b.Legacy() { // let the fuzzer behind the outer checksum
				binary.BigEndian.PutUint32(b[atLegacyCRC:], crc32.ChecksumIEEE(b[atMagic:]))
			}
		}
		b, err := Upgrade(data, 1<<20)
		if err != nil || b == nil {
			return
		}
		if err := b.Check(); err != nil {
			t.Fatal(err)
		}
		for _, magic := range []int8{0, 1} {
			if _, err := Downgrade(b, magic, 0); err != nil {
				t.Fatalf("what was upgraded cannot be downgraded to %d: %v", magic, err)
			}
		}
	})
}
