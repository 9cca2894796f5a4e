package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TopicConfig is one configuration entry of a topic.
type TopicConfig struct {
	Name      string
	Value     string
	Source    string // Kafka's: DYNAMIC_TOPIC_CONFIG, STATIC_BROKER_CONFIG, DEFAULT_CONFIG, …
	Default   bool
	Sensitive bool // Value is not shown
}

// DescribeConfigs is the request to read a topic's configuration.
type DescribeConfigs struct{ Topic string }

func (d DescribeConfigs) command(to addressee) Command {
	return Command{
		Klab:  to.klab("topic", "describe", d.Topic, "--all-configs"),
		Kafka: to.kafka("kafka-configs.sh", "--describe", "--topic", d.Topic, "--all"),
	}
}

// TopicConfigs reads the configuration of a topic, by name. Any broker can answer.
func (c *Cluster) TopicConfigs(ctx context.Context, topic string) ([]TopicConfig, error) {
	var configs []TopicConfig
	err := c.perform(ctx, DescribeConfigs{topic}, func(ctx context.Context) (err error) {
		configs, _, err = hedged(ctx, c.askFirst(), func(ctx context.Context, address string) ([]TopicConfig, error) {
			return c.askTopicConfigs(ctx, address, topic)
		})
		if err != nil {
			return fmt.Errorf("cannot read configuration of topic %s: %w", topic, c.explain(err))
		}
		return nil
	})
	return configs, err
}

func (c *Cluster) askTopicConfigs(ctx context.Context, address, topic string) ([]TopicConfig, error) {
	l, err := c.link(address)
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrDescribeConfigsRequest()
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	req.Resources = append(req.Resources, resource)
	resp, err := l.request(ctx, req)
	if err != nil {
		return nil, err
	}
	found := resp.(*kmsg.DescribeConfigsResponse).Resources
	if len(found) != 1 {
		return nil, errors.New("it answered for another topic")
	}
	if err := kerr.ErrorForCode(found[0].ErrorCode); err != nil {
		return nil, withMessage(err, text(found[0].ErrorMessage))
	}
	return topicConfigs(found[0].Configs), nil
}

func topicConfigs(found []kmsg.DescribeConfigsResponseResourceConfig) []TopicConfig {
	configs := make([]TopicConfig, 0, len(found))
	for _, f := range found {
		configs = append(configs, TopicConfig{
			Name: f.Name, Value: text(f.Value), Source: f.Source.String(), Sensitive: f.IsSensitive,
			Default: f.IsDefault || f.Source == kmsg.ConfigSourceDefaultConfig,
		})
	}
	slices.SortFunc(configs, func(a, b TopicConfig) int { return strings.Compare(a.Name, b.Name) })
	return configs
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
