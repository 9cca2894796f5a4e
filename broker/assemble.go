package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/api"
	"klab/broker/config"
	"klab/broker/controller"
	"klab/broker/internaltopic"
	"klab/broker/replica"
	"klab/coordinator/znode"
)

// assemble builds the parts from each other. Nothing runs yet.
func (b *Broker) assemble(ctx context.Context) {
	b.controller = controller.NewShell(b.shellConfig())
	b.peers = &peers{
		clientID:   fmt.Sprintf("broker-%d", b.id),
		listener:   b.cfg.InterBrokerListener(),
		dial:       b.opt.Dial,
		timeout:    b.cfg.Duration("request.timeout.ms"),
		maxBytes:   b.cfg.Int("socket.request.max.bytes"),
		metadata:   b.metadata,
		controller: b.controller,
	}
	b.producers = &producerIDs{allocate: b.allocateProducerIDs}
	b.replicas = replica.New(b.replicaConfig())
	b.applyThrottles()
	b.applyLimits(ctx)
	b.offsetsTopic = b.newInternalTopic(internaltopic.ConsumerOffsets)
	b.transactionTopic = b.newInternalTopic(internaltopic.TransactionState)
	b.groups = b.newGroups(b.offsetsTopic)
	b.assembleTransactions()
	b.coordinators = map[string]internaltopic.Coordinator{
		internaltopic.ConsumerOffsets: b.groups, internaltopic.TransactionState: b.transactions,
	}
	b.server.Handle(api.Table(b.deps()))
}

func (b *Broker) shellConfig() controller.ShellConfig {
	return controller.ShellConfig{
		BrokerID:          b.id,
		Session:           b.zk,
		Listener:          b.cfg.InterBrokerListener(),
		Dial:              b.opt.Dial,
		Clock:             b.opt.Clock,
		Log:               b.levels.Logger("kafka.controller.KafkaController"),
		Observe:           b.opt.Observe,
		Register:          b.register,
		RequestTimeout:    b.cfg.Duration("controller.socket.timeout.ms"),
		UncleanElection:   b.cfg.Bool("unclean.leader.election.enable"),
		NoDeleteTopics:    !b.cfg.Bool("delete.topic.enable"),
		AutoRebalance:     b.cfg.Bool("auto.leader.rebalance.enable"),
		ImbalancePercent:  b.cfg.Int("leader.imbalance.per.broker.percentage"),
		ImbalanceInterval: time.Duration(b.cfg.Int64("leader.imbalance.check.interval.seconds")) * time.Second,
		DefaultPartitions: int32(b.cfg.Int("num.partitions")),
		DefaultReplicas:   int16(b.cfg.Int("default.replication.factor")),
		TopicConfig:       b.describeNewTopic,
	}
}

// describeNewTopic checks a new topic's overrides and describes its whole configuration (KIP-525).
func (b *Broker) describeNewTopic(overrides map[string]string) ([]kmsg.CreateTopicsResponseTopicConfig, error) {
	tc, err := b.cfg.Topic(overrides)
	if err != nil {
		text, _ := config.KafkaMessage(err)
		return nil, errors.New(text)
	}
	var all []kmsg.CreateTopicsResponseTopicConfig
	for i := range config.TopicTable().Keys() {
		k := &config.TopicTable().Keys()[i]
		c := kmsg.NewCreateTopicsResponseTopicConfig()
		c.Name, c.Source = k.Name, int8(config.Default)
		if text, ok := tc.Text(k.Name); ok {
			c.Value = &text
		}
		if synonyms := tc.Synonyms(k.Name); len(synonyms) > 0 {
			c.Source = int8(synonyms[0].Source)
		}
		all = append(all, c)
	}
	return all, nil
}

func (b *Broker) replicaConfig() replica.Config {
	c := b.cfg
	return replica.Config{
		BrokerID:       b.id,
		Dirs:           b.dirs,
		Metadata:       b.metadata,
		Clock:          b.opt.Clock,
		Log:            b.levels.Logger("kafka.server.ReplicaManager"),
		Buffers:        &b.buffers,
		Observe:        b.opt.Observe,
		Dial:           b.sizedDial,
		Listener:       c.InterBrokerListener(),
		AlterPartition: b.alterPartition,
		BrokerEpoch:    b.epoch.Load,
		LogConfig:      b.topics.logConfig,
		MinInSync:      b.topics.minInSync,
		Throttled:      b.topics.throttled,
		DirFailed:      b.dirFailed,

		LeadershipChanged: b.leadershipChanged,

		LagTimeMax:            c.Duration("replica.lag.time.max.ms"),
		FetchWaitMax:          c.Duration("replica.fetch.wait.max.ms"),
		FetchMinBytes:         c.Int("replica.fetch.min.bytes"),
		FetchMaxBytes:         c.Int("replica.fetch.max.bytes"),
		FetchResponseMaxBytes: c.Int("replica.fetch.response.max.bytes"),
		FetchBackoff:          c.Duration("replica.fetch.backoff.ms"),
		SocketTimeout:         c.Duration("replica.socket.timeout.ms"),
		NumFetchers:           c.Int("num.replica.fetchers"),
		ClientFetchMaxBytes:   c.Int("fetch.max.bytes"),
		FetchSessionSlots:     c.Int("max.incremental.fetch.session.cache.slots"),
		RackAware:             strings.HasSuffix(c.String("replica.selector.class"), "RackAwareReplicaSelector"),

		HighWatermarkCheckpointInterval: c.Duration("replica.high.watermark.checkpoint.interval.ms"),
		RecoveryPointCheckpointInterval: c.Duration("log.flush.offset.checkpoint.interval.ms"),
		LogStartCheckpointInterval:      c.Duration("log.flush.start.offset.checkpoint.interval.ms"),
		RetentionCheckInterval:          c.Duration("log.retention.check.interval.ms"),
		ProducerCheckInterval:           c.Duration("producer.id.expiration.check.interval.ms"),
		InitialTaskDelay:                c.Duration("log.initial.task.delay.ms"),
		FlushSchedulerInterval:          c.Duration("log.flush.scheduler.interval.ms"),

		Cleaner: b.cleanerConfig(),
	}
}

func (b *Broker) alterPartition(ctx context.Context, req *kmsg.AlterPartitionRequest) (*kmsg.AlterPartitionResponse, error) {
	resp, err := b.peers.forward(ctx, req)
	if err != nil {
		return nil, err
	}
	return resp.(*kmsg.AlterPartitionResponse), nil
}

// dirFailed tells the controller that a log directory is gone, or stops the broker if it was the last (kafka-formats D.11).
func (b *Broker) dirFailed(dir string, why error) {
	if b.stopping.Load() {
		return
	}
	online := 0
	for _, d := range b.replicas.LogDirs() {
		if d.Err == nil {
			online++
		}
	}
	if online == 0 {
		b.fail(fmt.Errorf("the last log directory, %s, failed: %w", dir, why))
		return
	}
	b.background.start(func(ctx context.Context) {
		if _, err := b.zk.Create(ctx, znode.LogDirEventPrefix, znode.EncodeLogDirEvent(b.id), zk.FlagSequence); err != nil {
			b.log.Error("cannot tell the controller of a failed log directory", "dir", dir, "error", err)
		}
	})
}
