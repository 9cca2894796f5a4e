package txn

import (
	"encoding/hex"
	"reflect"
	"testing"

	"klab/broker/storage"
)

// Vectors of kafka-formats H, made by Kafka's own serializers.
func TestCodecAgreesWithKafka(t *testing.T) {
	if got := hex.EncodeToString(encodeKey("tx1")); got != "00000003747831" {
		t.Errorf("key: %s", got)
	}
	if id, ok, err := decodeKey([]byte{0, 0, 0, 3, 't', 'x', '1'}); id != "tx1" || !ok || err != nil {
		t.Errorf("key: %q %v %v", id, ok, err)
	}
	const at = 1_700_000_000_000
	for _, c := range []struct {
		hex string
		m   Metadata
	}{
		{"00000000000000000fa000030000ea6001000000010001740000000200000000000000010000018bcfe568010000018bcfe56800",
			Metadata{4000, 3, 60000, Ongoing, []storage.TopicPartition{{Topic: "t"}, {Topic: "t", Partition: 1}}, at + 1, at}},
		{"00000000000000000fa000000000ea6000ffffffff0000018bcfe56801ffffffffffffffff",
			Metadata{4000, 0, 60000, Empty, nil, at + 1, -1}},
	} {
		if got := hex.EncodeToString(encodeValue(&c.m)); got != c.hex {
			t.Errorf("%v:\n%s\nwant\n%s", c.m.State, got, c.hex)
		}
		b, _ := hex.DecodeString(c.hex)
		if got, err := decodeValue(b); err != nil || !reflect.DeepEqual(got, c.m) {
			t.Errorf("%v: %+v, %v", c.m.State, got, err)
		}
	}
	done := Metadata{ProducerID: 1, State: CompleteCommit}
	if got := hex.EncodeToString(encodeValue(&done)); got[32:42] != "0400000000" {
		t.Errorf("a completed id has an array of no partitions, not null: %s", got)
	}
}

// Version 1, as Kafka 4 writes it: compact arrays and tags.
func TestReadsTheFlexibleValue(t *testing.T) {
	b, _ := hex.DecodeString("0001" + "0000000000000fa0" + "0003" + "0000ea60" + "04" + "02" + "0274" + "02" + "00000007" + "00" +
		"0000018bcfe56801" + "0000018bcfe56800" + "01" + "00" + "08" + "0000000000000f9f")
	m, err := decodeValue(b)
	want := Metadata{4000, 3, 60000, CompleteCommit, []storage.TopicPartition{{Topic: "t", Partition: 7}}, 1_700_000_000_001, 1_700_000_000_000}
	if err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	if _, _, err := decodeKey(nil); err == nil {
		t.Error("a record without a key was accepted")
	}
	if _, ok, err := decodeKey([]byte{0, 1, 9, 9}); ok || err != nil {
		t.Errorf("an unknown key is to be skipped: %v %v", ok, err)
	}
	for _, text := range []string{"", "00", "0002", "ffff", "0000000000", "00000000000000000fa000000000ea6008ffffffff0000018bcfe56801ffffffffffffffff"} {
		b, _ := hex.DecodeString(text)
		if m, err := decodeValue(b); err == nil {
			t.Errorf("%q was accepted: %+v", text, m)
		}
	}
}

func FuzzDecodeKey(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x03tx1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, ok, err := decodeKey(b)
		if err != nil || !ok {
			return
		}
		if again, ok, err := decodeKey(encodeKey(id)); err != nil || !ok || again != id {
			t.Errorf("%q became %q, %v", id, again, err)
		}
	})
}

func FuzzDecodeValue(f *testing.F) {
	f.Add(encodeValue(&Metadata{ProducerID: 1, State: Ongoing, Partitions: []storage.TopicPartition{{Topic: "t"}}}))
	f.Add(encodeValue(&Metadata{ProducerID: 1}))
	f.Add([]byte("\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01\x02\x02t\x02\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeValue(b)
		if err != nil {
			return
		}
		if m.State == Empty {
			m.Partitions = nil // what is written of it
		}
		again, err := decodeValue(encodeValue(&m))
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}
