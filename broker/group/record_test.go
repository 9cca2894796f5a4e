package group

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"klab/broker/storage/batch"
)

// The bytes are those of Kafka 3.9's own serializers (kafka-formats H).
const (
	vectorOffsetKey   = "00010002673100017400000003"
	vectorOffset      = "0003000000000000002a0000000500000000018bcfe56800"
	vectorExpiring    = "0001000000000000002a00016d0000018bcfe568000000018bcfe65260"
	vectorOffset4     = "0004000000000000002a00000005010000018bcfe5680000"
	vectorGroupKey    = "000200026731"
	vectorGroup       = "00030008636f6e73756d657200000001000572616e67650003632d310000018bcfe56800000000010003632d31ffff000163000a2f3132372e302e302e31000493e00000afc80000000201020000000103"
	vectorEmptyGroup  = "00030008636f6e73756d657200000002ffffffff0000018bcfe5680000000000"
	vectorTime        = 1_700_000_000_000
	vectorGroupMember = "c-1"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func TestKeysAreKafkas(t *testing.T) {
	tp := TopicPartition{"t", 3}
	if got := writeOffsetKey("g1", tp); !bytes.Equal(got, unhex(vectorOffsetKey)) {
		t.Errorf("offset key %x", got)
	}
	if got := writeGroupKey("g1"); !bytes.Equal(got, unhex(vectorGroupKey)) {
		t.Errorf("group key %x", got)
	}
	for _, c := range []struct {
		hex  string
		want key
	}{
		{vectorOffsetKey, key{"g1", tp, offsetKey}},
		{"0000" + vectorOffsetKey[4:], key{"g1", tp, offsetKey}},
		{vectorGroupKey, key{group: "g1", kind: groupKey}},
		{"00030002673100", key{kind: unknownKey}}, // of KIP-848's coordinator
		{"000b", key{kind: unknownKey}},
	} {
		if got, err := readKey(unhex(c.hex)); err != nil || got != c.want {
			t.Errorf("%s is %+v, %v", c.hex, got, err)
		}
	}
	for _, bad := range []string{"", "00", "ffff", "0001", "00010002", vectorOffsetKey[:20]} {
		if _, err := readKey(unhex(bad)); err == nil {
			t.Errorf("%q passes for a key", bad)
		}
	}
}

func TestOffsetsAreKafkas(t *testing.T) {
	plain := Offset{At: 42, LeaderEpoch: 5, Committed: vectorTime, Expires: -1}
	expiring := Offset{At: 42, LeaderEpoch: -1, Metadata: "m", Committed: vectorTime, Expires: vectorTime + 60_000}
	if got := writeOffset(&plain); !bytes.Equal(got, unhex(vectorOffset)) {
		t.Errorf("offset %x", got)
	}
	if got := writeOffset(&expiring); !bytes.Equal(got, unhex(vectorExpiring)) {
		t.Errorf("expiring offset %x", got)
	}
	old := Offset{At: 42, LeaderEpoch: -1, Metadata: "m", Committed: vectorTime, Expires: -1}
	for hex, want := range map[string]Offset{
		vectorOffset:   plain,
		vectorExpiring: expiring,
		vectorOffset4:  plain,
		"0000000000000000002a00016d0000018bcfe56800": old,
		"0002000000000000002a00016d0000018bcfe56800": old,
	} {
		if got, err := readOffset(unhex(hex)); err != nil || got != want {
			t.Errorf("%s is %+v, %v", hex, got, err)
		}
	}
	for _, bad := range []string{"", "0005" + vectorOffset[4:], "ffff", vectorOffset[:20]} {
		if _, err := readOffset(unhex(bad)); err == nil {
			t.Errorf("%q passes for an offset", bad)
		}
	}
}

func TestGroupsAreKafkas(t *testing.T) {
	limits := &Limits{MaxSize: 10}
	for _, hex := range []string{vectorGroup, vectorEmptyGroup} {
		g, err := readGroup("g1", limits, unhex(hex))
		if err != nil {
			t.Fatal(err)
		}
		rec := g.metadataRecord(time.UnixMilli(vectorTime), g.assignments())
		if !bytes.Equal(rec[0].Value, unhex(hex)) || !bytes.Equal(rec[0].Key, unhex(vectorGroupKey)) {
			t.Errorf("%s\nis written as\n%x", hex, rec[0].Value)
		}
	}
	g, _ := readGroup("g1", limits, unhex(vectorGroup))
	d := g.Describe()
	if d.State != Stable || d.Protocol != "range" || d.ProtocolType != "consumer" || len(d.Members) != 1 || g.Generation() != 1 {
		t.Errorf("%+v", d)
	}
	m := d.Members[0]
	if m.MemberID != vectorGroupMember || m.ClientID != "c" || m.Host != "/127.0.0.1" || !bytes.Equal(m.Metadata, []byte{1, 2}) || !bytes.Equal(m.Assignment, []byte{3}) {
		t.Errorf("%+v", m)
	}
	for _, bad := range []string{"", "0005", vectorGroup[:40], "0003" + "0001" + "63" + "00000001" + "ffff" + "ffff" + "0000018bcfe56800" + vectorGroup[60:]} {
		if _, err := readGroup("g1", limits, unhex(bad)); err == nil {
			t.Errorf("%q passes for a group", bad)
		}
	}
}

func FuzzRecords(f *testing.F) {
	for _, k := range []string{vectorOffsetKey, vectorGroupKey, "000300026731"} {
		for _, v := range []string{vectorOffset, vectorExpiring, vectorOffset4, vectorGroup, vectorEmptyGroup, ""} {
			f.Add(unhex(k), unhex(v), true)
		}
	}
	f.Fuzz(func(t *testing.T, key, value []byte, present bool) {
		limits := &Limits{MaxSize: 10, Retention: time.Hour}
		if !present {
			value = nil
		}
		b, err := batch.Build(batch.NewOptions(), batch.Record{Key: key, Value: value})
		if err != nil {
			t.Skip()
		}
		l := newLoading(limits)
		if l.replay(b) != nil {
			return
		}
		now := time.UnixMilli(vectorTime)
		for id, g := range l.result(now) {
			g.Loaded(now)
			g.Fetch(nil, true)
			g.Describe()
			g.Tick(now.Add(time.Hour))
			g.Clean(now.Add(time.Hour))
			if g.ID() != id {
				t.Errorf("group %q is found as %q", g.ID(), id)
			}
		}
	})
}

func FuzzSubscription(f *testing.F) {
	f.Add(subscriptionOf("a,b"))
	f.Fuzz(func(t *testing.T, b []byte) {
		topics, ok := subscription(b)
		if ok && len(topics) > len(b) {
			t.Errorf("%d topics in %d bytes", len(topics), len(b))
		}
	})
}
