//go:build e2e || interop

package e2e

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// produceSession is about Produce and, without transactions, InitProducerId.
func produceSession(s *rawScript) {
	s.topic("produce", [][]int32{{1, 2, 3}, {2, 3, 1}}, keepForever)
	good := batchSpec{values: []string{"a", "b"}}.build()
	for _, acks := range []int16{1, -1} {
		s.versions(fmt.Sprintf("produce with acks %d", acks), 1, 3, 11, func(int16) kmsg.Request { return produceOf(acks, "produce", good) })
	}
	s.versions("produce with acks 0", 1, 3, 11, func(int16) kmsg.Request { return produceOf(0, "produce", good) })
	s.versions("produce with acks 2", 1, 3, 11, func(int16) kmsg.Request { return produceOf(2, "produce", good) })
	s.versions("produce with acks -2", 1, 3, 11, func(int16) kmsg.Request { return produceOf(-2, "produce", good) })
	s.versions("produce a record batch in an old version", 1, 0, 2, func(int16) kmsg.Request { return produceOf(-1, "produce", good) })
	s.each("produce to an unknown topic", 1, func(v int16) kmsg.Request { return produceOf(-1, "none", recordsFor(v)) })
	s.each("produce to a topic without a name", 1, func(v int16) kmsg.Request { return produceOf(-1, "", recordsFor(v)) })
	s.each("produce to an impossible topic", 1, func(v int16) kmsg.Request { return produceOf(-1, "a b", recordsFor(v)) })
	s.each("produce to an internal topic", 1, func(v int16) kmsg.Request { return produceOf(-1, "__consumer_offsets", recordsFor(v)) })
	s.each("produce to a follower", 2, func(v int16) kmsg.Request { return produceOf(-1, "produce", recordsFor(v)) })
	s.each("produce to unknown partitions", 1, func(v int16) kmsg.Request {
		req := produceOf(-1, "produce", recordsFor(v), recordsFor(v))
		req.Topics[0].Partitions[0].Partition, req.Topics[0].Partitions[1].Partition = 7, -1
		return req
	})
	s.each("produce to a leader and a follower at once", 1, func(v int16) kmsg.Request {
		req := produceOf(-1, "produce", recordsFor(v), recordsFor(v))
		return req
	})
	s.each("produce nothing", 1, func(int16) kmsg.Request {
		req := produceOf(-1, "produce")
		req.Topics = []kmsg.ProduceRequestTopic{}
		return req
	})
	s.each("produce to a topic without partitions", 1, func(int16) kmsg.Request { return produceOf(-1, "produce") })
	s.each("produce empty records", 1, func(int16) kmsg.Request { return produceOf(-1, "produce", []byte{}) })
	batchSteps(s)
	codecSteps(s)
	timestampSteps(s)
	limitSteps(s)
	idempotenceSteps(s)
}

// recordsFor is what a version's clients send.
func recordsFor(version int16) []byte {
	switch {
	case version < 2:
		return oldMessages(0, 0, "a")
	case version < 3:
		return oldMessages(1, 0, "a")
	}
	return batchSpec{values: []string{"a"}}.build()
}

func batchSteps(s *rawScript) {
	s.topic("batches", [][]int32{{1, 2, 3}}, keepForever)
	edit := func(edit func(b []byte)) []byte {
		b := batchSpec{values: []string{"x"}}.build()
		edit(b)
		return b
	}
	resealed := func(change func(b []byte)) []byte { return sealed(edit(change)) }
	whole := batchSpec{values: []string{"x"}}.build()
	for _, c := range []struct {
		name  string
		bytes []byte
	}{
		{"with a wrong CRC", edit(func(b []byte) { b[len(b)-1] ^= 1 })},
		{"longer than its bytes", edit(func(b []byte) { binary.BigEndian.PutUint32(b[8:], 1<<30) })},
		{"shorter than a header", edit(func(b []byte) { binary.BigEndian.PutUint32(b[8:], 10) })},
		{"with a negative length", edit(func(b []byte) { binary.BigEndian.PutUint32(b[8:], 1<<31) })},
		{"that is cut", whole[:len(whole)-3]},
		{"that is cut in its head", whole[:9]},
		{"of magic 9", edit(func(b []byte) { b[16] = 9 })},
		{"of magic 3", edit(func(b []byte) { b[16] = 3 })},
		{"of magic 0", oldMessages(0, 0, "x")},
		{"of magic 1", oldMessages(1, 0, "x")},
		{"with a count above its records", resealed(func(b []byte) {
			binary.BigEndian.PutUint32(b[57:], 7)
			binary.BigEndian.PutUint32(b[23:], 6)
		})},
		{"with a count below its records", sealedCount(batchSpec{values: []string{"x", "y"}}.build(), 1)},
		{"with a count unlike its last delta", resealed(func(b []byte) { binary.BigEndian.PutUint32(b[57:], 7) })},
		{"with a count of 0", resealed(func(b []byte) { binary.BigEndian.PutUint32(b[57:], 0) })},
		{"with a negative count", resealed(func(b []byte) { binary.BigEndian.PutUint32(b[57:], 1<<31) })},
		{"that is a control batch", batchSpec{values: []string{"x"}, attributes: 0x20}.build()},
		{"with unknown attributes", batchSpec{values: []string{"x"}, attributes: 0x700}.build()},
		{"with an unknown codec", batchSpec{values: []string{"x"}, attributes: 7}.build()},
		{"whose codec does not fit its bytes", resealed(func(b []byte) { b[22] = 1 })},
		{"whose first offset is 100", edit(func(b []byte) { binary.BigEndian.PutUint64(b, 100) })},
		{"whose leader epoch is 7", edit(func(b []byte) { binary.BigEndian.PutUint32(b[12:], 7) })},
		{"twice", append(batchSpec{values: []string{"x"}}.build(), whole...)},
		{"followed by rubbish", append(batchSpec{values: []string{"x"}}.build(), 1, 2, 3)},
		{"whose record has a wrong length", resealed(func(b []byte) { b[61] = 2 })},
		{"without records", batchSpec{}.build()},
		{"that is transactional without a producer", batchSpec{values: []string{"x"}, attributes: 0x10}.build()},
		{"with log append time set by the client", batchSpec{values: []string{"x"}, attributes: 8}.build()},
		{"with a max timestamp that is wrong", resealed(func(b []byte) { binary.BigEndian.PutUint64(b[35:], rawEpochMs+5000) })},
	} {
		s.versions("produce a batch "+c.name, 1, 3, 3, func(int16) kmsg.Request { return produceOf(-1, "batches", c.bytes) })
		s.versions("produce a batch "+c.name, 1, 8, 8, func(int16) kmsg.Request { return produceOf(-1, "batches", c.bytes) })
	}
	s.fetchAll("what became of the batches", 1, "batches", 0)
	s.topic("odd", [][]int32{{1, 2, 3}}, keepForever)
	odd := resealed(func(b []byte) { b[64] = 4 })
	s.versions("produce a batch whose record has another offset delta", 1, 8, 8, func(int16) kmsg.Request { return produceOf(-1, "odd", odd) })
}

func sealedCount(b []byte, count uint32) []byte {
	binary.BigEndian.PutUint32(b[57:], count)
	return sealed(b)
}

var codecNames = []string{"none", "gzip", "snappy", "lz4", "zstd"}

func codecSteps(s *rawScript) {
	assignment := [][]int32{{1, 2, 3}}
	for _, kind := range []string{"producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"} {
		topic := "codec-" + kind
		s.topic(topic, assignment, keepForever, "compression.type="+kind)
		for codec, name := range codecNames {
			b := batchSpec{values: []string{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "b"}, attributes: int16(codec)}.build()
			s.versions("produce "+name+" to a topic of "+kind, 1, 7, 7, func(int16) kmsg.Request { return produceOf(-1, topic, b) })
		}
		s.fetchAll("the batches in a topic of "+kind, 1, topic, 0)
	}
	s.versions("produce zstd", 1, 3, 11, func(int16) kmsg.Request {
		return produceOf(-1, "codec-producer", batchSpec{values: []string{"z"}, attributes: 4}.build())
	})
	for _, magic := range []byte{0, 1} {
		topic := fmt.Sprintf("old-magic-%d", magic)
		s.topic(topic, assignment, keepForever)
		s.versions("produce old messages of magic "+fmt.Sprint(magic), 1, 0, 3, func(int16) kmsg.Request {
			return produceOf(-1, topic, oldMessages(magic, 0, "a", "b"))
		})
		for codec, name := range codecNames[:4] {
			wrapped := oldMessage(magic, byte(codec), 0, compressed(int16(codec), oldMessages(magic, 0, "c", "d")))
			if codec == 0 {
				continue
			}
			s.versions("produce old messages of magic "+fmt.Sprint(magic)+" with "+name, 1, 2, 2, func(int16) kmsg.Request { return produceOf(-1, topic, wrapped) })
		}
		broken := oldMessages(magic, 0, "e")
		broken[len(broken)-1] ^= 1
		s.versions("produce an old message with a wrong CRC, magic "+fmt.Sprint(magic), 1, 0, 2, func(int16) kmsg.Request { return produceOf(-1, topic, broken) })
		s.fetchAll("the old messages of magic "+fmt.Sprint(magic), 1, topic, 0)
	}
}

func timestampSteps(s *rawScript) {
	s.topic("append-time", [][]int32{{1, 2, 3}}, "message.timestamp.type=LogAppendTime")
	s.versions("produce to a topic with append time", 1, 3, 11, func(int16) kmsg.Request {
		return produceOf(-1, "append-time", batchSpec{values: []string{"a", "b"}}.build())
	})
	s.fetchAll("batches with append time", 1, "append-time", 0)
	s.topic("narrow-time", [][]int32{{1, 2, 3}}, keepForever, "message.timestamp.before.max.ms=1000", "message.timestamp.after.max.ms=1000")
	for _, c := range []struct {
		name  string
		first int64
	}{{"too old", rawEpochMs}, {"far in the future", 4_000_000_000_000}, {"without a time", -1}} {
		s.versions("produce a record "+c.name, 1, 7, 8, func(int16) kmsg.Request {
			return produceOf(-1, "narrow-time", batchSpec{values: []string{"a", "b"}, first: c.first}.build())
		})
	}
}

func limitSteps(s *rawScript) {
	s.topic("small", [][]int32{{1, 2, 3}}, keepForever, "max.message.bytes=200")
	s.versions("produce a batch above max.message.bytes", 1, 7, 8, func(int16) kmsg.Request {
		return produceOf(-1, "small", batchSpec{values: []string{longName(300)}}.build())
	})
	s.topic("tiny-segments", [][]int32{{1, 2, 3}}, keepForever, "segment.bytes=100")
	s.versions("produce a batch above segment.bytes", 1, 7, 8, func(int16) kmsg.Request {
		return produceOf(-1, "tiny-segments", batchSpec{values: []string{longName(300)}}.build())
	})
	s.topic("strict", [][]int32{{1, 2}}, keepForever, "min.insync.replicas=3")
	for _, acks := range []int16{-1, 1} {
		s.versions(fmt.Sprintf("produce below min.insync.replicas with acks %d", acks), 1, 3, 11, func(int16) kmsg.Request {
			return produceOf(acks, "strict", batchSpec{values: []string{"a"}}.build())
		})
	}
	s.topic("compacted", [][]int32{{1, 2, 3}}, keepForever, "cleanup.policy=compact")
	s.versions("produce a record without a key to a compacted topic", 1, 7, 8, func(int16) kmsg.Request {
		return produceOf(-1, "compacted", keyless())
	})
}

// keyless is a batch of two records, the second without a key.
func keyless() []byte {
	var records []byte
	for i, key := range [][]byte{[]byte("k"), nil} {
		r := kmsg.Record{OffsetDelta: int32(i), Key: key, Value: []byte("v")}
		r.Length = int32(len(r.AppendTo(nil)) - 1)
		records = r.AppendTo(records)
	}
	b := kmsg.RecordBatch{PartitionLeaderEpoch: -1, Magic: 2, LastOffsetDelta: 1, FirstTimestamp: rawEpochMs, MaxTimestamp: rawEpochMs,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: 2, Records: records}
	return sealed(b.AppendTo(nil))
}

// idempotenceSteps are about a producer's sequences.
func idempotenceSteps(s *rawScript) {
	s.topic("idempotent", [][]int32{{1, 2, 3}, {1, 2, 3}}, keepForever)
	s.each("init a producer id", 1, func(int16) kmsg.Request { return kmsg.NewPtrInitProducerIDRequest() })
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version = 4
	id := ask[*kmsg.InitProducerIDResponse](s, "init the producer id of the next steps", 1, req).ProducerID
	s.symbols.symbol("producer id", fmt.Sprint(id))
	step := 0
	send := func(name string, spec batchSpec) {
		step++
		if spec.producer == 0 {
			spec.producer = id
		}
		name = fmt.Sprintf("sequence %d, %s", step, name)
		b := spec.build()
		s.versions(name, 1, 9, 9, func(int16) kmsg.Request { return produceOf(-1, "idempotent", b) })
	}
	one, two := []string{"a"}, []string{"a", "b"}
	send("the first batch begins at 3", batchSpec{values: one, sequence: 3})
	send("the first batch", batchSpec{values: two})
	send("the first batch again", batchSpec{values: two})
	send("the first batch again, but shorter", batchSpec{values: one})
	send("a gap", batchSpec{values: one, sequence: 5})
	send("a step back", batchSpec{values: two, sequence: 1})
	for i := range int32(6) {
		send("one more", batchSpec{values: one, sequence: i + 2})
	}
	send("a repetition of the fifth last", batchSpec{values: one, sequence: 3})
	send("a repetition of the sixth last", batchSpec{values: one, sequence: 2})
	send("a repetition of the first of all", batchSpec{values: two})
	send("a new epoch that does not begin at 0", batchSpec{values: one, epoch: 1, sequence: 8})
	send("a new epoch", batchSpec{values: one, epoch: 1})
	send("the old epoch", batchSpec{values: one, epoch: 0, sequence: 8})
	send("a jump of the epoch", batchSpec{values: one, epoch: 9})
	send("a negative epoch", batchSpec{values: one, epoch: -1, sequence: 1})
	send("a negative sequence", batchSpec{values: one, epoch: 9, sequence: -1})
	send("an unknown producer at a sequence", batchSpec{values: one, producer: 990001, sequence: 4})
	send("an unknown producer", batchSpec{values: one, producer: 990002})
	send("a transactional batch without a transaction", batchSpec{values: one, producer: 990003, attributes: 0x10})
	s.fetchAll("what the sequences left", 1, "idempotent", 0)
	s.versions("init with a producer id that has no transactional id", 1, 3, 5, func(int16) kmsg.Request {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.ProducerID, req.ProducerEpoch = id, 0
		return req
	})
	s.versions("init with a producer id alone", 1, 3, 5, func(int16) kmsg.Request {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.ProducerID = id
		return req
	})
	s.versions("init with an epoch alone", 1, 3, 5, func(int16) kmsg.Request {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.ProducerEpoch = 2
		return req
	})
}

// fetchAll is a step that reads a partition from its start.
func (s *rawScript) fetchAll(name string, to to, topic string, partition int32) {
	s.t.Helper()
	req := fetchOf(topic, partition, 0)
	req.Version = 12
	s.send(name, to, req)
}
