package api

import (
	"context"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/metadata"
	"klab/broker/replica"
	"klab/broker/server"
	"klab/broker/storage"
	"klab/broker/storage/batch"
)

func buildBatch(t *testing.T, codec batch.Codec) []byte {
	t.Helper()
	o := batch.NewOptions()
	o.Codec = codec
	b, err := batch.Build(o, batch.Record{Timestamp: 1, Value: []byte("v")})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCheckRecords(t *testing.T) {
	plain, zstd := buildBatch(t, batch.Uncompressed), buildBatch(t, batch.Zstd)
	old := append([]byte(nil), plain...)
	old[16] = 1
	tests := []struct {
		name    string
		records []byte
		version int16
		want    *kerr.Error
	}{
		{"one batch", plain, 9, nil},
		{"one batch in an old request", plain, 0, nil},
		{"a batch that is cut off", plain[:len(plain)-1], 9, kerr.InvalidRecord},
		{"nothing", nil, 9, kerr.InvalidRecord},
		{"too short for a magic", plain[:16], 9, kerr.InvalidRecord},
		{"too short for a header", plain[:60], 9, kerr.InvalidRecord},
		{"two batches", append(append([]byte(nil), plain...), plain...), 9, kerr.InvalidRecord},
		{"a batch and rubbish", append(append([]byte(nil), plain...), 1, 2, 3), 9, nil},
		{"old message set", old, 9, kerr.InvalidRecord},
		{"old message set in an old request", old, 2, nil},
		{"zstd", zstd, 7, nil},
		{"zstd before v7", zstd, 6, kerr.UnsupportedCompressionType},
	}
	for _, test := range tests {
		_, err := checkRecords(test.records, test.version)
		if test.want == nil && err != nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestOldRequestsMayHoldNothing(t *testing.T) {
	if _, err := checkRecords(nil, 2); err != errNothing {
		t.Errorf("nothing: %v", err)
	}
	p := produce{req: &kmsg.ProduceRequest{Version: 2}}
	if a := p.partition(kmsg.NewPtrProduceResponse(), "orders", 0, &replica.Appended{Err: errNothing, Info: storage.AppendInfo{LogStartOffset: -1}}); a.ErrorCode != 0 || a.BaseOffset != -1 || p.failed != nil {
		t.Errorf("answer %+v, %v", a, p.failed)
	}
}

func produceRequest(acks int16, topic string, records []byte) *server.Request {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks = 9, acks
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = records
	topicData := kmsg.NewProduceRequestTopic()
	topicData.Topic, topicData.Partitions = topic, append(topicData.Partitions, p)
	req.Topics = append(req.Topics, topicData)
	return &server.Request{Request: req}
}

func TestProduceRefusals(t *testing.T) {
	cache := metadata.NewCache()
	d := &Deps{Metadata: cache, Replicas: replica.New(replica.Config{BrokerID: 1, Metadata: cache})}
	good := buildBatch(t, batch.Uncompressed)
	tests := []struct {
		name string
		r    *server.Request
		want *kerr.Error
	}{
		{"acks out of range", produceRequest(2, "orders", good), kerr.InvalidRequiredAcks},
		{"an internal topic", produceRequest(1, "__consumer_offsets", good), kerr.InvalidTopicException},
		{"an unknown topic", produceRequest(-1, "orders", good), kerr.UnknownTopicOrPartition},
	}
	for _, test := range tests {
		p := produce{Deps: d, req: test.r.Request.(*kmsg.ProduceRequest)}
		p.admit("")
		var resp *kmsg.ProduceResponse
		d.Replicas.Append(&replica.Append{Acks: p.req.Acks, LeadsSince: replica.AnyEpoch, Batches: p.batches, Done: func(results []replica.Appended) {
			resp = p.answer(results).(*kmsg.ProduceResponse)
		}})
		a := resp.Topics[0].Partitions[0]
		if a.ErrorCode != test.want.Code || a.BaseOffset != -1 {
			t.Errorf("%s: %v at offset %d, want %v", test.name, kerr.ErrorForCode(a.ErrorCode), a.BaseOffset, test.want)
		}
	}
	if reply := d.produce(context.Background(), produceRequest(0, "orders", good)); reply == server.None() {
		t.Error("acks=0: an error must close the connection, as nothing else tells of it")
	}
}
