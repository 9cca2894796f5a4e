// Command sarama goes through the checklist with github.com/IBM/sarama.
package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"klab/e2e/clients/checklist"
)

func main() {
	checklist.Main("sarama", func(bootstrap []string) (checklist.Client, error) {
		c := client{bootstrap: bootstrap}
		cluster, err := sarama.NewClusterAdmin(bootstrap, config())
		c.admin = admin{cluster}
		return c, err
	})
}

type client struct {
	bootstrap []string
	admin
}

var codecs = map[string]sarama.CompressionCodec{
	"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
	"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
}

func (client) Codecs() []string { return []string{"none", "gzip", "snappy", "lz4", "zstd"} }

func config() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V3_9_0_0
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Net.MaxOpenRequests = 1
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Metadata.Retry.Max = 20
	return c
}

func (c client) Produce(_ context.Context, topic string, how checklist.Producing, messages []checklist.Message) error {
	cfg := config()
	cfg.Producer.Compression = codecs[how.Codec]
	cfg.Producer.Idempotent = how.Idempotent
	producer, err := sarama.NewSyncProducer(c.bootstrap, cfg)
	if err != nil {
		return err
	}
	defer producer.Close()
	return producer.SendMessages(outgoing(topic, messages))
}

func outgoing(topic string, messages []checklist.Message) []*sarama.ProducerMessage {
	var out []*sarama.ProducerMessage
	for _, m := range messages {
		out = append(out, &sarama.ProducerMessage{Topic: topic, Partition: m.Partition, Timestamp: m.Time,
			Key: sarama.ByteEncoder(m.Key), Value: sarama.ByteEncoder(m.Value),
			Headers: []sarama.RecordHeader{{Key: []byte("h"), Value: []byte(m.Header)}}})
	}
	return out
}

func incoming(m *sarama.ConsumerMessage) checklist.Message {
	in := checklist.Message{Partition: m.Partition, Offset: m.Offset, Key: m.Key, Value: m.Value, Time: m.Timestamp}
	for _, h := range m.Headers {
		in.Header = string(h.Value)
	}
	return in
}

func (c client) Read(ctx context.Context, topic string, partition int32, from checklist.From, n int) ([]checklist.Message, error) {
	cfg := config()
	if from.Committed {
		cfg.Consumer.IsolationLevel = sarama.ReadCommitted
	}
	cluster, err := sarama.NewClient(c.bootstrap, cfg)
	if err != nil {
		return nil, err
	}
	defer cluster.Close()
	if !from.Time.IsZero() {
		if from.Offset, err = cluster.GetOffset(topic, partition, from.Time.UnixMilli()); err != nil {
			return nil, err
		}
	}
	consumer, err := sarama.NewConsumerFromClient(cluster)
	if err != nil {
		return nil, err
	}
	reader, err := consumer.ConsumePartition(topic, partition, from.Offset)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var got []checklist.Message
	for len(got) < n {
		select {
		case m := <-reader.Messages():
			got = append(got, incoming(m))
		case <-ctx.Done():
			return nil, fmt.Errorf("read %d messages, want %d", len(got), n)
		}
	}
	return got, nil
}

func (c client) transactional(id string) (sarama.SyncProducer, error) {
	cfg := config()
	cfg.Producer.Idempotent = true
	cfg.Producer.Transaction.ID = id
	producer, err := sarama.NewSyncProducer(c.bootstrap, cfg)
	if err != nil {
		return nil, err
	}
	return producer, producer.BeginTxn()
}

func end(producer sarama.SyncProducer, commit bool) error {
	if commit {
		return producer.CommitTxn()
	}
	return producer.AbortTxn()
}

func (c client) Transact(_ context.Context, id, topic string, messages []checklist.Message, commit bool) error {
	producer, err := c.transactional(id)
	if err != nil {
		return err
	}
	defer producer.Close()
	if err := producer.SendMessages(outgoing(topic, messages)); err != nil {
		return err
	}
	return end(producer, commit)
}

func (c client) Fence(_ context.Context, id, topic string) error {
	var producers [2]sarama.SyncProducer
	for i := range producers {
		producer, err := c.transactional(id)
		if err != nil {
			return err
		}
		defer producer.Close()
		if err := producer.SendMessages(outgoing(topic, []checklist.Message{{Value: []byte("one")}})); err != nil {
			return err
		}
		producers[i] = producer
	}
	if err := producers[0].CommitTxn(); !errors.Is(err, sarama.ErrInvalidProducerEpoch) && !errors.Is(err, sarama.ErrProducerFenced) {
		return fmt.Errorf("the older producer got %v, want INVALID_PRODUCER_EPOCH or PRODUCER_FENCED", err)
	}
	return producers[1].CommitTxn()
}
