//go:build e2e || interop

package e2e

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitsSession is about a group's offsets: OffsetCommit, OffsetFetch and OffsetDelete.
func commitsSession(s *rawScript) {
	s.topic("committed", [][]int32{{1, 2, 3}, {2, 3, 1}}, keepForever)
	const group = "simple"
	at := coordinator(group)
	s.each("commit without a member", at, func(v int16) kmsg.Request { return commitOf(group, "", -1, "committed", 0, 10+int64(v)) })
	s.each("fetch what was committed", at, func(int16) kmsg.Request { return offsetFetchOf(group, "committed", 0, 1) })
	s.each("commit at another coordinator", at%3+1, func(int16) kmsg.Request { return commitOf(group, "", -1, "committed", 0, 1) })
	s.each("fetch at another coordinator", at%3+1, func(int16) kmsg.Request { return offsetFetchOf(group, "committed", 0) })
	s.each("commit to the group without a name", coordinator(""), func(int16) kmsg.Request { return commitOf("", "", -1, "committed", 0, 4) })
	s.each("fetch of the group without a name", coordinator(""), func(int16) kmsg.Request { return offsetFetchOf("", "committed", 0) })
	s.each("commit with a generation and no group", coordinator("absent"), func(int16) kmsg.Request { return commitOf("absent", "m", 3, "committed", 0, 1) })
	s.each("fetch of a group that is not there", coordinator("absent"), func(int16) kmsg.Request { return offsetFetchOf("absent", "committed", 0) })
	commitArguments(s, group, at)
	fetchArguments(s, group, at)
	offsetDeleteSteps(s, group, at)
}

func commitArguments(s *rawScript, group string, at to) {
	edited := func(edit func(*kmsg.OffsetCommitRequest)) func(int16) kmsg.Request {
		return func(int16) kmsg.Request {
			req := commitOf(group, "", -1, "committed", 1, 5)
			edit(req)
			return req
		}
	}
	s.each("commit for an unknown topic", at, edited(func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Topic = "none" }))
	s.each("commit for a topic without a name", at, edited(func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Topic = "" }))
	s.each("commit for an unknown partition", at, edited(func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].Partition = 9 }))
	s.each("commit for a negative partition", at, edited(func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].Partition = -1 }))
	s.each("commit for a known and an unknown topic", at, edited(func(r *kmsg.OffsetCommitRequest) {
		r.Topics = append(r.Topics, commitOf(group, "", -1, "none", 0, 1).Topics...)
	}))
	s.each("commit a negative offset", at, edited(func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].Offset = -5 }))
	s.each("commit with metadata", at, edited(func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].Metadata = kmsg.StringPtr("some words") }))
	s.each("fetch the metadata", at, func(int16) kmsg.Request { return offsetFetchOf(group, "committed", 1) })
	s.each("commit with null metadata", at, edited(func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].Metadata = nil }))
	s.each("commit with 4096 letters of metadata", at, edited(func(r *kmsg.OffsetCommitRequest) {
		r.Topics[0].Partitions[0].Metadata = kmsg.StringPtr(longName(4096))
	}))
	s.each("commit with 4097 letters of metadata", at, edited(func(r *kmsg.OffsetCommitRequest) {
		r.Topics[0].Partitions[0].Metadata = kmsg.StringPtr(longName(4097))
	}))
	s.versions("commit with a leader epoch", at, 6, 9, edited(func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].LeaderEpoch = 3 }))
	s.each("fetch the leader epoch", at, func(int16) kmsg.Request { return offsetFetchOf(group, "committed", 1) })
	s.versions("commit with a retention time", at, 2, 4, edited(func(r *kmsg.OffsetCommitRequest) { r.RetentionTimeMillis = 3600000 }))
	s.versions("commit with a time", at, 1, 1, edited(func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions[0].Timestamp = rawEpochMs }))
	s.each("commit no topic", at, edited(func(r *kmsg.OffsetCommitRequest) { r.Topics = []kmsg.OffsetCommitRequestTopic{} }))
	s.each("commit no partition", at, edited(func(r *kmsg.OffsetCommitRequest) { r.Topics[0].Partitions = nil }))
	s.each("commit a partition twice", at, edited(func(r *kmsg.OffsetCommitRequest) {
		p := r.Topics[0].Partitions[0]
		p.Offset = 6
		r.Topics[0].Partitions = append(r.Topics[0].Partitions, p)
	}))
	s.versions("commit with an instance id", at, 7, 9, edited(func(r *kmsg.OffsetCommitRequest) { r.InstanceID = kmsg.StringPtr("one") }))
	s.each("commit with a member id, outside of generations", at, edited(func(r *kmsg.OffsetCommitRequest) { r.MemberID = "m" }))
	s.each("commit with a generation, outside of members", at, edited(func(r *kmsg.OffsetCommitRequest) { r.Generation = 0 }))
}

func fetchArguments(s *rawScript, group string, at to) {
	s.each("fetch an unknown topic and partitions", at, func(int16) kmsg.Request {
		req := offsetFetchOf(group, "none", 0)
		more := offsetFetchOf(group, "committed", 9, -1, 0, 0)
		req.Topics = append(req.Topics, more.Topics...)
		req.Groups[0].Topics = append(req.Groups[0].Topics, more.Groups[0].Topics...)
		return req
	})
	s.each("fetch no topic", at, func(int16) kmsg.Request {
		req := offsetFetchOf(group, "none")
		req.Topics, req.Groups[0].Topics = []kmsg.OffsetFetchRequestTopic{}, []kmsg.OffsetFetchRequestGroupTopic{}
		return req
	})
	s.versions("fetch all topics", at, 2, 9, func(int16) kmsg.Request {
		req := offsetFetchOf(group, "none")
		req.Topics, req.Groups[0].Topics = nil, nil
		return req
	})
	s.versions("fetch all topics of a group that is not there", at, 2, 9, func(int16) kmsg.Request {
		req := offsetFetchOf("absent", "none")
		req.Topics, req.Groups[0].Topics = nil, nil
		return req
	})
	s.versions("fetch what is stable", at, 7, 9, func(int16) kmsg.Request {
		req := offsetFetchOf(group, "committed", 0)
		req.RequireStable = true
		return req
	})
	s.versions("fetch of several groups", at, 8, 9, func(int16) kmsg.Request {
		req := offsetFetchOf(group, "committed", 0)
		for _, other := range []string{elsewhere(group), "", group} {
			req.Groups = append(req.Groups, offsetFetchOf(other, "committed", 0).Groups...)
		}
		return req
	})
	none := withVersion(offsetFetchOf(group, "committed", 0), 9)
	none.Groups = []kmsg.OffsetFetchRequestGroup{}
	s.unanswered("fetch of no group", at, none)
	s.versions("fetch with a member id", at, 9, 9, func(int16) kmsg.Request {
		req := offsetFetchOf(group, "committed", 0)
		req.Groups[0].MemberID, req.Groups[0].MemberEpoch = kmsg.StringPtr("m"), 5
		return req
	})
}

func offsetDeleteSteps(s *rawScript, group string, at to) {
	del := func(group, topic string, partitions ...int32) kmsg.Request {
		req := kmsg.NewPtrOffsetDeleteRequest()
		req.Group = group
		t := kmsg.OffsetDeleteRequestTopic{Topic: topic}
		for _, p := range partitions {
			t.Partitions = append(t.Partitions, kmsg.OffsetDeleteRequestTopicPartition{Partition: p})
		}
		req.Topics = []kmsg.OffsetDeleteRequestTopic{t}
		return req
	}
	s.send("delete offsets of a group that is not there", coordinator("absent"), del("absent", "committed", 0))
	s.send("delete offsets at another coordinator", at%3+1, del(group, "committed", 0))
	s.send("delete offsets of the group without a name", coordinator(""), del("", "committed", 0))
	s.send("delete offsets of an unknown topic", at, del(group, "none", 0))
	s.send("delete offsets of unknown partitions", at, del(group, "committed", 9, -1))
	s.send("delete offsets of no partition", at, del(group, "committed"))
	s.send("delete offsets", at, del(group, "committed", 0))
	s.send("delete offsets again", at, del(group, "committed", 0))
	s.send("fetch what is left", at, withVersion(offsetFetchOf(group, "committed", 0, 1), 7))
	member, generation := s.joinedMember("a subscriber", "subscribed", func(r *kmsg.JoinGroupRequest) {
		for i := range r.Protocols {
			r.Protocols[i].Metadata = subscription("committed")
		}
	})
	at = coordinator("subscribed")
	s.send("the subscriber gets its assignment", at, withVersion(syncOf("subscribed", member, generation, member), 3))
	s.topic("unsubscribed", [][]int32{{1, 2, 3}}, keepForever)
	for i, topic := range []string{"committed", "unsubscribed"} {
		s.send(fmt.Sprintf("the subscriber commits %d", i), at, withVersion(commitOf("subscribed", member, generation, topic, 0, 1), 7))
		s.send(fmt.Sprintf("delete offsets of a group that is alive, %s", topic), at, del("subscribed", topic, 0))
	}
	s.send("delete groups with offsets", at, withVersion(deleteGroups("subscribed"), 2))
	s.send("the subscriber leaves", at, withVersion(leaveOf("subscribed", member), 3))
}

func commitOf(group, member string, generation int32, topic string, partition int32, offset int64) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = group, member, generation
	t := kmsg.NewOffsetCommitRequestTopic()
	t.Topic = topic
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset, p.Metadata = partition, offset, kmsg.StringPtr("")
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

// offsetFetchOf fills the request's fields of old and of new versions.
func offsetFetchOf(group, topic string, partitions ...int32) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = group
	req.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: topic, Partitions: partitions}}
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	g.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: topic, Partitions: partitions}}
	req.Groups = []kmsg.OffsetFetchRequestGroup{g}
	return req
}
