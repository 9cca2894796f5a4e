package storage

import (
	"bytes"
	"encoding/hex"
	"math"
	"testing"

	"klab/broker/storage/batch"
	"klab/broker/storage/fsys"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Files that Apache Kafka 3.9's own classes wrote.
const (
	kafkaSnapshot      = "0001a18edf76000000010000000000000fa000030000000900000000000000c8000000000000018bcfe568640000000bffffffffffffffff"
	kafkaEmptySnapshot = "000148674bc700000000"
	kafkaOffsetIndex   = "000000050000106800000014000020d0"
	kafkaTimeIndex     = "0000018bcfe56800000000040000018bcfe5683200000013"
	kafkaTxnIndex      = "00000000000000000fa0000000000000006e00000000000000730000000000000070"
)

func TestSnapshotIsKafkas(t *testing.T) {
	p := &producer{id: 4000, epoch: 3, timestamp: 1700000000100, coordinatorEpoch: 11, txnFirst: -1}
	p.remember(producedBatch{lastOffset: 200, lastSeq: 9, timestamp: 1700000000100})
	for text, list := range map[string][]*producer{kafkaSnapshot: {p}, kafkaEmptySnapshot: nil} {
		if got := formatSnapshot(list); !bytes.Equal(got, unhex(t, text)) {
			t.Errorf("snapshot\n%x\n%s", got, text)
		}
		back, err := parseSnapshot(unhex(t, text))
		if err != nil || len(back) != len(list) || len(list) > 0 && *back[0] != *p {
			t.Errorf("parsed %+v, %v", back, err)
		}
	}
}

func TestIndexesAreKafkas(t *testing.T) {
	offsets := offsetIndex{newEntryFile(offsetEntrySize, 0), 100}
	offsets.add(105, 4200)
	offsets.add(120, 8400)
	times := timeIndex{newEntryFile(timeEntrySize, 0), 100}
	times.add(1700000000000, 104)
	times.add(1700000000050, 119)
	times.add(1700000000050, 130) // not above the last: no entry
	aborted := abortedIndex{newEntryFile(abortedEntrySize, 0)}
	aborted.add(AbortedTransaction{4000, 110, 115, 112})
	for text, data := range map[string][]byte{kafkaOffsetIndex: offsets.data, kafkaTimeIndex: times.data, kafkaTxnIndex: aborted.data} {
		if !bytes.Equal(data, unhex(t, text)) {
			t.Errorf("index\n%x\n%s", data, text)
		}
	}
	if o, p := offsets.at(1); o != 120 || p != 8400 {
		t.Errorf("entry (%d, %d)", o, p)
	}
	if ts, o := times.last(); ts != 1700000000050 || o != 119 {
		t.Errorf("entry (%d, %d)", ts, o)
	}
	if a := aborted.at(0); a != (AbortedTransaction{4000, 110, 115, 112}) {
		t.Errorf("entry %+v", a)
	}
}

func TestPartitionMetadataIsKafkas(t *testing.T) {
	const text = "version: 0\ntopic_id: ASNFZ4mrze_-3LqYdlQyEA"
	id := TopicID(unhex(t, "0123456789abcdeffedcba9876543210"))
	if got := formatPartitionMetadata(id); string(got) != text {
		t.Errorf("%q", got)
	}
	if back, err := parsePartitionMetadata([]byte(text)); err != nil || back != id {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{"", "version: 0", "version: -1\ntopic_id: ASNFZ4mrze_-3LqYdlQyEA", "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA", "version: 0\ntopic_id: x", "nothing"} {
		if id, err := parsePartitionMetadata([]byte(bad)); err == nil {
			t.Errorf("%q gives %v", bad, id)
		}
	}
}

func TestCheckpointIsKafkas(t *testing.T) {
	const text = "0\n2\nt 0 5\nt 1 9\n"
	offsets := map[TopicPartition]int64{{"t", 0}: 5, {"t", 1}: 9}
	if got := formatOffsets(offsets); string(got) != text {
		t.Errorf("%q", got)
	}
	back, err := parseOffsets([]byte(text))
	if err != nil || len(back) != 2 || back[TopicPartition{"t", 1}] != 9 {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{"1\n0\n", "0\n", "0\n1\n", "0\nx\n", "0\n0\n\n", "0\n1\nt 0\n", "0\n1\nt x 5\n", "0\n1\nt 0 5\nt 1 9\n", "0\n-1\n"} {
		if o, err := parseOffsets([]byte(bad)); err == nil {
			t.Errorf("%q gives %v", bad, o)
		}
	}
	for _, good := range []string{"", "0\n0\n", "0\r\n1\r\nt 0 5\r\n"} {
		if _, err := parseOffsets([]byte(good)); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func TestMetaProperties(t *testing.T) {
	const kafkas = "#\n#Sun Nov 22 16:05:10 UTC 2026\nbroker.id=1\nversion=0\ncluster.id=DT2ftdTfSsWqFoUdw7dj3g\n"
	m, err := parseMetaProperties([]byte(kafkas))
	if err != nil || m.BrokerID != 1 || m.ClusterID != "DT2ftdTfSsWqFoUdw7dj3g" {
		t.Fatalf("%+v, %v", m, err)
	}
	mem := fsys.NewMem()
	m.Other = map[string]string{"directory.id": "a b=c"}
	if _, ok, err := ReadMetaProperties(mem, "/data"); ok || err != nil {
		t.Errorf("of nothing: %v, %v", ok, err)
	}
	if err := WriteMetaProperties(mem, "/data", m); err != nil {
		t.Fatal(err)
	}
	back, ok, err := ReadMetaProperties(mem, "/data")
	if !ok || err != nil || !back.equal(m) {
		t.Errorf("read %+v, %v, %v", back, ok, err)
	}
	if _, err := parseMetaProperties([]byte("version=1\nnode.id=1\n")); err == nil {
		t.Error("a KRaft node's file is accepted")
	}
	if m, err := parseMetaProperties([]byte("cluster.id : x\\:y")); err != nil || m.BrokerID != -1 || m.ClusterID != "x:y" {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestTopicNames(t *testing.T) {
	for name, want := range map[string]folderKind{
		"orders-0": folderLive, "a-b-12": folderLive, "a.b-delete-3": folderLive,
		"orders-0.0123456789abcdef0123456789abcdef-delete": folderDeleted,
		"orders-0.0123456789abcdef0123456789abcdef-future": folderFuture,
		"orders-0.0123456789abcdef0123456789abcdef-stray":  folderStray,
		"lost+found": folderOther, "-1": folderOther, "orders-x": folderOther, "orders": folderOther,
	} {
		if tp, kind := parseFolder(name); kind != want {
			t.Errorf("%s is %v of kind %d, want %d", name, tp, kind, want)
		}
	}
	long := TopicPartition{string(bytes.Repeat([]byte("x"), 249)), math.MaxInt32}
	name := deletedName(long)
	if _, kind := parseFolder(name); kind != folderDeleted || len(name) != maxNameBytes {
		t.Errorf("%s (%d bytes) has kind %d", name, len(name), kind)
	}
}

func FuzzSmallFiles(f *testing.F) {
	for _, s := range []string{kafkaSnapshot, kafkaEmptySnapshot} {
		f.Add(unhex(f, s))
	}
	for _, s := range []string{"0\n2\nt 0 5\nt 1 9\n", "0\n1\n3 100\n", "version: 0\ntopic_id: ASNFZ4mrze_-3LqYdlQyEA", "broker.id=1\ncluster.id=x\\=y\nversion=0"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if list, err := parseSnapshot(data); err == nil && len(list) > 0 {
			restoreProducers(list)
		}
		if o, err := parseOffsets(data); err == nil {
			if back, err := parseOffsets(formatOffsets(o)); err != nil || len(back) != len(o) {
				t.Errorf("%v reads back as %v, %v", o, back, err)
			}
		}
		if e, err := parseEpochs(data); err == nil {
			for i := 1; i < len(e); i++ {
				if e[i].Epoch <= e[i-1].Epoch || e[i].Start <= e[i-1].Start {
					t.Errorf("epochs %v", e)
				}
			}
		}
		parsePartitionMetadata(data)
		if m, err := parseMetaProperties(data); err == nil {
			parseMetaProperties(m.format(testTime))
		}
	})
}

func FuzzIndexes(f *testing.F) {
	for _, s := range []string{kafkaOffsetIndex, kafkaTimeIndex, kafkaTxnIndex} {
		f.Add(unhex(f, s), int64(110))
	}
	f.Fuzz(func(t *testing.T, data []byte, at int64) {
		mem := fsys.NewMem()
		for _, suffix := range []string{logSuffix, indexSuffix, timeIndexSuffix, txnIndexSuffix} {
			if err := fsys.WriteFile(mem, "/"+numberedName(0, suffix), data); err != nil {
				t.Fatal(err)
			}
		}
		n := int64(len(data))
		s := openSegment(newFolder(mem, "/"), 0, segmentSizes{n, n, n, n}, testTime)
		s.endOffset()
		s.find(at)
		s.atTimestamp(at, 0)
		s.abortedIn(at, at+10, nil)
		s.maxTimestamp()
		if _, err := s.recover(n, 0, func(batch.Batch, *batch.Marker) error { return nil }); err != nil {
			t.Errorf("recover: %v", err)
		}
	})
}
