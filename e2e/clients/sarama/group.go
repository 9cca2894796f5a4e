package main

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/IBM/sarama"

	"klab/e2e/clients/checklist"
)

// handler is a group's handler whose sessions need nothing before or after their claims.
type handler func(sarama.ConsumerGroupSession, sarama.ConsumerGroupClaim) error

func (handler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (h handler) ConsumeClaim(s sarama.ConsumerGroupSession, c sarama.ConsumerGroupClaim) error {
	return h(s, c)
}

// take joins a group alone, reads n messages of the topic's only partition, and lets use settle them in the session.
func (c client) take(ctx context.Context, cfg *sarama.Config, name, topic string, n int,
	use func(sarama.ConsumerGroupSession, []*sarama.ConsumerMessage) error) error {
	group, err := sarama.NewConsumerGroup(c.bootstrap, name, cfg)
	if err != nil {
		return err
	}
	defer group.Close()
	ctx, done := context.WithCancel(ctx)
	defer done()
	result := errors.New("no partition was claimed")
	err = group.Consume(ctx, []string{topic}, handler(func(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
		defer done()
		var taken []*sarama.ConsumerMessage
		for m := range claim.Messages() {
			if taken = append(taken, m); len(taken) == n {
				result = use(s, taken)
				return nil
			}
		}
		result = errors.New("the session ended before all messages were read")
		return nil
	}))
	return errors.Join(err, result)
}

func (c client) Consume(ctx context.Context, group, topic string, n int) ([]checklist.Message, error) {
	var got []checklist.Message
	err := c.take(ctx, config(), group, topic, n, func(s sarama.ConsumerGroupSession, taken []*sarama.ConsumerMessage) error {
		for _, m := range taken {
			got = append(got, incoming(m))
			s.MarkMessage(m, "")
		}
		s.Commit()
		return nil
	})
	return got, err
}

func (c client) Transform(ctx context.Context, t checklist.Transform) error {
	producer, err := c.transactional(t.ID)
	if err != nil {
		return err
	}
	defer producer.Close()
	cfg := config()
	cfg.Consumer.IsolationLevel = sarama.ReadCommitted
	return c.take(ctx, cfg, t.Group, t.From, t.N, func(s sarama.ConsumerGroupSession, taken []*sarama.ConsumerMessage) error {
		var messages []checklist.Message
		for _, m := range taken {
			messages = append(messages, incoming(m))
		}
		if err := producer.SendMessages(outgoing(t.To, messages)); err != nil {
			return err
		}
		member := sarama.NewConsumerGroupMetadataFromSession(s, t.Group, nil)
		if err := producer.AddMessageToTxnWithGroupMetadata(taken[len(taken)-1], member, nil); err != nil {
			return err
		}
		return end(producer, t.Commit)
	})
}

// dialer gives a cord the signature of a proxy's dialer.
type dialer struct{ *checklist.Cord }

func (d dialer) Dial(network, addr string) (net.Conn, error) {
	return d.Cord.Dial(context.Background(), network, addr)
}

// member is a client in a group, consuming in a goroutine of its own.
type member struct {
	group sarama.ConsumerGroup
	cord  *checklist.Cord
	stop  context.CancelFunc
	done  sync.WaitGroup
}

func (c client) Join(_ context.Context, seat checklist.Seat, diary *checklist.Diary) (checklist.Member, error) {
	cfg := config()
	m := &member{cord: new(checklist.Cord)}
	cfg.Net.Proxy.Enable, cfg.Net.Proxy.Dialer = true, dialer{m.cord}
	cfg.Metadata.Retry.Max = 3
	cfg.Consumer.Offsets.AutoCommit.Enable = true
	cfg.Consumer.Group.Session.Timeout = checklist.SessionTimeout
	cfg.Consumer.Group.Heartbeat.Interval = checklist.SessionTimeout / 10
	cfg.Consumer.Group.InstanceId = seat.Instance
	cfg.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyRange()}
	if seat.Cooperative {
		cfg.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyCooperativeSticky()}
	}
	group, err := sarama.NewConsumerGroup(c.bootstrap, seat.Group, cfg)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	m.group, m.stop = group, stop
	m.done.Go(func() {
		for ctx.Err() == nil {
			group.Consume(ctx, []string{seat.Topic}, handler(noting(diary)))
		}
	})
	return m, nil
}

// noting tells the diary of claims and their messages.
func noting(diary *checklist.Diary) handler {
	return func(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
		diary.Assigned(claim.Partition())
		defer diary.Revoked(claim.Partition())
		for {
			select {
			case m, ok := <-claim.Messages():
				if !ok {
					return nil
				}
				diary.Record(m.Value)
				s.MarkMessage(m, "")
			case <-s.Context().Done():
				return nil
			}
		}
	}
}

func (m *member) Kill() {
	m.cord.Cut()
	m.Leave()
}

func (m *member) Leave() {
	m.stop()
	m.done.Wait()
	m.group.Close()
}
