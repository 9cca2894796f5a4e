//go:build e2e || interop

package e2e

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rawEpochMs is the time of the session's first record: long ago and always the same, so that times can be compared.
// Topics that hold such records have retention.ms=-1.
const rawEpochMs = 1_600_000_000_000

// keepForever are the topic settings for records of that time.
const keepForever = "retention.ms=-1"

// batchSpec is a record batch to build. Records with the offset deltas 0, 1, … are 10 ms apart.
type batchSpec struct {
	values     []string
	first      int64 // the first record's time, rawEpochMs if 0
	attributes int16 // codec in bits 0-2, 0x10 transactional, 0x20 control
	producer   int64 // 0 is none
	epoch      int16
	sequence   int32
}

func (spec batchSpec) build() []byte {
	if spec.first == 0 {
		spec.first = rawEpochMs
	}
	if spec.producer == 0 {
		spec.producer, spec.epoch, spec.sequence = -1, -1, -1
	}
	var records []byte
	for i, value := range spec.values {
		r := kmsg.Record{OffsetDelta: int32(i), TimestampDelta64: int64(10 * i), Key: []byte("k"), Value: []byte(value)}
		r.Length = int32(len(r.AppendTo(nil)) - 1) // a length of 0 takes one byte
		records = r.AppendTo(records)
	}
	last := int32(len(spec.values) - 1)
	b := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, Attributes: spec.attributes, LastOffsetDelta: last,
		FirstTimestamp: spec.first, MaxTimestamp: spec.first + 10*int64(max(last, 0)),
		ProducerID: spec.producer, ProducerEpoch: spec.epoch, FirstSequence: spec.sequence,
		NumRecords: int32(len(spec.values)), Records: compressed(spec.attributes, records),
	}
	return sealed(b.AppendTo(nil))
}

// sealed sets a batch's length and checksum.
func sealed(b []byte) []byte {
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func compressed(attributes int16, records []byte) []byte {
	codecs := map[int16]kgo.CompressionCodec{1: kgo.GzipCompression(), 2: kgo.SnappyCompression(), 3: kgo.Lz4Compression(), 4: kgo.ZstdCompression()}
	codec, ok := codecs[attributes&7]
	if !ok {
		return records
	}
	compressor, err := kgo.DefaultCompressor(codec)
	if err != nil {
		return records
	}
	out, _ := compressor.Compress(&bytes.Buffer{}, records)
	return out
}

// oldMessages builds a message set of magic 0 or 1, with the offsets 0, 1, ….
func oldMessages(magic byte, attributes byte, values ...string) []byte {
	var set []byte
	for i, value := range values {
		set = append(set, oldMessage(magic, attributes, int64(i), []byte(value))...)
	}
	return set
}

func oldMessage(magic, attributes byte, offset int64, value []byte) []byte {
	body := []byte{magic, attributes}
	if magic == 1 {
		body = kbin.AppendInt64(body, rawEpochMs+10*offset)
	}
	body = kbin.AppendNullableBytes(body, []byte("k"))
	body = kbin.AppendNullableBytes(body, value)
	m := kbin.AppendInt64(nil, offset)
	m = kbin.AppendInt32(m, int32(4+len(body)))
	m = binary.BigEndian.AppendUint32(m, crc32.ChecksumIEEE(body))
	return append(m, body...)
}

// produceOf is a produce request with one batch for each of the partitions 0, 1, … of a topic.
func produceOf(acks int16, topic string, batches ...[]byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = acks, 10000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	for i, b := range batches {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = int32(i), b
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = []kmsg.ProduceRequestTopic{t}
	return req
}
