package api

// OffsetForLeaderEpoch, versions 0 to 4: where a leader epoch ends in the leader's log (KIP-101, KIP-279).
//
//	v1  the epoch that was found
//	v2  the leader epoch the client knows (KIP-320)
//	v3  replica id
//
// No differences from Kafka 3.9.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/server"
	"klab/broker/storage"
)

func (d *Deps) offsetForLeaderEpoch(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.OffsetForLeaderEpochRequest)
	resp := kmsg.NewPtrOffsetForLeaderEpochResponse()
	for i := range req.Topics {
		t := kmsg.NewOffsetForLeaderEpochResponseTopic()
		t.Topic = req.Topics[i].Topic
		for _, asked := range req.Topics[i].Partitions {
			a := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			a.Partition = asked.Partition
			tp := storage.TopicPartition{Topic: t.Topic, Partition: asked.Partition}
			var err error
			if a.LeaderEpoch, a.EndOffset, err = d.Replicas.OffsetForLeaderEpoch(tp, asked.CurrentLeaderEpoch, asked.LeaderEpoch); err != nil {
				a.ErrorCode = codeOf(err).Code
			}
			t.Partitions = append(t.Partitions, a)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return server.Now(resp)
}
