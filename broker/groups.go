package broker

import (
	"time"

	"klab/broker/group"
	"klab/broker/internaltopic"
	"klab/broker/storage/batch"
)

// newGroups makes the coordinator of consumer groups, as this broker's configuration wants it.
func (b *Broker) newGroups(topic *internaltopic.Topic) *group.Coordinator {
	c := b.cfg
	return group.NewCoordinator(group.Config{
		BrokerID: b.id,
		Topic:    topic,
		Limits: group.Limits{
			MinSession:   c.Duration("group.min.session.timeout.ms"),
			MaxSession:   c.Duration("group.max.session.timeout.ms"),
			InitialDelay: c.Duration("group.initial.rebalance.delay.ms"),
			MaxSize:      c.Int("group.max.size"),
			MetadataMax:  c.Int("offset.metadata.max.bytes"),
			Retention:    time.Duration(c.Int("offsets.retention.minutes")) * time.Minute,
		},
		Codec:         batch.Codec(c.Int("offsets.topic.compression.codec")),
		CheckInterval: c.Duration("offsets.retention.check.interval.ms"),
		Clock:         b.opt.Clock,
		Log:           b.levels.Logger("kafka.coordinator.group.GroupCoordinator"),
		Observe:       b.opt.Observe,
		Verify:        b.verifyOffsets,
	})
}

// topicDeleted forgets what this broker knows of a topic that the controller says is gone.
func (b *Broker) topicDeleted(topic string) {
	b.topics.forget(topic)
	b.groups.TopicDeleted(topic)
}
