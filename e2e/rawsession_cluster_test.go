//go:build e2e || interop

package e2e

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// clusterSession is about what brokers tell of the cluster: Metadata and DescribeCluster.
func clusterSession(s *rawScript) {
	s.topic("cluster-a", [][]int32{{1, 2}, {2, 3}, {3, 1}}, keepForever)
	s.topic("cluster-b", [][]int32{{3, 2, 1}}, keepForever)
	metadataSteps(s)

	s.each("describe cluster", toAny, func(int16) kmsg.Request { return describeCluster(1, false) })
	s.each("describe cluster with authorized operations", toController, func(int16) kmsg.Request { return describeCluster(1, true) })
	s.versions("describe cluster, endpoints that are controllers", 1, 1, 1, func(int16) kmsg.Request { return describeCluster(2, false) })
	s.versions("describe cluster, endpoints of an unknown type", 1, 1, 1, func(int16) kmsg.Request { return describeCluster(7, false) })
}

func metadataSteps(s *rawScript) {
	s.each("metadata of two topics", 2, func(int16) kmsg.Request { return metadataOf("cluster-a", "cluster-b") })
	s.each("metadata of a topic asked for twice", 2, func(int16) kmsg.Request { return metadataOf("cluster-b", "cluster-b") })
	s.versions("metadata of an unknown topic, not to be created", 2, 4, 12, func(int16) kmsg.Request { return metadataOf("cluster-none") })
	for _, name := range []string{"", ".", "..", "a b", "ä", "cluster-" + string(make([]byte, 3)), longName(249), longName(250)} {
		s.versions("metadata of an impossible topic "+shown(name), 2, 4, 12, func(int16) kmsg.Request { return metadataOf(name) })
	}
	s.versions("metadata of an impossible topic, to be created", 2, 0, 12, func(int16) kmsg.Request {
		req := metadataOf("a b")
		req.AllowAutoTopicCreation = true
		return req
	})
	s.versions("metadata of no topic", 2, 1, 12, func(int16) kmsg.Request { return metadataOf() })
	s.versions("metadata with authorized operations", 2, 8, 12, func(v int16) kmsg.Request {
		req := metadataOf("cluster-b", "cluster-none")
		req.IncludeTopicAuthorizedOperations = true
		req.IncludeClusterAuthorizedOperations = v <= 10
		return req
	})
	id := s.topicID("cluster-a")
	s.versions("metadata by topic id", 2, 10, 12, func(int16) kmsg.Request { return metadataByID(id) })
	s.versions("metadata by an unknown topic id", 2, 10, 12, func(int16) kmsg.Request { return metadataByID([16]byte{1, 2, 3}) })
	s.versions("metadata by a zero topic id", 2, 10, 12, func(int16) kmsg.Request { return metadataByID([16]byte{}) })
	s.versions("metadata by topic id and name", 2, 10, 12, func(int16) kmsg.Request {
		req, name := metadataByID(id), "cluster-b"
		req.Topics[0].Topic = &name
		return req
	})
	s.versions("metadata by ids and by names", 2, 12, 12, func(int16) kmsg.Request {
		req := metadataByID(id)
		req.Topics = append(req.Topics, metadataOf("cluster-b").Topics...)
		return req
	})
}

func describeCluster(endpoints int8, operations bool) kmsg.Request {
	req := kmsg.NewPtrDescribeClusterRequest()
	req.EndpointType, req.IncludeClusterAuthorizedOperations = endpoints, operations
	return req
}

func metadataOf(topics ...string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	for _, topic := range topics {
		req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{Topic: &topic})
	}
	return req
}

func metadataByID(id [16]byte) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{{TopicID: id}}
	return req
}

// topicID is a topic's id, which the transcript then calls by the topic's name.
func (s *rawScript) topicID(topic string) [16]byte {
	req := metadataOf(topic)
	req.Version = 12
	resp := answerOf[*kmsg.MetadataResponse](s.exchange(1, req, answerTime), req)
	s.symbols.learnFrom(resp)
	if len(resp.Topics) == 0 {
		return [16]byte{}
	}
	return resp.Topics[0].TopicID
}

func longName(n int) string {
	name := make([]byte, n)
	for i := range name {
		name[i] = 'x'
	}
	return string(name)
}

// shown is a name for the name of a step.
func shown(name string) string {
	if len(name) > 20 {
		return name[:3] + "…" + string(rune('0'+len(name)%10))
	}
	return strconv.Quote(name)
}
