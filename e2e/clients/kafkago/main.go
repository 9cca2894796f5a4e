// Command kafkago goes through the checklist with github.com/segmentio/kafka-go.
//
// Its Writer is neither idempotent nor transactional, and its groups know no group.instance.id and no cooperative
// rebalance. Members use its ConsumerGroup, which tells of assignments, as its Reader does not.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"klab/e2e/clients/checklist"
)

func main() {
	checklist.Main("kafka-go", func(bootstrap []string) (checklist.Client, error) {
		return client{bootstrap, admin{&kafka.Client{Addr: kafka.TCP(bootstrap...), Timeout: 30 * time.Second}}}, nil
	})
}

type client struct {
	bootstrap []string
	admin
}

var codecs = map[string]kafka.Compression{"gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd}

func (client) Codecs() []string { return []string{"none", "gzip", "snappy", "lz4", "zstd"} }

// byPartition sends every message where it says.
func byPartition(m kafka.Message, _ ...int) int { return m.Partition }

func (c client) Produce(ctx context.Context, topic string, how checklist.Producing, messages []checklist.Message) error {
	if how.Idempotent {
		return checklist.Unsupported("the Writer is not idempotent")
	}
	writer := &kafka.Writer{Addr: kafka.TCP(c.bootstrap...), RequiredAcks: kafka.RequireAll, Compression: codecs[how.Codec],
		Balancer: kafka.BalancerFunc(byPartition), BatchTimeout: 10 * time.Millisecond, Topic: topic}
	defer writer.Close()
	var out []kafka.Message
	for _, m := range messages {
		out = append(out, kafka.Message{Partition: int(m.Partition), Key: m.Key, Value: m.Value, Time: m.Time,
			Headers: []kafka.Header{{Key: "h", Value: []byte(m.Header)}}})
	}
	return writer.WriteMessages(ctx, out...)
}

func incoming(m kafka.Message) checklist.Message {
	in := checklist.Message{Partition: int32(m.Partition), Offset: m.Offset, Key: m.Key, Value: m.Value, Time: m.Time}
	for _, h := range m.Headers {
		in.Header = string(h.Value)
	}
	return in
}

func (c client) Read(ctx context.Context, topic string, partition int32, from checklist.From, n int) ([]checklist.Message, error) {
	cfg := kafka.ReaderConfig{Brokers: c.bootstrap, Topic: topic, Partition: int(partition), MaxWait: 500 * time.Millisecond}
	if from.Committed {
		cfg.IsolationLevel = kafka.ReadCommitted
	}
	reader := kafka.NewReader(cfg)
	defer reader.Close()
	if !from.Time.IsZero() {
		if err := reader.SetOffsetAt(ctx, from.Time); err != nil {
			return nil, err
		}
	}
	return read(n, func() (kafka.Message, error) { return reader.ReadMessage(ctx) })
}

func (c client) Consume(ctx context.Context, group, topic string, n int) ([]checklist.Message, error) {
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: c.bootstrap, Topic: topic, GroupID: group, MaxWait: 500 * time.Millisecond})
	defer reader.Close()
	var last kafka.Message
	got, err := read(n, func() (m kafka.Message, err error) {
		last, err = reader.FetchMessage(ctx)
		return last, err
	})
	if err != nil {
		return nil, err
	}
	return got, reader.CommitMessages(ctx, last)
}

func read(n int, next func() (kafka.Message, error)) ([]checklist.Message, error) {
	var got []checklist.Message
	for len(got) < n {
		m, err := next()
		if err != nil {
			return nil, fmt.Errorf("after %d of %d messages: %w", len(got), n, err)
		}
		got = append(got, incoming(m))
	}
	return got, nil
}

const untransacted = checklist.Unsupported("the Writer has no transactions")

func (client) Transact(context.Context, string, string, []checklist.Message, bool) error {
	return untransacted
}
func (client) Transform(context.Context, checklist.Transform) error { return untransacted }
func (client) Fence(context.Context, string, string) error          { return untransacted }
