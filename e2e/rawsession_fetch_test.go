//go:build e2e || interop

package e2e

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetchSession is about Fetch: positions, limits, epochs, sessions and old formats.
func fetchSession(s *rawScript) {
	s.topic("fetch", [][]int32{{1, 2, 3}, {2, 3, 1}, {1, 2, 3}}, keepForever)
	for i := range 4 {
		s.exchange(1, withVersion(produceOf(-1, "fetch", batchSpec{values: []string{"a", "b", "c"}, first: rawEpochMs + 1000*int64(i)}.build()), 9), answerTime)
	}
	s.caughtUp("fetch", 0, 2, 12)
	s.caughtUp("fetch", 0, 3, 12)
	id := s.topicID("fetch")
	at := func(topic string, partition int32, offset int64, edit ...func(*kmsg.FetchRequest)) func(int16) kmsg.Request {
		return func(v int16) kmsg.Request {
			req := fetchOf(topic, partition, offset)
			req.Topics[0].TopicID = map[string][16]byte{"fetch": id}[topic]
			for _, e := range edit {
				e(req)
			}
			return req
		}
	}
	s.each("fetch from the start", 1, at("fetch", 0, 0))
	s.each("fetch from within a batch", 1, at("fetch", 0, 4))
	s.each("fetch at the end", 1, at("fetch", 0, 12))
	s.each("fetch beyond the end", 1, at("fetch", 0, 13))
	s.each("fetch before the start", 1, at("fetch", 0, -1))
	s.each("fetch an empty partition", 1, at("fetch", 2, 0))
	s.each("fetch from a follower", 3, at("fetch", 0, 0))
	s.each("fetch an unknown partition", 1, at("fetch", 9, 0))
	s.each("fetch a negative partition", 1, at("fetch", -1, 0))
	s.each("fetch an unknown topic", 1, at("none", 0, 0, func(r *kmsg.FetchRequest) { r.Topics[0].TopicID = [16]byte{7} }))
	s.each("fetch a topic without name and id", 1, at("", 0, 0))
	s.each("fetch no partition", 1, at("fetch", 0, 0, func(r *kmsg.FetchRequest) { r.Topics = []kmsg.FetchRequestTopic{} }))
	s.each("fetch one byte of a partition", 1, at("fetch", 0, 0, func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].PartitionMaxBytes = 1 }))
	s.each("fetch one byte in all", 1, at("fetch", 0, 0, func(r *kmsg.FetchRequest) { r.MaxBytes = 1 }))
	s.each("fetch no byte in all", 1, at("fetch", 0, 0, func(r *kmsg.FetchRequest) { r.MaxBytes = 0 }))
	s.each("fetch two batches by bytes", 1, at("fetch", 0, 0, func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].PartitionMaxBytes = 200 }))
	s.each("fetch two partitions", 1, at("fetch", 0, 0, func(r *kmsg.FetchRequest) {
		p := r.Topics[0].Partitions[0]
		p.Partition = 1
		r.Topics[0].Partitions = append(r.Topics[0].Partitions, p)
	}))
	s.each("fetch a partition twice", 1, at("fetch", 0, 9, func(r *kmsg.FetchRequest) {
		r.Topics[0].Partitions = append(r.Topics[0].Partitions, r.Topics[0].Partitions[0])
	}))
	s.each("fetch only what is committed", 1, at("fetch", 0, 9, func(r *kmsg.FetchRequest) { r.IsolationLevel = 1 }))
	s.versions("fetch with an unknown isolation level", 1, 4, 5, at("fetch", 0, 9, func(r *kmsg.FetchRequest) { r.IsolationLevel = 7 }))
	for _, c := range []struct {
		name  string
		epoch int32
	}{{"this leader epoch", 0}, {"a leader epoch to come", 5}} {
		s.versions("fetch in "+c.name, 1, 9, 17, at("fetch", 0, 9, func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].CurrentLeaderEpoch = c.epoch }))
	}
	for _, c := range []struct {
		name   string
		epoch  int32
		offset int64
	}{{"that is right", 0, 9}, {"to come", 5, 9}, {"and an offset beyond the end", 0, 100}} {
		s.versions("fetch with a last fetched epoch "+c.name, 1, 12, 17, at("fetch", 0, c.offset, func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].LastFetchedEpoch = c.epoch }))
	}
	s.versions("fetch with a rack", 1, 11, 17, at("fetch", 0, 9, func(r *kmsg.FetchRequest) { r.Rack = "r1" }))
	for _, c := range []struct {
		name string
		id   int32
	}{{"a broker that is no replica", 9}, {"the debugging consumer", -2}} {
		s.versions("fetch as "+c.name, 1, 0, 14, at("fetch", 0, 0, func(r *kmsg.FetchRequest) { r.ReplicaID = c.id }))
		s.versions("fetch as "+c.name, 1, 15, 17, at("fetch", 0, 0, func(r *kmsg.FetchRequest) { r.ReplicaState.ID = c.id }))
	}
	fetchSessionSteps(s, id)
	oldFormatSteps(s)
}

// fetchSessionSteps are about incremental fetches (KIP-227).
func fetchSessionSteps(s *rawScript, id [16]byte) {
	for _, version := range []int16{7, 12, 13, 17} {
		step := func(name string, session, epoch int32, offset int64, edit ...func(*kmsg.FetchRequest)) *kmsg.FetchResponse {
			req := fetchOf("fetch", 0, offset)
			req.Version, req.SessionID, req.SessionEpoch, req.Topics[0].TopicID = version, session, epoch, id
			for _, e := range edit {
				e(req)
			}
			return ask[*kmsg.FetchResponse](s, "session: "+name, 1, req)
		}
		nothing := func(r *kmsg.FetchRequest) { r.Topics = []kmsg.FetchRequestTopic{} }
		session := step("open", 0, 0, 9).SessionID
		step("nothing new", session, 1, 0, nothing)
		step("another position", session, 2, 6)
		step("the wrong epoch", session, 7, 0, nothing)
		step("the same epoch again", session, 2, 0, nothing)
		step("an unknown session", 1234567, 1, 0, nothing)
		step("an unknown session at epoch 0", 1234567, 0, 9)
		step("a negative epoch", session, -5, 0, nothing)
		step("forget a partition", session, 3, 0, nothing, func(r *kmsg.FetchRequest) {
			r.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{{Topic: "fetch", TopicID: id, Partitions: []int32{0}}}
		})
		step("add one that is led elsewhere", session, 4, 0, func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].Partition = 1 })
		step("close", session, -1, 0, nothing)
		step("after closing", session, 5, 0, nothing)
	}
}

// oldFormatSteps read what new clients wrote with versions that know old formats only, and codecs they do not know.
func oldFormatSteps(s *rawScript) {
	s.topic("down", [][]int32{{1, 2, 3}, {1, 2, 3}, {1, 2, 3}, {1, 2, 3}, {1, 2, 3}}, keepForever)
	var batches [][]byte
	for codec := range int16(5) {
		batches = append(batches, batchSpec{values: []string{"aa", "bb", "cc"}, attributes: codec}.build())
	}
	s.exchange(1, withVersion(produceOf(-1, "down", batches...), 9), answerTime)
	for codec, name := range codecNames {
		s.versions("fetch a batch compressed with "+name, 1, 0, 12, func(int16) kmsg.Request { return fetchOf("down", int32(codec), 0) })
		s.versions("fetch from within a batch compressed with "+name, 1, 0, 4, func(int16) kmsg.Request { return fetchOf("down", int32(codec), 1) })
	}
}

func withVersion[R kmsg.Request](req R, version int16) R {
	req.SetVersion(version)
	return req
}

// fetchOf reads one partition, does not wait, and takes a megabyte.
func fetchOf(topic string, partition int32, offset int64) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch = 0, 0, 1<<20, -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, offset, 1<<20
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}
