package cluster

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// NewTopic says how a topic shall be made.
type NewTopic struct {
	Name              string
	Partitions        int32             // 0: the cluster's num.partitions
	ReplicationFactor int16             // 0: the cluster's default.replication.factor
	Config            map[string]string // Kafka's topic configuration names
}

func (n NewTopic) command(to addressee) Command {
	klab, kafka := []string{"topic", "create", n.Name}, []string{"--create", "--topic", n.Name}
	both := func(words ...string) { klab, kafka = append(klab, words...), append(kafka, words...) }
	if n.Partitions > 0 {
		both("--partitions", strconv.Itoa(int(n.Partitions)))
	}
	if n.ReplicationFactor > 0 {
		both("--replication-factor", strconv.Itoa(int(n.ReplicationFactor)))
	}
	for _, key := range sortedKeys(n.Config) {
		both("--config", key+"="+n.Config[key])
	}
	return Command{Klab: to.klab(klab...), Kafka: to.kafka("kafka-topics.sh", kafka...)}
}

// CreateTopic makes a topic, and returns when every broker that answers knows it, so that whoever comes next finds it wherever
// he asks. Errors are Kafka's: TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_REPLICATION_FACTOR, …
func (c *Cluster) CreateTopic(ctx context.Context, n NewTopic) error {
	return c.administer(ctx, n, "create topic "+n.Name, func(ctx context.Context, adm *kadm.Client) error {
		partitions, replication := n.Partitions, n.ReplicationFactor
		if partitions == 0 {
			partitions = -1
		}
		if replication == 0 {
			replication = -1
		}
		config := make(map[string]*string, len(n.Config))
		for key, value := range n.Config {
			config[key] = &value
		}
		resp, err := adm.CreateTopic(ctx, partitions, replication, config, n.Name)
		if err == nil {
			c.awaitTopic(ctx, n.Name)
		}
		return withMessage(err, resp.ErrMessage)
	})
}

// untilKnown bounds the wait for a new topic to be known by all: it exists all the same, and a broker may be paused.
const untilKnown = time.Second

// awaitTopic waits until every broker names a leader of each partition of a topic: the controller answers for itself, and tells
// the others.
func (c *Cluster) awaitTopic(ctx context.Context, topic string) {
	client, err := c.kafka()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, untilKnown)
	defer cancel()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for _, b := range client.DiscoveredBrokers() {
		for !knows(ctx, b, topic) {
			select {
			case <-look.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// knows reports whether a broker names a leader of each partition of a topic. One that does not answer misleads nobody.
func knows(ctx context.Context, b *kgo.Broker, topic string) bool {
	req := kmsg.NewPtrMetadataRequest()
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = &topic
	req.Topics = append(req.Topics, asked)
	resp, err := req.RequestWith(ctx, b)
	if err != nil {
		return true
	}
	for _, t := range resp.Topics {
		leaderless := func(p kmsg.MetadataResponseTopicPartition) bool { return p.Leader < 0 }
		if t.ErrorCode != 0 || slices.ContainsFunc(t.Partitions, leaderless) {
			return false
		}
	}
	return len(resp.Topics) > 0
}

// DeleteTopic is the request to delete a topic with all its records.
type DeleteTopic struct{ Name string }

func (d DeleteTopic) command(to addressee) Command {
	return Command{
		Klab:  to.klab("topic", "delete", d.Name),
		Kafka: to.kafka("kafka-topics.sh", "--delete", "--topic", d.Name),
	}
}

// DeleteTopic deletes a topic with all its records.
func (c *Cluster) DeleteTopic(ctx context.Context, name string) error {
	return c.administer(ctx, DeleteTopic{name}, "delete topic "+name, func(ctx context.Context, adm *kadm.Client) error {
		resp, err := adm.DeleteTopic(ctx, name)
		return withMessage(err, resp.ErrMessage)
	})
}

// AddPartitions is the request to raise a topic's number of partitions to Total.
type AddPartitions struct {
	Topic string
	Total int
}

func (a AddPartitions) command(to addressee) Command {
	total := strconv.Itoa(a.Total)
	return Command{
		Klab:  to.klab("topic", "alter", a.Topic, "--partitions", total),
		Kafka: to.kafka("kafka-topics.sh", "--alter", "--topic", a.Topic, "--partitions", total),
	}
}

// AddPartitions raises a topic's number of partitions to total. Keys move: their partition is a hash modulo that number.
func (c *Cluster) AddPartitions(ctx context.Context, topic string, total int) error {
	what := fmt.Sprintf("raise topic %s to %d partitions", topic, total)
	return c.administer(ctx, AddPartitions{topic, total}, what, func(ctx context.Context, adm *kadm.Client) error {
		resps, err := adm.UpdatePartitions(ctx, total, topic)
		if err != nil {
			return err
		}
		resp, err := resps.On(topic, nil)
		if err != nil {
			return err
		}
		return withMessage(resp.Err, resp.ErrMessage)
	})
}

// ElectPreferred is the request to give partitions back to the first of their replicas.
type ElectPreferred struct {
	Topic      string  // empty: all topics
	Partitions []int32 // nil: all partitions of Topic
}

func (e ElectPreferred) command(to addressee) Command {
	klab, kafka := []string{"topic", "elect"}, []string{"--election-type", "preferred"}
	if e.Topic == "" {
		return Command{Klab: to.klab(append(klab, "--all")...), Kafka: to.kafka("kafka-leader-election.sh", append(kafka, "--all-topic-partitions")...)}
	}
	klab = append(klab, e.Topic)
	kafka = append(kafka, "--topic", e.Topic)
	if len(e.Partitions) == 1 {
		id := strconv.Itoa(int(e.Partitions[0]))
		klab, kafka = append(klab, "--partition", id), append(kafka, "--partition", id)
	}
	return Command{Klab: to.klab(klab...), Kafka: to.kafka("kafka-leader-election.sh", kafka...)}
}

// ElectPreferred makes the first replica of each partition its leader, where it is in the ISR and does not lead already
// (KIP-460). Without partitions it is all of the topic's, without topic all of the cluster's. A partition that its preferred
// replica leads already is no error.
func (c *Cluster) ElectPreferred(ctx context.Context, topic string, partitions ...int32) error {
	what := "elect preferred leaders"
	if topic != "" {
		what += " of " + topic
	}
	r := ElectPreferred{Topic: topic, Partitions: partitions}
	return c.administer(ctx, r, what, func(ctx context.Context, adm *kadm.Client) error {
		set, err := electionSet(ctx, adm, topic, partitions)
		if err != nil {
			return err
		}
		results, err := adm.ElectLeaders(ctx, kadm.ElectPreferredReplica, set)
		if err != nil {
			return err
		}
		return electionErrors(results)
	})
}

func electionSet(ctx context.Context, adm *kadm.Client, topic string, partitions []int32) (kadm.TopicsSet, error) {
	if topic == "" {
		return nil, nil
	}
	var set kadm.TopicsSet
	if len(partitions) > 0 {
		set.Add(topic, partitions...)
		return set, nil
	}
	topics, err := adm.ListTopicsWithInternal(ctx, topic)
	if err != nil {
		return nil, err
	}
	if err := topics[topic].Err; err != nil {
		return nil, err
	}
	set.Add(topic, topics[topic].Partitions.Numbers()...)
	return set, nil
}

func electionErrors(results kadm.ElectLeadersResults) error {
	var failed []string
	var first error
	for topic, partitions := range results {
		for id, r := range partitions {
			if r.Err == nil || r.Err == kerr.ElectionNotNeeded {
				continue
			}
			failed, first = append(failed, fmt.Sprintf("%s/%d", topic, id)), withMessage(r.Err, r.ErrMessage)
		}
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", strings.Join(failed, ", "), first)
}

// withMessage adds the broker's own words to a Kafka error, where it sent some.
func withMessage(err error, message string) error {
	if err == nil || message == "" || strings.Contains(err.Error(), message) {
		return err
	}
	return fmt.Errorf("%w (%s)", err, message)
}
