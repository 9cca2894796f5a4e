package api

// DeleteRecords, versions 0 to 2 (KIP-107). The leader raises its log start to an offset, -1 being the high watermark, and
// answers when the log of every live replica starts there.
//
//	v1  clients honour the throttle time
//	v2  flexible
//
// No difference from Kafka 3.9.

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/internaltopic"
	"klab/broker/replica"
	"klab/broker/server"
	"klab/broker/storage"
)

func (d *Deps) deleteRecords(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.DeleteRecordsRequest)
	ask, refused := d.deletable(req)
	done := make(chan kmsg.Response, 1)
	d.Replicas.DeleteRecords(&replica.DeleteRecords{
		Timeout:    time.Duration(req.TimeoutMillis) * time.Millisecond,
		Partitions: ask,
		Done: func(results []replica.Deleted) {
			for _, a := range results {
				refused[a.TopicPartition] = a
			}
			done <- deleteRecordsResponse(req, refused)
		},
	})
	return server.Later(done)
}

// deletable parts what the replicas are asked from what is refused at once. Of a partition that is named twice the last
// offset counts.
func (d *Deps) deletable(req *kmsg.DeleteRecordsRequest) (ask []replica.DeleteTo, refused map[storage.TopicPartition]replica.Deleted) {
	refused = map[storage.TopicPartition]replica.Deleted{}
	at := map[storage.TopicPartition]int{}
	for i := range req.Topics {
		for _, p := range req.Topics[i].Partitions {
			tp := storage.TopicPartition{Topic: req.Topics[i].Topic, Partition: p.Partition}
			n, again := at[tp]
			switch _, known := d.Metadata.Snapshot().Partition(tp.Topic, tp.Partition); {
			case !known:
				refused[tp] = replica.Deleted{TopicPartition: tp, LowWatermark: -1, Err: kerr.UnknownTopicOrPartition}
			case internaltopic.Is(tp.Topic):
				refused[tp] = replica.Deleted{TopicPartition: tp, LowWatermark: -1, Err: kerr.InvalidTopicException}
			case again:
				ask[n].Offset = p.Offset
			default:
				at[tp] = len(ask)
				ask = append(ask, replica.DeleteTo{TopicPartition: tp, Offset: p.Offset})
			}
		}
	}
	return ask, refused
}

func deleteRecordsResponse(req *kmsg.DeleteRecordsRequest, results map[storage.TopicPartition]replica.Deleted) kmsg.Response {
	resp := kmsg.NewPtrDeleteRecordsResponse()
	for i := range req.Topics {
		t := kmsg.NewDeleteRecordsResponseTopic()
		t.Topic = req.Topics[i].Topic
		for _, p := range req.Topics[i].Partitions {
			result, ok := results[storage.TopicPartition{Topic: t.Topic, Partition: p.Partition}]
			if !ok {
				continue // it was named twice and is answered
			}
			delete(results, result.TopicPartition)
			a := kmsg.NewDeleteRecordsResponseTopicPartition()
			a.Partition, a.LowWatermark = p.Partition, result.LowWatermark
			if result.Err != nil {
				a.ErrorCode = codeOf(result.Err).Code
			}
			t.Partitions = append(t.Partitions, a)
		}
		if len(t.Partitions) > 0 {
			resp.Topics = append(resp.Topics, t)
		}
	}
	return resp
}
