package main

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
)

// admin is the half of the client that administers.
type admin struct{ *kadm.Client }

func (a admin) CreateTopic(ctx context.Context, topic string, partitions int, configs map[string]string) error {
	pointers := map[string]*string{}
	for key, value := range configs {
		pointers[key] = &value
	}
	_, err := a.Client.CreateTopic(ctx, int32(partitions), 3, pointers, topic)
	return err
}

func (a admin) DeleteTopic(ctx context.Context, topic string) error {
	_, err := a.Client.DeleteTopic(ctx, topic)
	return err
}

func (a admin) Partitions(ctx context.Context, topic string) (int, error) {
	topics, err := a.ListTopics(ctx)
	return len(topics[topic].Partitions), err
}

func (a admin) AddPartitions(ctx context.Context, topic string, total int) error {
	answers, err := a.UpdatePartitions(ctx, total, topic)
	if err != nil {
		return err
	}
	return answers.Error()
}

func (a admin) TopicConfig(ctx context.Context, topic, key string) (string, error) {
	configs, err := a.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return "", err
	}
	return configOf(configs, topic, key)
}

func (a admin) BrokerConfig(ctx context.Context, broker int, key string) (string, error) {
	configs, err := a.DescribeBrokerConfigs(ctx, int32(broker))
	if err != nil {
		return "", err
	}
	return configOf(configs, fmt.Sprint(broker), key)
}

func configOf(configs kadm.ResourceConfigs, resource, key string) (string, error) {
	found, err := configs.On(resource, nil)
	if err == nil {
		err = found.Err
	}
	for _, c := range found.Configs {
		if c.Key == key {
			return c.MaybeValue(), err
		}
	}
	return "", err
}

func (a admin) SetTopicConfig(ctx context.Context, topic, key, value string) error {
	answers, err := a.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, topic)
	if err != nil {
		return err
	}
	_, err = answers.On(topic, func(r *kadm.AlterConfigsResponse) error { return r.Err })
	return err
}

func (a admin) Offsets(ctx context.Context, topic string, partition int32) (int64, int64, error) {
	starts, err := a.ListStartOffsets(ctx, topic)
	if err != nil {
		return 0, 0, err
	}
	ends, err := a.ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, 0, err
	}
	start, _ := starts.Lookup(topic, partition)
	end, _ := ends.Lookup(topic, partition)
	return start.Offset, end.Offset, end.Err
}

func (a admin) DeleteRecords(ctx context.Context, topic string, partition int32, before int64) error {
	var offsets kadm.Offsets
	offsets.AddOffset(topic, partition, before, -1)
	answers, err := a.Client.DeleteRecords(ctx, offsets)
	if err != nil {
		return err
	}
	return answers.Error()
}

func (a admin) ListGroups(ctx context.Context) ([]string, error) {
	groups, err := a.Client.ListGroups(ctx)
	return groups.Groups(), err
}

func (a admin) DescribeGroup(ctx context.Context, group string) (string, int, error) {
	groups, err := a.DescribeGroups(ctx, group)
	if err != nil {
		return "", 0, err
	}
	described, err := groups.On(group, nil)
	if err == nil {
		err = described.Err
	}
	return described.State, len(described.Members), err
}

func (a admin) DeleteGroup(ctx context.Context, group string) error {
	_, err := a.Client.DeleteGroup(ctx, group)
	return err
}

func (a admin) GroupOffset(ctx context.Context, group, topic string, partition int32) (int64, error) {
	offsets, err := a.FetchOffsets(ctx, group)
	if err != nil {
		return 0, err
	}
	at, ok := offsets.Lookup(topic, partition)
	if !ok {
		return -1, nil
	}
	return at.At, at.Err
}

func (a admin) SetGroupOffset(ctx context.Context, group, topic string, partition int32, offset int64) error {
	var offsets kadm.Offsets
	offsets.AddOffset(topic, partition, offset, -1)
	answers, err := a.CommitOffsets(ctx, group, offsets)
	if err != nil {
		return err
	}
	return answers.Error()
}

func (a admin) DeleteGroupOffset(ctx context.Context, group, topic string, partition int32) error {
	answers, err := a.DeleteOffsets(ctx, group, kadm.TopicsSet{topic: {partition: {}}})
	if err != nil {
		return err
	}
	return answers.Error()
}
