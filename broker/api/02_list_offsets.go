package api

// ListOffsets, versions 0 to 9.
//
//	v0  several offsets, where segments begin
//	v1  one offset and its timestamp
//	v2  isolation level
//	v4  leader epochs (KIP-320)
//	v5  OFFSET_NOT_AVAILABLE (KIP-207), LEADER_NOT_AVAILABLE before
//	v7  the largest timestamp (-3, KIP-734); v8 the earliest local offset (-4), v9 the latest tiered one (-5, KIP-405)
//
// Difference from Kafka 3.9: v0 looks at the largest timestamp in a segment, not at its file's modification time.

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/replica"
	"klab/broker/server"
	"klab/broker/storage"
)

func (d *Deps) listOffsets(_ context.Context, r *server.Request) server.Reply {
	req := r.Request.(*kmsg.ListOffsetsRequest)
	resp := kmsg.NewPtrListOffsetsResponse()
	repeated := repeatedPartitions(req)
	for i := range req.Topics {
		t := kmsg.NewListOffsetsResponseTopic()
		t.Topic = req.Topics[i].Topic
		for j := range req.Topics[i].Partitions {
			asked := &req.Topics[i].Partitions[j]
			tp := storage.TopicPartition{Topic: t.Topic, Partition: asked.Partition}
			if repeated[tp] {
				t.Partitions = append(t.Partitions, offsetRefused(asked.Partition, kerr.InvalidRequest))
				continue
			}
			t.Partitions = append(t.Partitions, d.listOffset(req, tp, asked))
		}
		resp.Topics = append(resp.Topics, t)
	}
	return server.Now(resp)
}

// repeatedPartitions are those a request names more than once, which makes it invalid for them.
func repeatedPartitions(req *kmsg.ListOffsetsRequest) map[storage.TopicPartition]bool {
	seen := map[storage.TopicPartition]bool{}
	for i := range req.Topics {
		for j := range req.Topics[i].Partitions {
			tp := storage.TopicPartition{Topic: req.Topics[i].Topic, Partition: req.Topics[i].Partitions[j].Partition}
			_, again := seen[tp]
			seen[tp] = again
		}
	}
	return seen
}

func (d *Deps) listOffset(req *kmsg.ListOffsetsRequest, tp storage.TopicPartition, asked *kmsg.ListOffsetsRequestTopicPartition) kmsg.ListOffsetsResponseTopicPartition {
	q := replica.OffsetQuery{
		TopicPartition: tp,
		Replica:        req.ReplicaID,
		CurrentEpoch:   asked.CurrentLeaderEpoch,
		Timestamp:      asked.Timestamp,
		ReadCommitted:  req.IsolationLevel == 1,
	}
	a := kmsg.NewListOffsetsResponseTopicPartition()
	a.Partition = tp.Partition
	if req.Version == 0 {
		offsets, err := d.Replicas.SegmentOffsets(q, int(asked.MaxNumOffsets))
		if err != nil {
			return offsetRefused(tp.Partition, codeOf(err))
		}
		a.OldStyleOffsets = offsets
		return a
	}
	if asked.Timestamp < -newestStandIn(req.Version) {
		return offsetRefused(tp.Partition, kerr.UnsupportedVersion)
	}
	found, err := d.Replicas.ListOffset(q)
	if err != nil {
		return offsetRefused(tp.Partition, offsetError(codeOf(err), req.Version))
	}
	a.Offset, a.Timestamp, a.LeaderEpoch = found.Offset, found.Timestamp, found.LeaderEpoch
	return a
}

// newestStandIn is the last of the negative timestamps with a meaning, -1, -2 …, that a version knows.
func newestStandIn(version int16) int64 {
	switch {
	case version >= 9:
		return 5
	case version == 8:
		return 4
	case version == 7:
		return 3
	default:
		return 2
	}
}

func offsetError(err *kerr.Error, version int16) *kerr.Error {
	if err == kerr.OffsetNotAvailable && version < 5 {
		return kerr.LeaderNotAvailable
	}
	return err
}

func offsetRefused(partition int32, err *kerr.Error) kmsg.ListOffsetsResponseTopicPartition {
	a := kmsg.NewListOffsetsResponseTopicPartition()
	a.Partition, a.ErrorCode = partition, err.Code
	a.Offset, a.Timestamp = -1, -1
	return a
}
