package broker

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"

	"klab/broker/config"
	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// watchAgain is the pause after ZooKeeper refused to be read, which is never ordinary.
const watchAgain = time.Second

// follow calls read, which acts on what it finds and arms a watch, again whenever the watch fires or ends with its session.
func (b *Broker) follow(ctx context.Context, what string, read func(ctx context.Context) (<-chan zk.Event, error)) {
	for ctx.Err() == nil {
		watch, err := read(ctx)
		if err != nil && (ctx.Err() != nil || errors.Is(err, session.ErrClosed)) {
			return
		}
		var again <-chan time.Time
		if err != nil && !errors.Is(err, session.ErrExpired) {
			b.log.Warn("cannot follow "+what, "error", err)
			again = time.After(watchAgain)
		} else if err != nil {
			continue // the next read waits for the next session
		}
		select {
		case <-watch:
		case <-again:
		case <-ctx.Done():
		}
	}
}

// followFeatures keeps the version of /feature, which ApiVersions reports (KIP-584).
func (b *Broker) followFeatures(ctx context.Context) {
	b.follow(ctx, "/feature", func(ctx context.Context) (<-chan zk.Event, error) {
		_, stat, watch, err := b.zk.ExistsW(ctx, znode.FeaturePath)
		if err != nil {
			return nil, err
		}
		version := int64(-1)
		if stat != nil {
			version = int64(stat.Version)
		}
		b.features.Store(version)
		return watch, nil
	})
}

// configChanges processes the notifications under /config/changes (Kafka's ZkNodeChangeNotificationListener).
type configChanges struct {
	*Broker
	last int64 // the highest sequence number that was processed
}

// keepNotifications is how long they stay for slower brokers, by the local clock against the node's creation time.
const keepNotifications = 15 * time.Minute

func (b *Broker) followConfigChanges(ctx context.Context) {
	c := &configChanges{Broker: b, last: -1}
	b.follow(ctx, znode.ConfigChangesPath, c.read)
}

// notification is one node under /config/changes.
type notification struct {
	seq  int64
	path string
}

// read processes what is new and removes what is old. Only ZooKeeper's own errors end it early; what was not reached is
// processed the next time.
func (c *configChanges) read(ctx context.Context) (<-chan zk.Event, error) {
	names, _, watch, err := c.zk.ChildrenW(ctx, znode.ConfigChangesPath)
	if err != nil {
		return nil, err
	}
	all := notificationsOf(names)
	seen := make(map[string]bool) // what several notifications name is read once
	for _, n := range all {
		if n.seq <= c.last {
			continue
		}
		if err := c.process(ctx, n.path, seen); err != nil {
			return nil, err
		}
		c.last = n.seq
	}
	return watch, c.purge(ctx, all)
}

// notificationsOf are those among the names, in the order in which they were written.
func notificationsOf(names []string) []notification {
	var all []notification
	for _, name := range names {
		if seq, ok := znode.SequenceOf(name); ok {
			all = append(all, notification{seq, znode.ConfigChangesPath + "/" + name})
		}
	}
	slices.SortFunc(all, func(a, b notification) int { return cmp.Compare(a.seq, b.seq) })
	return all
}

func (c *configChanges) process(ctx context.Context, path string, seen map[string]bool) error {
	data, _, err := c.zk.Get(ctx, path)
	if errors.Is(err, session.ErrNoNode) {
		return nil // another broker found it old
	}
	if err != nil {
		return err
	}
	entity, err := znode.DecodeConfigChange(data)
	if err != nil {
		c.log.Warn("ignored a configuration change", "path", path, "error", err)
		return nil
	}
	if seen[entity] {
		return nil
	}
	seen[entity] = true
	return c.apply(ctx, entity)
}

// purge removes old notifications, whoever processed them. They come by age: what follows one that is young is younger.
func (c *configChanges) purge(ctx context.Context, all []notification) error {
	for _, n := range all {
		there, stat, err := c.zk.Exists(ctx, n.path)
		if err != nil {
			return err
		}
		if !there { // another broker was faster
			continue
		}
		if c.opt.Clock().Sub(time.UnixMilli(stat.Ctime)) <= keepNotifications {
			return nil
		}
		if err := c.zk.Delete(ctx, n.path, -1); err != nil && !errors.Is(err, session.ErrNoNode) {
			return err
		}
	}
	return nil
}

// apply reads the entity that changed, never the notification, and puts it into effect.
func (c *configChanges) apply(ctx context.Context, entity string) error {
	kind, name, _ := strings.Cut(entity, "/")
	switch kind {
	case znode.ConfigTopics:
		return c.applyTopic(ctx, name)
	case znode.ConfigBrokers:
		return c.loadDynamicConfig(ctx)
	}
	return nil
}

func (c *configChanges) applyTopic(ctx context.Context, topic string) error {
	hosted := c.topics.isKnown(topic)
	if !hosted && !c.controller.IsActive() {
		return nil // it is read when it is needed
	}
	now, err := c.topics.load(ctx, topic)
	if err != nil {
		return err
	}
	if hosted {
		c.replicas.TopicConfigChanged(topic)
	}
	if now.overrides[uncleanElection] != "" && now.Bool(uncleanElection) {
		c.controller.UncleanElectionEnabled(topic)
	}
	return nil
}

// uncleanElection is the key that, once true, lets partitions without a live member of their ISR elect another (KIP-106).
const uncleanElection = "unclean.leader.election.enable"

// loadDynamicConfig reads /config/brokers/<default> and /config/brokers/<id> and applies what changed.
func (b *Broker) loadDynamicConfig(ctx context.Context) error {
	var changed []string
	for _, layer := range []struct {
		source config.Source
		path   string
	}{
		{config.DynamicDefaultBroker, znode.ConfigPath(znode.ConfigBrokers, znode.DefaultEntity)},
		{config.DynamicBroker, znode.BrokerConfigPath(b.id)},
	} {
		props, err := b.readConfig(ctx, layer.path)
		if err != nil {
			return err
		}
		names, err := b.cfg.SetDynamic(layer.source, props)
		if err != nil {
			b.log.Warn("some of the dynamic configuration is not usable", "path", layer.path, "error", err)
		}
		changed = append(changed, names...)
	}
	if len(changed) == 0 || b.replicas == nil {
		return nil
	}
	b.log.Info("the configuration changed", "keys", changed)
	for _, topic := range b.topics.rebase() {
		b.replicas.TopicConfigChanged(topic)
	}
	b.applyDynamic(ctx, changed)
	return nil
}

// readConfig returns the overrides in a configuration node; no node means none.
func (b *Broker) readConfig(ctx context.Context, path string) (map[string]string, error) {
	return readOverrides(ctx, b.zk, b.log, path)
}

// readOverrides reads a configuration node. As in Kafka one that holds garbage counts as empty: the error is ZooKeeper's alone.
func readOverrides(ctx context.Context, client *session.Client, log *slog.Logger, path string) (map[string]string, error) {
	data, _, err := client.Get(ctx, path)
	if errors.Is(err, session.ErrNoNode) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	overrides, err := znode.DecodeConfig(data)
	if err != nil {
		log.Warn("cannot read a configuration in ZooKeeper; it counts as empty until it is written anew", "path", path, "error", err)
		return nil, nil
	}
	return overrides, nil
}
