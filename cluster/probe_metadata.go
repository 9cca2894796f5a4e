package cluster

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func (c *Cluster) askMetadata(ctx context.Context, address string) (metadata, error) {
	l, err := c.link(address)
	if err != nil {
		return metadata{}, err
	}
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	resp, err := l.request(ctx, req)
	if err != nil {
		return metadata{}, err
	}
	m, err := fromMetadata(resp.(*kmsg.MetadataResponse), time.Now())
	if err == nil && !c.Launched() { // our own brokers are ZooKeeper's
		m.kraft, err = l.kraft(ctx)
	}
	return m, err
}

// fromMetadata takes over what a response says. A response without brokers is that of a broker that has not heard of the
// cluster yet.
func fromMetadata(resp *kmsg.MetadataResponse, at time.Time) (metadata, error) {
	if len(resp.Brokers) == 0 {
		return metadata{}, errors.New("it knows no brokers yet")
	}
	m := metadata{at: at, controller: resp.ControllerID}
	if resp.ClusterID != nil {
		m.clusterID = *resp.ClusterID
	}
	for _, b := range resp.Brokers {
		mb := metaBroker{id: b.NodeID, host: b.Host, port: b.Port}
		if b.Rack != nil {
			mb.rack = *b.Rack
		}
		m.brokers = append(m.brokers, mb)
	}
	slices.SortFunc(m.brokers, func(a, b metaBroker) int { return int(a.id) - int(b.id) })
	for _, t := range resp.Topics {
		if t.Topic != nil && t.ErrorCode == 0 {
			m.topics = append(m.topics, fromTopic(t))
		}
	}
	return m, nil
}

func fromTopic(t kmsg.MetadataResponseTopic) metaTopic {
	mt := metaTopic{name: *t.Topic, internal: t.IsInternal}
	if t.TopicID != ([16]byte{}) {
		mt.id = base64.RawURLEncoding.EncodeToString(t.TopicID[:])
	}
	for _, p := range t.Partitions {
		mp := metaPartition{
			id: p.Partition, leader: p.Leader, epoch: p.LeaderEpoch,
			replicas: p.Replicas, isr: slices.Sorted(slices.Values(p.ISR)), offline: p.OfflineReplicas,
		}
		if errors.Is(kerr.ErrorForCode(p.ErrorCode), kerr.LeaderNotAvailable) {
			mp.leader = -1
		}
		mt.partitions = append(mt.partitions, mp)
	}
	slices.SortFunc(mt.partitions, func(a, b metaPartition) int { return int(a.id) - int(b.id) })
	return mt
}
