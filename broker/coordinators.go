package broker

import (
	"strconv"
	"time"

	"klab/broker/internaltopic"
	"klab/broker/replica"
)

// newInternalTopic describes one of Kafka's own topics, as this broker's configuration wants it (kafka-formats C).
func (b *Broker) newInternalTopic(name string) *internaltopic.Topic {
	prefix, timeout, buffer, acks := "offsets.topic.", "offsets.commit.timeout.ms", "offsets.load.buffer.size", b.cfg.Int("offsets.commit.required.acks")
	configs := map[string]string{"cleanup.policy": "compact", "compression.type": "producer"}
	if name == internaltopic.TransactionState {
		prefix, timeout, buffer, acks = "transaction.state.log.", "request.timeout.ms", "transaction.state.log.load.buffer.size", -1
		configs["compression.type"] = "uncompressed"
		configs["unclean.leader.election.enable"] = "false"
		configs["min.insync.replicas"] = strconv.Itoa(b.cfg.Int("transaction.state.log.min.isr"))
	}
	configs["segment.bytes"] = strconv.Itoa(b.cfg.Int(prefix + "segment.bytes"))
	return internaltopic.New(internaltopic.Config{
		Name:              name,
		Partitions:        func() int32 { return int32(b.cfg.Int(prefix + "num.partitions")) },
		ReplicationFactor: func() int16 { return int16(b.cfg.Int(prefix + "replication.factor")) },
		Configs:           configs,
		Acks:              int16(acks),
		LoadBytes:         b.cfg.Int(buffer),
		AppendTimeout:     func() time.Duration { return b.cfg.Duration(timeout) },
		Metadata:          b.metadata,
		Replicas:          b.replicas,
		Clock:             b.opt.Clock,
		Log:               b.levels.Logger("kafka.coordinator"),
		Forward:           b.peers.forward,
	})
}

// leadershipChanged tells the coordinators which partitions of their topics are theirs now.
func (b *Broker) leadershipChanged(all []replica.Leadership) {
	for _, l := range all {
		switch c := b.coordinators[l.Topic]; {
		case c == nil:
		case l.Leads:
			c.Elected(l.Partition, l.LeaderEpoch)
		default:
			c.Resigned(l.Partition, l.LeaderEpoch)
		}
	}
}
