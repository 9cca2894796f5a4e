package api

// OffsetDelete, version 0: removes offsets of topics that no member subscribes to (KIP-496).
//
// No differences from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/group"
	"klab/broker/server"
)

func (d *Deps) offsetDelete(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.OffsetDeleteRequest)
	known := d.Metadata.Snapshot()
	var all []group.TopicPartition
	for i := range req.Topics {
		for _, p := range req.Topics[i].Partitions {
			if _, ok := known.Partition(req.Topics[i].Topic, p.Partition); ok {
				all = append(all, group.TopicPartition{Topic: req.Topics[i].Topic, Partition: p.Partition})
			}
		}
	}
	whole, each := d.Groups.DeleteOffsets(req.Group, all)
	resp := kmsg.NewPtrOffsetDeleteResponse()
	if whole != nil {
		resp.ErrorCode = whole.Code
		return server.Now(resp)
	}
	became := make(map[group.TopicPartition]*kerr.Error, len(all))
	for i, tp := range all {
		became[tp] = each[i]
	}
	for i := range req.Topics {
		t := kmsg.NewOffsetDeleteResponseTopic()
		t.Topic = req.Topics[i].Topic
		for _, asked := range req.Topics[i].Partitions {
			p := kmsg.NewOffsetDeleteResponseTopicPartition()
			p.Partition = asked.Partition
			err, ok := became[group.TopicPartition{Topic: t.Topic, Partition: p.Partition}]
			if p.ErrorCode = codeNumber(err); !ok {
				p.ErrorCode = kerr.UnknownTopicOrPartition.Code
			}
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return server.Now(resp)
}
