package checklist

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

func (s suite) adminTopics(ctx context.Context) error {
	topic := s.name("admin")
	if err := s.client.CreateTopic(ctx, topic, 2, nil); err != nil {
		return fmt.Errorf("cannot create: %w", err)
	}
	if err := s.partitionsBecome(ctx, topic, 2); err != nil {
		return err
	}
	if s.client.CreateTopic(ctx, topic, 2, nil) == nil {
		return fmt.Errorf("the topic could be created twice")
	}
	if err := s.client.AddPartitions(ctx, topic, 5); err != nil {
		return fmt.Errorf("cannot add partitions: %w", err)
	}
	if err := s.partitionsBecome(ctx, topic, 5); err != nil {
		return err
	}
	if s.client.AddPartitions(ctx, topic, 3) == nil {
		return fmt.Errorf("partitions could be taken away")
	}
	if err := s.client.DeleteTopic(ctx, topic); err != nil {
		return fmt.Errorf("cannot delete: %w", err)
	}
	return s.partitionsBecome(ctx, topic, 0)
}

func (s suite) partitionsBecome(ctx context.Context, topic string, want int) error {
	return until(ctx, fmt.Sprintf("%s has %d partitions", topic, want), func() (bool, error) {
		n, err := s.client.Partitions(ctx, topic)
		return err == nil && n == want, err
	})
}

func (s suite) adminConfigs(ctx context.Context) error {
	topic := s.name("configs")
	if err := s.client.CreateTopic(ctx, topic, 1, map[string]string{"retention.ms": "7200000"}); err != nil {
		return err
	}
	if err := s.configBecomes(ctx, topic, "retention.ms", "7200000"); err != nil {
		return err
	}
	if err := s.client.SetTopicConfig(ctx, topic, "retention.ms", "3600000"); err != nil {
		return fmt.Errorf("cannot alter: %w", err)
	}
	if err := s.configBecomes(ctx, topic, "retention.ms", "3600000"); err != nil {
		return err
	}
	if s.client.SetTopicConfig(ctx, topic, "retention.ms", "soon") == nil {
		return fmt.Errorf("retention.ms=soon was accepted")
	}
	value, err := s.client.BrokerConfig(ctx, 1, "group.max.session.timeout.ms")
	if err == nil && value != "1800000" {
		err = fmt.Errorf("broker 1 has group.max.session.timeout.ms=%q", value)
	}
	return err
}

func (s suite) configBecomes(ctx context.Context, topic, key, want string) error {
	return until(ctx, fmt.Sprintf("%s has %s=%s", topic, key, want), func() (bool, error) {
		value, err := s.client.TopicConfig(ctx, topic, key)
		return err == nil && value == want, err
	})
}

// adminOffsets moves a group's offsets.
func (s suite) adminOffsets(ctx context.Context) error {
	topic, group := s.name("offsets"), s.name("offsets")
	if err := s.client.CreateTopic(ctx, topic, 1, nil); err != nil {
		return err
	}
	want := messages(50, "offsets", time.Now())
	if err := s.client.Produce(ctx, topic, Producing{Codec: "none"}, want); err != nil {
		return err
	}
	if _, err := s.client.Consume(ctx, group, topic, 50); err != nil {
		return fmt.Errorf("cannot consume: %w", err)
	}
	if err := s.client.SetGroupOffset(ctx, group, topic, 0, 20); err != nil {
		return fmt.Errorf("cannot set the group's offset: %w", err)
	}
	if err := s.offsetBecomes(ctx, group, topic, 20); err != nil {
		return err
	}
	again, err := s.client.Consume(ctx, group, topic, 30)
	if err == nil {
		err = same(want[20:], again)
	}
	if err != nil {
		return fmt.Errorf("after the offset was set: %w", err)
	}
	return nil
}

func (s suite) adminDeleteRecords(ctx context.Context) error {
	topic := s.name("delete-records")
	if err := s.client.CreateTopic(ctx, topic, 1, nil); err != nil {
		return err
	}
	if err := s.client.Produce(ctx, topic, Producing{Codec: "none"}, messages(50, "records", time.Now())); err != nil {
		return err
	}
	if err := s.spans(ctx, topic, 0, 50); err != nil {
		return err
	}
	if err := s.client.DeleteRecords(ctx, topic, 0, 30); err != nil {
		return fmt.Errorf("cannot delete records: %w", err)
	}
	return s.spans(ctx, topic, 30, 50)
}

// spans compares the first and the end offset of partition 0.
func (s suite) spans(ctx context.Context, topic string, from, to int64) error {
	start, end, err := s.client.Offsets(ctx, topic, 0)
	if err != nil || start != from || end != to {
		return fmt.Errorf("the partition is [%d, %d), want [%d, %d) (%v)", start, end, from, to, err)
	}
	return nil
}

func (s suite) adminOffsetDelete(ctx context.Context) error {
	topic, group := s.name("offset-delete"), s.name("offset-delete")
	if err := s.client.CreateTopic(ctx, topic, 1, nil); err != nil {
		return err
	}
	if err := s.client.Produce(ctx, topic, Producing{Codec: "none"}, messages(5, "offset", time.Now())); err != nil {
		return err
	}
	if _, err := s.client.Consume(ctx, group, topic, 5); err != nil {
		return err
	}
	if err := s.offsetBecomes(ctx, group, topic, 5); err != nil {
		return err
	}
	if err := s.client.DeleteGroupOffset(ctx, group, topic, 0); err != nil {
		return fmt.Errorf("cannot delete the group's offset: %w", err)
	}
	return s.offsetBecomes(ctx, group, topic, -1)
}

func (s suite) adminGroups(ctx context.Context) error {
	return s.groupOfOne(ctx, "groups", func(group string) error {
		groups, err := s.client.ListGroups(ctx)
		if err == nil && !slices.Contains(groups, group) {
			err = fmt.Errorf("%s is not among the groups %v", group, groups)
		}
		return err
	})
}

func (s suite) adminGroupDelete(ctx context.Context) error {
	err := s.groupOfOne(ctx, "group-delete", func(group string) error {
		err := s.client.DeleteGroup(ctx, group)
		if err == nil {
			return errors.New("a group with a member could be deleted")
		}
		if unsupported, is := errors.AsType[Unsupported](err); is {
			return unsupported
		}
		return nil
	})
	if err != nil {
		return err
	}
	group := s.name("group-delete")
	if err := s.client.DeleteGroup(ctx, group); err != nil {
		return fmt.Errorf("cannot delete the group: %w", err)
	}
	groups, err := s.client.ListGroups(ctx)
	if err == nil && slices.Contains(groups, group) {
		err = fmt.Errorf("%s is still among the groups", group)
	}
	return err
}

// groupOfOne runs during while a group is stable with one member; afterwards it is empty.
func (s suite) groupOfOne(ctx context.Context, name string, during func(group string) error) error {
	topic, group := s.name(name), s.name(name)
	if err := s.client.CreateTopic(ctx, topic, 2, nil); err != nil {
		return err
	}
	diary := new(Diary)
	member, err := s.client.Join(ctx, Seat{Group: group, Topic: topic}, diary)
	if err != nil {
		return fmt.Errorf("cannot join: %w", err)
	}
	err = until(ctx, "the member holds both partitions", func() (bool, error) { return len(diary.held()) == 2, diary.failed() })
	if err == nil {
		err = s.groupBecomes(ctx, group, "Stable", 1)
	}
	if err == nil {
		err = during(group)
	}
	member.Leave()
	if err != nil {
		return err
	}
	return s.groupBecomes(ctx, group, "Empty", 0)
}

func (s suite) groupBecomes(ctx context.Context, group, state string, members int) error {
	return until(ctx, fmt.Sprintf("the group is %s with %d members", state, members), func() (bool, error) {
		is, n, err := s.client.DescribeGroup(ctx, group)
		if err == nil && (is != state || n != members) {
			err = fmt.Errorf("it is %s with %d", is, n)
		}
		return err == nil, err
	})
}
