package main

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"klab/e2e/clients/checklist"
)

// member is a client in a group, polled by a goroutine of its own.
type member struct {
	client *kgo.Client
	cord   *checklist.Cord
	stop   context.CancelFunc
	done   chan struct{}
}

func (c franz) Join(_ context.Context, seat checklist.Seat, diary *checklist.Diary) (checklist.Member, error) {
	cord := new(checklist.Cord)
	told := func(tell func(...int32)) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) { tell(partitions[seat.Topic]...) }
	}
	opts := []kgo.Opt{kgo.ConsumerGroup(seat.Group), kgo.ConsumeTopics(seat.Topic), kgo.Dialer(cord.Dial),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(checklist.SessionTimeout),
		kgo.HeartbeatInterval(checklist.SessionTimeout / 10), kgo.Balancers(kgo.RangeBalancer()),
		kgo.OnPartitionsAssigned(told(diary.Assigned)), kgo.OnPartitionsRevoked(told(diary.Revoked)), kgo.OnPartitionsLost(told(diary.Revoked))}
	if seat.Cooperative {
		opts = append(opts, kgo.Balancers(kgo.CooperativeStickyBalancer()))
	}
	if seat.Instance != "" {
		opts = append(opts, kgo.InstanceID(seat.Instance))
	}
	client, err := c.open(opts...)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &member{client, cord, stop, make(chan struct{})}
	go m.consume(ctx, diary)
	return m, nil
}

func (m *member) consume(ctx context.Context, diary *checklist.Diary) {
	defer close(m.done)
	for ctx.Err() == nil {
		m.client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { diary.Record(r.Value) })
	}
}

func (m *member) Kill() {
	m.cord.Cut()
	m.Leave()
}

func (m *member) Leave() {
	m.stop()
	<-m.done
	m.client.Close()
}
