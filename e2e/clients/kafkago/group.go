package main

import (
	"context"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"klab/e2e/clients/checklist"
)

// member is a client in a group; every generation's partitions are read by goroutines of their own.
type member struct {
	client client
	group  *kafka.ConsumerGroup
	cord   *checklist.Cord
	topic  string
	diary  *checklist.Diary
	stop   context.CancelFunc
	done   sync.WaitGroup
}

func (c client) Join(_ context.Context, seat checklist.Seat, diary *checklist.Diary) (checklist.Member, error) {
	if seat.Cooperative {
		return nil, checklist.Unsupported("the library has no cooperative rebalance")
	}
	if seat.Instance != "" {
		return nil, checklist.Unsupported("the ConsumerGroup has no group.instance.id")
	}
	m := &member{client: c, cord: new(checklist.Cord), topic: seat.Topic, diary: diary}
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: seat.Group, Brokers: c.bootstrap, Topics: []string{seat.Topic}, Dialer: &kafka.Dialer{DialFunc: m.cord.Dial, Timeout: 10 * time.Second},
		GroupBalancers: []kafka.GroupBalancer{kafka.RangeGroupBalancer{}}, StartOffset: kafka.FirstOffset,
		SessionTimeout: checklist.SessionTimeout, HeartbeatInterval: checklist.SessionTimeout / 10, JoinGroupBackoff: time.Second,
	})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	m.group, m.stop = group, stop
	m.done.Go(func() { m.sit(ctx) })
	return m, nil
}

func (m *member) sit(ctx context.Context) {
	for ctx.Err() == nil {
		generation, err := m.group.Next(ctx)
		if err != nil {
			continue
		}
		for _, assigned := range generation.Assignments[m.topic] {
			generation.Start(func(ctx context.Context) { m.consume(ctx, assigned) })
		}
	}
}

// consume reads a partition until its generation ends.
func (m *member) consume(ctx context.Context, from kafka.PartitionAssignment) {
	m.diary.Assigned(int32(from.ID))
	defer m.diary.Revoked(int32(from.ID))
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: m.client.bootstrap, Topic: m.topic, Partition: from.ID, MaxWait: 200 * time.Millisecond})
	defer reader.Close()
	reader.SetOffset(from.Offset)
	for {
		message, err := reader.ReadMessage(ctx)
		if err != nil {
			return
		}
		m.diary.Record(message.Value)
	}
}

func (m *member) Kill() {
	m.cord.Cut()
	m.Leave()
}

func (m *member) Leave() {
	m.stop()
	m.group.Close()
	m.done.Wait()
}
