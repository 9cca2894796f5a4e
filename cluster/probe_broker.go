package cluster

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Who asks, and for what, in a ListOffsets request (Kafka 3.9, ReplicaManager.fetchOffset). The debugging replica is served
// by followers too, and gets the log end where a consumer gets the high watermark.
const (
	consumerReplica  = -1
	debuggingReplica = -2
	latestOffset     = -1
	earliestOffset   = -2
)

// round is what to ask one broker.
type round struct {
	broker   int32
	address  string
	replicas []partitionKey // it holds
	leads    []partitionKey // of these, those that it leads
	work     work
}

// ask asks one broker all of a round, and takes the answers in as they come.
func (c *Cluster) ask(ctx context.Context, l *link, r round) {
	var asking sync.WaitGroup
	if r.work.offsets() || r.work.starts {
		asking.Go(func() { c.askOffsets(ctx, l, r) })
	}
	if r.work.sizes {
		asking.Go(func() { c.askSizes(ctx, l, r.broker) })
	}
	if r.work.configs {
		asking.Go(func() { c.askConfigs(ctx, l, r.leads) })
	}
	asking.Wait()
}

// askOffsets reads high watermarks before log ends, so that no watermark is seen beyond the end of its log.
func (c *Cluster) askOffsets(ctx context.Context, l *link, r round) {
	o := offsets{broker: r.broker, asked: time.Now()}
	if r.work.offsets() {
		o.highs = listOffsets(ctx, l, consumerReplica, latestOffset, r.leads)
		o.ends = listOffsets(ctx, l, debuggingReplica, latestOffset, r.replicas)
	}
	if r.work.starts {
		o.starts = listOffsets(ctx, l, consumerReplica, earliestOffset, r.leads)
	}
	o.at = time.Now()
	c.update(func(m *model) { m.applyOffsets(o) })
}

// listOffsets asks for one offset of each partition. What the broker does not answer, or refuses, is left out.
func listOffsets(ctx context.Context, l *link, replica int32, timestamp int64, keys []partitionKey) map[partitionKey]int64 {
	if len(keys) == 0 {
		return nil
	}
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = replica
	for _, key := range keys {
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != key.topic {
			t := kmsg.NewListOffsetsRequestTopic()
			t.Topic = key.topic
			req.Topics = append(req.Topics, t)
		}
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = key.partition, timestamp
		t := &req.Topics[len(req.Topics)-1]
		t.Partitions = append(t.Partitions, p)
	}
	resp, err := l.request(ctx, req)
	if err != nil {
		return nil
	}
	found := make(map[partitionKey]int64, len(keys))
	for _, t := range resp.(*kmsg.ListOffsetsResponse).Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode == 0 && p.Offset >= 0 {
				found[partitionKey{t.Topic, p.Partition}] = p.Offset
			}
		}
	}
	return found
}

func (c *Cluster) askSizes(ctx context.Context, l *link, broker int32) {
	resp, err := l.request(ctx, kmsg.NewPtrDescribeLogDirsRequest())
	if err != nil {
		return
	}
	sizes := map[partitionKey]int64{}
	answered := false
	for _, dir := range resp.(*kmsg.DescribeLogDirsResponse).Dirs {
		if dir.ErrorCode != 0 {
			continue
		}
		answered = true
		for _, t := range dir.Topics {
			for _, p := range t.Partitions {
				if !p.IsFuture {
					sizes[partitionKey{t.Topic, p.Partition}] = p.Size
				}
			}
		}
	}
	if answered {
		now := time.Now()
		c.update(func(m *model) { m.applySizes(broker, now, sizes) })
	}
}

// askConfigs reads min.insync.replicas of the topics that the broker leads something of.
func (c *Cluster) askConfigs(ctx context.Context, l *link, leads []partitionKey) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	asked := map[string]bool{}
	for _, key := range leads {
		if !asked[key.topic] {
			asked[key.topic] = true
			r := kmsg.NewDescribeConfigsRequestResource()
			r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, key.topic
			r.ConfigNames = []string{"min.insync.replicas"}
			req.Resources = append(req.Resources, r)
		}
	}
	if len(asked) == 0 {
		return
	}
	resp, err := l.request(ctx, req)
	if err != nil {
		return
	}
	values := map[string]int{}
	for _, r := range resp.(*kmsg.DescribeConfigsResponse).Resources {
		if kerr.ErrorForCode(r.ErrorCode) != nil {
			continue
		}
		for _, entry := range r.Configs {
			if entry.Name == "min.insync.replicas" && entry.Value != nil {
				if n, err := strconv.Atoi(*entry.Value); err == nil {
					values[r.ResourceName] = n
				}
			}
		}
	}
	now := time.Now()
	c.update(func(m *model) { m.applyMinISR(now, values) })
}
