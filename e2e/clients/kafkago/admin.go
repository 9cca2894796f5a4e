package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"

	"klab/e2e/clients/checklist"
)

// admin is the half of the client that administers.
type admin struct{ cluster *kafka.Client }

func (a admin) CreateTopic(ctx context.Context, topic string, partitions int, configs map[string]string) error {
	config := kafka.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: 3}
	for key, value := range configs {
		config.ConfigEntries = append(config.ConfigEntries, kafka.ConfigEntry{ConfigName: key, ConfigValue: value})
	}
	answer, err := a.cluster.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{config}})
	if err != nil {
		return err
	}
	return answer.Errors[topic]
}

func (a admin) DeleteTopic(ctx context.Context, topic string) error {
	answer, err := a.cluster.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err != nil {
		return err
	}
	return answer.Errors[topic]
}

func (a admin) Partitions(ctx context.Context, topic string) (int, error) {
	answer, err := a.cluster.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return 0, err
	}
	for _, t := range answer.Topics {
		if t.Name == topic {
			return len(t.Partitions), t.Error
		}
	}
	return 0, nil
}

func (a admin) AddPartitions(ctx context.Context, topic string, total int) error {
	more := kafka.TopicPartitionsConfig{Name: topic, Count: int32(total)}
	answer, err := a.cluster.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{more}})
	if err != nil {
		return err
	}
	return answer.Errors[topic]
}

func (a admin) config(ctx context.Context, kind kafka.ResourceType, name, key string) (string, error) {
	resource := kafka.DescribeConfigRequestResource{ResourceType: kind, ResourceName: name, ConfigNames: []string{key}}
	answer, err := a.cluster.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{resource}})
	if err != nil {
		return "", err
	}
	found := answer.Resources[0]
	if found.Error != nil || len(found.ConfigEntries) != 1 {
		return "", fmt.Errorf("described %d configs of %s: %w", len(found.ConfigEntries), name, found.Error)
	}
	return found.ConfigEntries[0].ConfigValue, nil
}

func (a admin) TopicConfig(ctx context.Context, topic, key string) (string, error) {
	return a.config(ctx, kafka.ResourceTypeTopic, topic, key)
}

func (a admin) BrokerConfig(ctx context.Context, broker int, key string) (string, error) {
	return a.config(ctx, kafka.ResourceTypeBroker, fmt.Sprint(broker), key)
}

func (a admin) SetTopicConfig(ctx context.Context, topic, key, value string) error {
	set := kafka.IncrementalAlterConfigsRequestConfig{Name: key, Value: value, ConfigOperation: kafka.ConfigOperationSet}
	resource := kafka.IncrementalAlterConfigsRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
		Configs: []kafka.IncrementalAlterConfigsRequestConfig{set}}
	answer, err := a.cluster.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{resource}})
	if err != nil {
		return err
	}
	return answer.Resources[0].Error
}

func (a admin) Offsets(ctx context.Context, topic string, partition int32) (int64, int64, error) {
	p := int(partition)
	asked := map[string][]kafka.OffsetRequest{topic: {kafka.FirstOffsetOf(p), kafka.LastOffsetOf(p)}}
	answer, err := a.cluster.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: asked})
	if err != nil {
		return 0, 0, err
	}
	found := answer.Topics[topic][0]
	return found.FirstOffset, found.LastOffset, found.Error
}

func (a admin) DeleteRecords(context.Context, string, int32, int64) error {
	return checklist.Unsupported("the library has no DeleteRecords")
}

func (a admin) ListGroups(ctx context.Context) ([]string, error) {
	answer, err := a.cluster.ListGroups(ctx, &kafka.ListGroupsRequest{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, g := range answer.Groups {
		names = append(names, g.GroupID)
	}
	return names, answer.Error
}

func (a admin) DescribeGroup(ctx context.Context, group string) (string, int, error) {
	answer, err := a.cluster.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{group}})
	if err != nil {
		return "", 0, err
	}
	found := answer.Groups[0]
	return found.GroupState, len(found.Members), found.Error
}

func (a admin) DeleteGroup(ctx context.Context, group string) error {
	answer, err := a.cluster.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{group}})
	if err != nil {
		return err
	}
	return answer.Errors[group]
}

func (a admin) GroupOffset(ctx context.Context, group, topic string, partition int32) (int64, error) {
	answer, err := a.cluster.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: {int(partition)}}})
	if err != nil {
		return 0, err
	}
	found := answer.Topics[topic][0]
	return found.CommittedOffset, errors.Join(answer.Error, found.Error)
}

func (a admin) SetGroupOffset(ctx context.Context, group, topic string, partition int32, offset int64) error {
	at := kafka.OffsetCommit{Partition: int(partition), Offset: offset}
	answer, err := a.cluster.OffsetCommit(ctx, &kafka.OffsetCommitRequest{GroupID: group, GenerationID: -1,
		Topics: map[string][]kafka.OffsetCommit{topic: {at}}})
	if err != nil {
		return err
	}
	return answer.Topics[topic][0].Error
}

func (a admin) DeleteGroupOffset(ctx context.Context, group, topic string, partition int32) error {
	answer, err := a.cluster.OffsetDelete(ctx, &kafka.OffsetDeleteRequest{GroupID: group, Topics: map[string][]int{topic: {int(partition)}}})
	if err != nil {
		return err
	}
	return errors.Join(answer.Error, answer.Topics[topic][0].Error)
}
