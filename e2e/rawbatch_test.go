//go:build e2e

package e2e

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// badBatch is one record batch with something wrong, and the error code that Apache Kafka 3.9.2 was seen to give it.
type badBatch struct {
	name  string
	batch []byte
	want  int16
}

func badBatches() []badBatch {
	good := oneRecordBatch()
	change := func(edit func([]byte)) []byte {
		b := slices.Clone(good)
		edit(b)
		return b
	}
	resum := func(edit func([]byte)) []byte {
		return change(func(b []byte) {
			edit(b)
			binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
		})
	}
	return []badBatch{
		{"wrong CRC", change(func(b []byte) { b[len(b)-1] ^= 1 }), kerr.CorruptMessage.Code},
		{"length beyond the bytes", change(func(b []byte) { binary.BigEndian.PutUint32(b[8:], 1<<30) }), kerr.InvalidRecord.Code},
		{"length below a header", change(func(b []byte) { binary.BigEndian.PutUint32(b[8:], 10) }), kerr.CorruptMessage.Code},
		{"negative length", change(func(b []byte) { binary.BigEndian.PutUint32(b[8:], 1<<31) }), kerr.CorruptMessage.Code},
		{"cut", good[:len(good)-3], kerr.InvalidRecord.Code},
		{"unknown magic", change(func(b []byte) { b[16] = 9 }), kerr.CorruptMessage.Code},
		{"count above the records", resum(func(b []byte) {
			binary.BigEndian.PutUint32(b[57:], 7)
			binary.BigEndian.PutUint32(b[23:], 6)
		}), kerr.InvalidRecord.Code},
		{"count unlike the last delta", resum(func(b []byte) { binary.BigEndian.PutUint32(b[57:], 7) }), kerr.InvalidRecord.Code},
		{"a control batch from a client", resum(func(b []byte) { binary.BigEndian.PutUint16(b[21:], 1<<5) }), kerr.InvalidRecord.Code},
	}
}

// oneRecordBatch builds a good batch v2 with the record "x".
func oneRecordBatch() []byte {
	record := []byte{0, 0, 0, 1, 2, 'x', 0} // attributes, timestamp delta, offset delta, null key, value, no headers
	record = append(kbin.AppendVarint(nil, int32(len(record))), record...)
	now := time.Now().UnixMilli()
	b := kbin.AppendInt64(nil, 0)
	b = kbin.AppendInt32(b, int32(49+len(record)))
	b = kbin.AppendInt32(b, -1)
	b = append(b, 2, 0, 0, 0, 0)
	b = kbin.AppendInt16(b, 0)
	b = kbin.AppendInt32(b, 0)
	b = kbin.AppendInt64(b, now)
	b = kbin.AppendInt64(b, now)
	b = kbin.AppendInt64(b, -1)
	b = kbin.AppendInt16(b, -1)
	b = kbin.AppendInt32(b, -1)
	b = kbin.AppendInt32(b, 1)
	b = append(b, record...)
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// produceRaw sends one batch as it is to partition 0 and returns the partition's error code.
func (l *lab) produceRaw(topic string, batch []byte) (int16, error) {
	state, _ := l.partitionState(l.admin(), topic, 0)
	request := kmsg.NewPtrProduceRequest()
	request.Acks, request.TimeoutMillis = -1, 5000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = batch
	t.Partitions = append(t.Partitions, p)
	request.Topics = append(request.Topics, t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	response, err := l.client().Broker(int(state.Leader)).Request(ctx, request)
	if err != nil {
		return 0, err
	}
	return response.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode, nil
}
