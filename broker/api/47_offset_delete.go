package api

// OffsetDelete, version 0: removes offsets of topics that no member subscribes to (KIP-496).
//
// No differences from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/group"
	"klab/broker/server"
)

func (d *Deps) offsetDelete(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.OffsetDeleteRequest)
	known := d.Metadata.Snapshot()
	var unknown []group.TopicPartition
	var offsets []group.CommittedOffset
	for i := range req.Topics {
		for _, p := range req.Topics[i].Partitions {
			tp := group.TopicPartition{Topic: req.Topics[i].Topic, Partition: p.Partition}
			if _, ok := known.Partition(tp.Topic, tp.Partition); ok {
				offsets = append(offsets, group.CommittedOffset{TopicPartition: tp})
			} else {
				unknown = append(unknown, tp)
			}
		}
	}
	offsets = lastOfEach(offsets)
	all := make([]group.TopicPartition, len(offsets))
	for i := range offsets {
		all[i] = offsets[i].TopicPartition
	}
	whole, each := d.Groups.DeleteOffsets(req.Group, all)
	resp := kmsg.NewPtrOffsetDeleteResponse()
	if whole != nil {
		resp.ErrorCode = whole.Code
		return server.Now(resp)
	}
	resp.Topics = offsetsDeleted(outcomes(unknown, offsets, each))
	return server.Now(resp)
}

func offsetsDeleted(all []topicOutcomes) (topics []kmsg.OffsetDeleteResponseTopic) {
	for _, t := range all {
		rt := kmsg.NewOffsetDeleteResponseTopic()
		rt.Topic = t.topic
		for _, o := range t.partitions {
			p := kmsg.NewOffsetDeleteResponseTopicPartition()
			p.Partition, p.ErrorCode = o.partition, o.code
			rt.Partitions = append(rt.Partitions, p)
		}
		topics = append(topics, rt)
	}
	return topics
}
