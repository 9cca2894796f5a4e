//go:build e2e || interop

package e2e

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// offsetsSession is about where records are: ListOffsets, OffsetForLeaderEpoch and DeleteRecords.
func offsetsSession(s *rawScript) {
	s.topic("offsets", [][]int32{{1, 2}, {2, 3}, {1, 2}}, keepForever)
	for i := range 4 {
		b := batchSpec{values: []string{"a", "b", "c"}, first: rawEpochMs + 1000*int64(i)}.build()
		s.exchange(1, withVersion(produceOf(-1, "offsets", b), 9), answerTime)
	}
	listSteps(s)
	epochSteps(s)
	deleteRecordsSteps(s)
}

func listSteps(s *rawScript) {
	for _, time := range []int64{-1, -2, -3, -4, -5, -6, -100, 0, rawEpochMs, rawEpochMs + 1, rawEpochMs + 15, rawEpochMs + 500, rawEpochMs + 3020, rawEpochMs + 3021} {
		name := fmt.Sprintf("time %d", time)
		if time >= rawEpochMs {
			name = fmt.Sprintf("the first record's time and %d ms", time-rawEpochMs)
		}
		s.versions("list offsets at "+name, 1, 1, 9, func(int16) kmsg.Request { return listOf("offsets", 0, time) })
	}
	s.versions("list offsets at time -1, several", 1, 0, 0, func(int16) kmsg.Request { return listOf("offsets", 0, -1) })
	s.versions("list offsets at time -2, several", 1, 0, 0, func(int16) kmsg.Request { return listOf("offsets", 0, -2) })
	s.versions("list offsets of an empty partition, several", 1, 0, 0, func(int16) kmsg.Request { return listOf("offsets", 2, -1) })
	for _, time := range []int64{-1, -2, -3, -4, -5, rawEpochMs} {
		s.versions(fmt.Sprintf("list offsets of an empty partition at %d", time), 1, 1, 9, func(int16) kmsg.Request { return listOf("offsets", 2, time) })
	}
	s.each("list offsets of a follower", 2, func(int16) kmsg.Request { return listOf("offsets", 0, -1) })
	s.each("list offsets of a broker without replica", 3, func(int16) kmsg.Request { return listOf("offsets", 0, -1) })
	s.each("list offsets of an unknown partition", 1, func(int16) kmsg.Request { return listOf("offsets", 9, -1) })
	s.each("list offsets of a negative partition", 1, func(int16) kmsg.Request { return listOf("offsets", -1, -1) })
	s.each("list offsets of an unknown topic", 1, func(int16) kmsg.Request { return listOf("none", 0, -1) })
	s.each("list offsets of a topic without a name", 1, func(int16) kmsg.Request { return listOf("", 0, -1) })
	s.each("list offsets of nothing", 1, func(int16) kmsg.Request {
		req := listOf("none", 0, -1)
		req.Topics = []kmsg.ListOffsetsRequestTopic{}
		return req
	})
	s.versions("list offsets of a partition twice", 1, 1, 9, func(int16) kmsg.Request {
		req := listOf("offsets", 0, -1)
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, req.Topics[0].Partitions[0])
		return req
	})
	for _, epoch := range []int32{0, 5} {
		s.versions(fmt.Sprintf("list offsets in leader epoch %d", epoch), 1, 4, 9, func(int16) kmsg.Request {
			req := listOf("offsets", 0, -1)
			req.Topics[0].Partitions[0].CurrentLeaderEpoch = epoch
			return req
		})
	}
	s.versions("list offsets that are committed", 1, 2, 9, func(int16) kmsg.Request {
		req := listOf("offsets", 0, -1)
		req.IsolationLevel = 1
		return req
	})
	for _, replica := range []int32{-2, 2, 9} {
		s.each(fmt.Sprintf("list offsets as replica %d", replica), 1, func(int16) kmsg.Request {
			req := listOf("offsets", 0, -1)
			req.ReplicaID = replica
			return req
		})
	}
}

func epochSteps(s *rawScript) {
	for _, c := range []struct {
		name           string
		to             to
		partition      int32
		epoch, current int32
	}{
		{"the first epoch", 1, 0, 0, -1},
		{"the first epoch, by its leader epoch", 1, 0, 0, 0},
		{"an epoch to come", 1, 0, 5, -1},
		{"in a leader epoch to come", 1, 0, 0, 5},
		{"epoch -1", 1, 0, -1, -1},
		{"a negative epoch", 1, 0, -7, -1},
		{"of an empty partition", 1, 2, 0, -1},
		{"of a follower", 2, 0, 0, -1},
		{"of a broker without replica", 3, 0, 0, -1},
		{"of an unknown partition", 1, 9, 0, -1},
		{"of a negative partition", 1, -1, 0, -1},
	} {
		s.each("offset for leader epoch: "+c.name, c.to, func(int16) kmsg.Request { return epochOf("offsets", c.partition, c.epoch, c.current, -1) })
	}
	s.each("offset for leader epoch: an unknown topic", 1, func(int16) kmsg.Request { return epochOf("none", 0, 0, -1, -1) })
	s.each("offset for leader epoch: nothing", 1, func(int16) kmsg.Request {
		req := epochOf("none", 0, 0, -1, -1)
		req.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{}
		return req
	})
	for _, replica := range []int32{-2, 2, 9} {
		s.each(fmt.Sprintf("offset for leader epoch: as replica %d", replica), 1, func(int16) kmsg.Request { return epochOf("offsets", 0, 0, -1, replica) })
	}
}

func deleteRecordsSteps(s *rawScript) {
	for _, c := range []struct {
		name      string
		to        to
		topic     string
		partition int32
		offset    int64
	}{
		{"before 0", 1, "offsets", 0, 0},
		{"beyond the high watermark", 1, "offsets", 0, 13},
		{"before -2", 1, "offsets", 0, -2},
		{"of a follower", 2, "offsets", 0, 1},
		{"of a broker without replica", 3, "offsets", 0, 0},
		{"of an unknown partition", 1, "offsets", 9, 0},
		{"of a negative partition", 1, "offsets", -1, 0},
		{"of an unknown topic", 1, "none", 0, 0},
		{"of a topic without a name", 1, "", 0, 0},
		{"of an internal topic", 2, "__consumer_offsets", 1, 0},
		{"of an empty partition", 1, "offsets", 2, -1},
		{"within a batch", 1, "offsets", 0, 4},
		{"before what is deleted", 1, "offsets", 0, 2},
		{"all", 1, "offsets", 0, -1},
	} {
		s.each("delete records: "+c.name, c.to, func(int16) kmsg.Request { return deleteRecordsOf(c.topic, c.partition, c.offset) })
	}
	s.each("delete records: nothing", 1, func(int16) kmsg.Request {
		req := deleteRecordsOf("offsets", 0, 0)
		req.Topics = []kmsg.DeleteRecordsRequestTopic{}
		return req
	})
	s.topic("compacted-only", [][]int32{{1, 2, 3}}, "cleanup.policy=compact")
	s.each("delete records: of a compacted topic", 1, func(int16) kmsg.Request { return deleteRecordsOf("compacted-only", 0, 0) })
	s.versions("list the earliest offset after deletion", 1, 7, 7, func(int16) kmsg.Request { return listOf("offsets", 0, -2) })
	s.versions("fetch a deleted offset", 1, 12, 12, func(int16) kmsg.Request { return fetchOf("offsets", 0, 3) })
	s.versions("produce after deletion", 1, 9, 9, func(int16) kmsg.Request {
		return produceOf(-1, "offsets", batchSpec{values: []string{"z"}}.build())
	})
}

func listOf(topic string, partition int32, time int64) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp, p.MaxNumOffsets = partition, time, 10
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

func epochOf(topic string, partition, epoch, current, replica int32) *kmsg.OffsetForLeaderEpochRequest {
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.ReplicaID = replica
	t := kmsg.NewOffsetForLeaderEpochRequestTopic()
	t.Topic = topic
	p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	p.Partition, p.LeaderEpoch, p.CurrentLeaderEpoch = partition, epoch, current
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

func deleteRecordsOf(topic string, partition int32, offset int64) *kmsg.DeleteRecordsRequest {
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 10000
	req.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: partition, Offset: offset}}}}
	return req
}
