package main

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"
)

// admin is the half of the client that administers.
type admin struct{ cluster sarama.ClusterAdmin }

func (a admin) CreateTopic(_ context.Context, topic string, partitions int, configs map[string]string) error {
	entries := map[string]*string{}
	for key, value := range configs {
		entries[key] = &value
	}
	detail := &sarama.TopicDetail{NumPartitions: int32(partitions), ReplicationFactor: 3, ConfigEntries: entries}
	return a.cluster.CreateTopic(topic, detail, false)
}

func (a admin) DeleteTopic(_ context.Context, topic string) error {
	return a.cluster.DeleteTopic(topic)
}

func (a admin) Partitions(_ context.Context, topic string) (int, error) {
	topics, err := a.cluster.ListTopics()
	return int(topics[topic].NumPartitions), err
}

func (a admin) AddPartitions(_ context.Context, topic string, total int) error {
	return a.cluster.CreatePartitions(topic, int32(total), nil, false)
}

func (a admin) config(kind sarama.ConfigResourceType, name, key string) (string, error) {
	entries, err := a.cluster.DescribeConfig(sarama.ConfigResource{Type: kind, Name: name, ConfigNames: []string{key}})
	if err != nil || len(entries) != 1 {
		return "", fmt.Errorf("described %d configs of %s: %w", len(entries), name, err)
	}
	return entries[0].Value, nil
}

func (a admin) TopicConfig(_ context.Context, topic, key string) (string, error) {
	return a.config(sarama.TopicResource, topic, key)
}

func (a admin) BrokerConfig(_ context.Context, broker int, key string) (string, error) {
	return a.config(sarama.BrokerResource, fmt.Sprint(broker), key)
}

func (a admin) SetTopicConfig(_ context.Context, topic, key, value string) error {
	set := sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value}
	return a.cluster.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{key: set}, false)
}

func (a admin) Offsets(_ context.Context, topic string, partition int32) (int64, int64, error) {
	var ends [2]int64
	for i, at := range []int64{sarama.OffsetOldest, sarama.OffsetNewest} {
		answers, err := a.cluster.ListOffsets(map[string]map[int32]int64{topic: {partition: at}}, nil)
		if err != nil {
			return 0, 0, err
		}
		ends[i] = answers[topic][partition].Offset
	}
	return ends[0], ends[1], nil
}

func (a admin) DeleteRecords(_ context.Context, topic string, partition int32, before int64) error {
	return a.cluster.DeleteRecords(topic, map[int32]int64{partition: before})
}

func (a admin) ListGroups(context.Context) ([]string, error) {
	groups, err := a.cluster.ListConsumerGroups()
	var names []string
	for name := range groups {
		names = append(names, name)
	}
	return names, err
}

func (a admin) DescribeGroup(_ context.Context, group string) (string, int, error) {
	groups, err := a.cluster.DescribeConsumerGroups([]string{group})
	if err != nil {
		return "", 0, err
	}
	return groups[0].State, len(groups[0].Members), nil
}

func (a admin) DeleteGroup(_ context.Context, group string) error {
	return a.cluster.DeleteConsumerGroup(group)
}

func (a admin) GroupOffset(_ context.Context, group, topic string, partition int32) (int64, error) {
	offsets, err := a.cluster.ListConsumerGroupOffsets(group, map[string][]int32{topic: {partition}})
	if err != nil {
		return 0, err
	}
	if offsets.Err != sarama.ErrNoError {
		return 0, offsets.Err
	}
	return offsets.GetBlock(topic, partition).Offset, nil
}

func (a admin) SetGroupOffset(_ context.Context, group, topic string, partition int32, offset int64) error {
	at := sarama.OffsetAndMetadata{Offset: offset, LeaderEpoch: -1}
	answer, err := a.cluster.AlterConsumerGroupOffsets(group, map[string]map[int32]sarama.OffsetAndMetadata{topic: {partition: at}}, nil)
	if err == nil && answer.Errors[topic][partition] != sarama.ErrNoError {
		err = answer.Errors[topic][partition]
	}
	return err
}

func (a admin) DeleteGroupOffset(_ context.Context, group, topic string, partition int32) error {
	return a.cluster.DeleteConsumerGroupOffset(group, topic, partition)
}
