package broker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"klab/broker/config"
	"klab/broker/storage"
	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// topicConfigs are the configurations of the topics that have replicas here, read from /config/topics when they are first
// asked for and kept until a change notification or the topic's deletion. Safe for concurrent use.
type topicConfigs struct {
	cfg *config.Config
	zk  *session.Client
	log *slog.Logger

	mu    sync.RWMutex
	known map[string]topicConfig
}

// topicConfig is one topic's configuration with what is asked for often worked out.
type topicConfig struct {
	overrides map[string]string
	config.TopicConfig
	log storage.LogConfig
}

// readTimeout bounds the wait for ZooKeeper where a partition cannot wait for ever.
const readTimeout = 10 * time.Second

func newTopicConfigs(cfg *config.Config, zk *session.Client, log *slog.Logger) *topicConfigs {
	return &topicConfigs{cfg: cfg, zk: zk, log: log, known: make(map[string]topicConfig)}
}

// get returns the topic's configuration. When ZooKeeper does not answer it is the broker's defaults, until it does.
func (t *topicConfigs) get(topic string) topicConfig {
	t.mu.RLock()
	c, ok := t.known[topic]
	t.mu.RUnlock()
	if ok {
		return c
	}
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	c, err := t.load(ctx, topic)
	if err != nil {
		t.log.Error("cannot read a topic's configuration; the broker's defaults stand in", "topic", topic, "error", err)
		return t.resolve(topic, nil)
	}
	return c
}

// load reads the topic's overrides and keeps the result.
func (t *topicConfigs) load(ctx context.Context, topic string) (topicConfig, error) {
	overrides, err := t.read(ctx, topic)
	if err != nil {
		return topicConfig{}, err
	}
	c := t.resolve(topic, overrides)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known[topic] = c
	return c, nil
}

// read returns what /config/topics/<topic> says; no node means no overrides.
func (t *topicConfigs) read(ctx context.Context, topic string) (map[string]string, error) {
	return readOverrides(ctx, t.zk, t.log, znode.TopicConfigPath(topic))
}

func (t *topicConfigs) resolve(topic string, overrides map[string]string) topicConfig {
	tc, err := t.cfg.StoredTopic(overrides)
	if err != nil {
		t.log.Warn("some of a topic's configuration is not usable", "topic", topic, "error", err)
	}
	return topicConfig{overrides: overrides, TopicConfig: tc, log: tc.LogConfig()}
}

// fetch reads the topic's configuration without keeping it, for those who ask about a topic that may not live here.
func (t *topicConfigs) fetch(ctx context.Context, topic string) (config.TopicConfig, error) {
	overrides, err := t.read(ctx, topic)
	if err != nil {
		return config.TopicConfig{}, err
	}
	return t.resolve(topic, overrides).TopicConfig, nil
}

// forget drops a deleted topic: one of the same name may come with another configuration.
func (t *topicConfigs) forget(topic string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.known, topic)
}

// isKnown reports whether the topic has been asked for.
func (t *topicConfigs) isKnown(topic string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, ok := t.known[topic]
	return ok
}

// rebase resolves every topic anew after the broker's own configuration has changed, and returns the topics.
func (t *topicConfigs) rebase() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	topics := make([]string, 0, len(t.known))
	for name, c := range t.known {
		t.known[name] = t.resolve(name, c.overrides)
		topics = append(topics, name)
	}
	return topics
}

func (t *topicConfigs) logConfig(topic string) storage.LogConfig { return t.get(topic).log }
func (t *topicConfigs) throttled(topic string) (leader, follower []string) {
	c := t.get(topic)
	return c.List("leader.replication.throttled.replicas"), c.List("follower.replication.throttled.replicas")
}
func (t *topicConfigs) minInSync(topic string) int { return t.get(topic).Int("min.insync.replicas") }
