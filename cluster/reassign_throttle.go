package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Configurations of Kafka's replication quotas (KIP-73): rates of brokers, and which replicas they hold for.
const (
	leaderRate       = "leader.replication.throttled.rate"
	followerRate     = "follower.replication.throttled.rate"
	leaderReplicas   = "leader.replication.throttled.replicas"
	followerReplicas = "follower.replication.throttled.replicas"
)

// throttle limits what moving these partitions may send and receive: the replicas that exist are throttled as leaders, those
// to come as followers, as kafka-reassign-partitions.sh does it. A topic has one list of each: those that are being moved already
// stay on it.
func (c *Cluster) throttle(ctx context.Context, under []Reassignment, plan ReassignPlan, rate int64) error {
	leaders, followers, brokers := map[string][]string{}, map[string][]string{}, map[int32]bool{}
	for _, m := range merged(fromUnderWay(under), c.known(plan)) {
		for _, b := range m.From {
			leaders[m.Topic] = append(leaders[m.Topic], fmt.Sprintf("%d:%d", m.Partition, b))
			brokers[b] = true
		}
		for _, b := range m.Adds() {
			followers[m.Topic] = append(followers[m.Topic], fmt.Sprintf("%d:%d", m.Partition, b))
			brokers[b] = true
		}
	}
	for _, topic := range sortedKeys(leaders) {
		changes := []ConfigChange{{Name: leaderReplicas, Op: ConfigSet, Value: strings.Join(leaders[topic], ",")}}
		if len(followers[topic]) > 0 {
			changes = append(changes, ConfigChange{Name: followerReplicas, Op: ConfigSet, Value: strings.Join(followers[topic], ",")})
		}
		if err := c.alterConfigs(ctx, AlterConfigs{Resource: TopicResource(topic), Changes: changes}); err != nil {
			return err
		}
	}
	value := strconv.FormatInt(rate, 10)
	for _, id := range sortedKeys(brokers) {
		changes := []ConfigChange{{Name: leaderRate, Op: ConfigSet, Value: value}, {Name: followerRate, Op: ConfigSet, Value: value}}
		if err := c.alterConfigs(ctx, AlterConfigs{Resource: BrokerResource(id), Changes: changes}); err != nil {
			return err
		}
	}
	return nil
}

// fromUnderWay are the moves that are under way: from the replicas that there were to all of now.
func fromUnderWay(under []Reassignment) ReassignPlan {
	var moves ReassignPlan
	for _, r := range under {
		moves = append(moves, Move{Topic: r.Topic, Partition: r.Partition, From: missing(r.Replicas, r.Adding), To: r.Replicas})
	}
	return moves
}

// merged are the moves under way and those planned. One that replaces another begins where that one began.
func merged(under, plan ReassignPlan) ReassignPlan {
	all := slices.Clone(under)
	for _, m := range plan {
		i := slices.IndexFunc(under, func(u Move) bool { return u.Topic == m.Topic && u.Partition == m.Partition })
		if i < 0 {
			all = append(all, m)
			continue
		}
		all[i].To = m.To
	}
	return all
}

// known fills in where the partitions are, from the newest metadata.
func (c *Cluster) known(plan ReassignPlan) ReassignPlan {
	plan = slices.Clone(plan)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, m := range plan {
		if t, ok := c.model.topics[m.Topic]; ok && m.From == nil && t.partitions[m.Partition] != nil {
			plan[i].From = t.partitions[m.Partition].meta.replicas
		}
	}
	return plan
}

// ClearThrottle is the request to take away the limits that a throttled reassignment set.
type ClearThrottle struct{}

func (ClearThrottle) command(to addressee) Command {
	return Command{
		Klab:  to.klab("reassign", "throttle", "--clear"),
		Kafka: to.kafka("kafka-reassign-partitions.sh", "--reassignment-json-file", "plan.json", "--verify"),
	}
}

// ClearThrottle takes the limits away from every broker and topic that has them, and returns how many had.
func (c *Cluster) ClearThrottle(ctx context.Context) (cleared int, err error) {
	err = c.perform(ctx, ClearThrottle{}, func(ctx context.Context) error {
		if err := c.glanceMetadata(ctx); err != nil {
			return err
		}
		cleared, err = c.clearThrottle(ctx)
		return wrap("clear the replication throttle", err)
	})
	return cleared, err
}

func (c *Cluster) clearThrottle(ctx context.Context) (cleared int, err error) {
	topics, brokers := c.names()
	var failed []error
	clear := func(resource ConfigResource, entries []ConfigEntry, keys ...string) {
		var changes []ConfigChange
		for _, e := range entries {
			if slices.Contains(keys, e.Name) && e.Dynamic() && e.Value != "" {
				changes = append(changes, ConfigChange{Name: e.Name, Op: ConfigDelete})
			}
		}
		if len(changes) == 0 {
			return
		}
		if err := c.alterConfigs(ctx, AlterConfigs{Resource: resource, Changes: changes}); err != nil {
			failed = append(failed, err)
			return
		}
		cleared++
	}
	for _, id := range brokers {
		entries, err := c.configs(ctx, BrokerResource(id), leaderRate, followerRate)
		failed = append(failed, err)
		clear(BrokerResource(id), entries, leaderRate, followerRate)
	}
	found, err := c.manyConfigs(ctx, topics, leaderReplicas, followerReplicas)
	failed = append(failed, err)
	for _, name := range sortedKeys(found) {
		clear(TopicResource(name), found[name], leaderReplicas, followerReplicas)
	}
	return cleared, errors.Join(failed...)
}

// names are those of the topics and the ids of the brokers that are known.
func (c *Cluster) names() (topics []string, brokers []int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.model.meta.brokers {
		brokers = append(brokers, b.id)
	}
	return sortedKeys(c.model.topics), brokers
}
