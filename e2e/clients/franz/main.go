// Command franz goes through the checklist with franz-go.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"klab/e2e/clients/checklist"
)

func main() {
	checklist.Main("franz-go", func(bootstrap []string) (checklist.Client, error) {
		c := franz{bootstrap: bootstrap}
		client, err := c.open()
		c.admin = admin{kadm.NewClient(client)}
		return c, err
	})
}

type franz struct {
	bootstrap []string
	admin
}

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

func (franz) Codecs() []string { return []string{"none", "gzip", "snappy", "lz4", "zstd"} }

func (c franz) open(opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.bootstrap...), kgo.MetadataMinAge(100 * time.Millisecond)}, opts...)...)
}

func (c franz) Produce(ctx context.Context, topic string, how checklist.Producing, messages []checklist.Message) error {
	opts := []kgo.Opt{kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codecs[how.Codec])}
	if !how.Idempotent {
		opts = append(opts, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	client, err := c.open(opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	return client.ProduceSync(ctx, records(messages)...).FirstErr()
}

func (c franz) Read(ctx context.Context, topic string, partition int32, from checklist.From, n int) ([]checklist.Message, error) {
	at := kgo.NewOffset().At(from.Offset)
	if !from.Time.IsZero() {
		at = kgo.NewOffset().AfterMilli(from.Time.UnixMilli())
	}
	opts := []kgo.Opt{kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: at}})}
	if from.Committed {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	client, err := c.open(opts...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	records, err := poll(ctx, client, n)
	return messages(records), err
}

func (c franz) Consume(ctx context.Context, group, topic string, n int) ([]checklist.Message, error) {
	client, err := c.open(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	records, err := poll(ctx, client, n)
	if err != nil {
		return nil, err
	}
	return messages(records), client.CommitRecords(ctx, records...)
}

// poll returns the next n records.
func poll(ctx context.Context, client *kgo.Client, n int) ([]*kgo.Record, error) {
	var records []*kgo.Record
	for len(records) < n {
		fetches := client.PollRecords(ctx, n-len(records))
		if err := fetches.Err(); err != nil {
			return records, fmt.Errorf("after %d of %d records: %w", len(records), n, err)
		}
		records = append(records, fetches.Records()...)
	}
	return records, nil
}

func records(messages []checklist.Message) []*kgo.Record {
	var out []*kgo.Record
	for _, m := range messages {
		out = append(out, &kgo.Record{Partition: m.Partition, Key: m.Key, Value: m.Value, Timestamp: m.Time,
			Headers: []kgo.RecordHeader{{Key: "h", Value: []byte(m.Header)}}})
	}
	return out
}

func messages(records []*kgo.Record) []checklist.Message {
	var out []checklist.Message
	for _, r := range records {
		m := checklist.Message{Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Time: r.Timestamp}
		for _, h := range r.Headers {
			m.Header = string(h.Value)
		}
		out = append(out, m)
	}
	return out
}

func (c franz) Transact(ctx context.Context, id, topic string, messages []checklist.Message, commit bool) error {
	client, err := c.open(kgo.TransactionalID(id), kgo.DefaultProduceTopic(topic))
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	if err := client.ProduceSync(ctx, records(messages)...).FirstErr(); err != nil {
		return err
	}
	return client.EndTransaction(ctx, kgo.TransactionEndTry(commit))
}

func (c franz) Transform(ctx context.Context, t checklist.Transform) error {
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(c.bootstrap...), kgo.TransactionalID(t.ID), kgo.ConsumerGroup(t.Group),
		kgo.ConsumeTopics(t.From), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.DefaultProduceTopic(t.To), kgo.RequireStableFetchOffsets())
	if err != nil {
		return err
	}
	defer session.Close()
	taken, err := poll(ctx, session.Client(), t.N)
	if err != nil {
		return err
	}
	if err := session.Begin(); err != nil {
		return err
	}
	if err := session.ProduceSync(ctx, records(messages(taken))...).FirstErr(); err != nil {
		return err
	}
	committed, err := session.End(ctx, kgo.TransactionEndTry(t.Commit))
	if err == nil && committed != t.Commit {
		err = fmt.Errorf("the transaction ended as committed=%v", committed)
	}
	return err
}

func (c franz) Fence(ctx context.Context, id, topic string) error {
	var producers [2]*kgo.Client
	for i := range producers {
		client, err := c.open(kgo.TransactionalID(id), kgo.DefaultProduceTopic(topic))
		if err != nil {
			return err
		}
		defer client.Close()
		if err := client.BeginTransaction(); err != nil {
			return err
		}
		if err := client.ProduceSync(ctx, kgo.StringRecord("one")).FirstErr(); err != nil {
			return err
		}
		producers[i] = client
	}
	err := producers[0].ProduceSync(ctx, kgo.StringRecord("too late")).FirstErr()
	if !errors.Is(err, kerr.InvalidProducerEpoch) && !errors.Is(err, kerr.ProducerFenced) {
		return fmt.Errorf("the older producer got %v, want INVALID_PRODUCER_EPOCH", err)
	}
	return producers[1].EndTransaction(ctx, kgo.TryCommit)
}
