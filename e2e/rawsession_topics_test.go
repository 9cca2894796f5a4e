//go:build e2e || interop

package e2e

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// topicsSession is about CreateTopics, DeleteTopics, CreatePartitions and ElectLeaders.
func topicsSession(s *rawScript) {
	createSteps(s)
	partitionSteps(s)
	electSteps(s)
	deleteSteps(s)
}

func createSteps(s *rawScript) {
	s.each("create a topic with an assignment", toController, func(v int16) kmsg.Request {
		return createTopics(assignedTopic(fmt.Sprintf("created-v%d", v), [][]int32{{1, 2}, {2, 3}}, "retention.ms=1000", "cleanup.policy=compact"))
	})
	s.each("create a topic by counts", toController, func(v int16) kmsg.Request {
		return createTopics(countedTopic(fmt.Sprintf("counted-v%d", v), 2, 3))
	})
	s.versions("create a topic with the broker's counts", toController, 4, 7, func(v int16) kmsg.Request {
		return createTopics(countedTopic(fmt.Sprintf("default-v%d", v), -1, -1))
	})
	s.versions("create a topic with the broker's counts, too old", toController, 0, 3, func(v int16) kmsg.Request {
		return createTopics(countedTopic(fmt.Sprintf("default-v%d", v), -1, -1))
	})
	s.each("create at a broker that is not controller", toAny, func(int16) kmsg.Request { return createTopics(countedTopic("elsewhere", 1, 1)) })
	s.versions("validate a topic", toController, 1, 7, func(int16) kmsg.Request { return validateTopics(countedTopic("validated", 3, 2)) })
	s.each("create a topic that exists", toController, func(int16) kmsg.Request { return createTopics(countedTopic("created-v0", 1, 1)) })
	s.versions("validate a topic that exists", toController, 1, 7, func(int16) kmsg.Request { return validateTopics(countedTopic("created-v0", 1, 1)) })
	s.each("create no topics", toController, func(int16) kmsg.Request { return createTopics() })
	for _, bad := range badTopics() {
		s.each("create "+bad.name, toController, func(v int16) kmsg.Request {
			req := createTopics(bad.topics...)
			req.ValidateOnly = v > 0 // what Kafka lets through shall leave nothing
			return req
		})
	}
	s.versions("create with timeout 0", toController, 4, 7, func(v int16) kmsg.Request {
		req := createTopics(countedTopic(fmt.Sprintf("hurried-v%d", v), 1, 1))
		req.TimeoutMillis = 0
		return req
	})
}

type badTopic struct {
	name   string
	topics []kmsg.CreateTopicsRequestTopic
}

func badTopics() []badTopic {
	counted := func(name string, partitions int32, replicas int16, configs ...string) []kmsg.CreateTopicsRequestTopic {
		t := countedTopic(name, partitions, replicas)
		t.Configs = assignedTopic(name, nil, configs...).Configs
		return []kmsg.CreateTopicsRequestTopic{t}
	}
	assigned := func(assignment ...[]int32) []kmsg.CreateTopicsRequestTopic {
		return []kmsg.CreateTopicsRequestTopic{assignedTopic("bad", assignment)}
	}
	both := assigned([]int32{1})
	both[0].NumPartitions, both[0].ReplicationFactor = 1, 1
	partitions := assigned([]int32{1}, []int32{2})
	partitions[0].ReplicaAssignment[1].Partition = 5
	twice := assigned([]int32{1}, []int32{2})
	twice[0].ReplicaAssignment[1].Partition = 0
	nullValue := counted("bad", 1, 1, "retention.ms=1")
	nullValue[0].Configs[0].Value = nil
	return []badTopic{
		{"a topic without a name", counted("", 1, 1)},
		{"a topic named .", counted(".", 1, 1)},
		{"a topic named ..", counted("..", 1, 1)},
		{"a topic with a space", counted("a b", 1, 1)},
		{"a topic with 249 letters", counted(longName(249), 1, 1)},
		{"a topic with 250 letters", counted(longName(250), 1, 1)},
		{"a topic with 0 partitions", counted("bad", 0, 1)},
		{"a topic with -2 partitions", counted("bad", -2, 1)},
		{"a topic with 0 replicas", counted("bad", 1, 0)},
		{"a topic with -2 replicas", counted("bad", 1, -2)},
		{"a topic with 4 replicas", counted("bad", 1, 4)},
		{"a topic whose name collides", counted("created_v0", 1, 1)},
		{"the metadata topic of KRaft", counted("__cluster_metadata", 1, 1)},
		{"a topic with an unknown config", counted("bad", 1, 1, "no.such.config=1")},
		{"a topic with an empty config name", counted("bad", 1, 1, "=1")},
		{"a topic with a config that is no number", counted("bad", 1, 1, "retention.ms=soon")},
		{"a topic with a config out of range", counted("bad", 1, 1, "min.insync.replicas=0")},
		{"a topic with an unknown cleanup policy", counted("bad", 1, 1, "cleanup.policy=burn")},
		{"a topic with an unknown compression", counted("bad", 1, 1, "compression.type=rar")},
		{"a topic with a bool that is none", counted("bad", 1, 1, "preallocate=maybe")},
		{"a topic with a bad throttle", counted("bad", 1, 1, "leader.replication.throttled.replicas=1-2")},
		{"a topic with a null config", nullValue},
		{"a topic with an empty config value", counted("bad", 1, 1, "retention.ms=")},
		{"a topic with contradicting configs", counted("bad", 1, 1, "min.compaction.lag.ms=10", "max.compaction.lag.ms=5")},
		{"a topic with remote storage", counted("bad", 1, 1, "remote.storage.enable=true")},
		{"a topic with an old message format", counted("bad", 1, 1, "message.format.version=0.9.0")},
		{"a topic with a config twice", counted("bad", 1, 1, "retention.ms=1", "retention.ms=2")},
		{"an assignment and counts", both},
		{"an assignment with a hole", partitions},
		{"an assignment with a partition twice", twice},
		{"an assignment without replicas", assigned([]int32{})},
		{"an assignment to an unknown broker", assigned([]int32{1, 9})},
		{"an assignment to a broker twice", assigned([]int32{1, 1})},
		{"an assignment to a negative broker", assigned([]int32{-1})},
		{"an assignment of uneven factors", assigned([]int32{1, 2}, []int32{3})},
		{"a topic twice", append(counted("twice", 1, 1), counted("twice", 2, 1)...)},
		{"a good and a bad topic", append(counted("good-of-two", 1, 1), counted("a b", 1, 1)...)},
	}
}

func partitionSteps(s *rawScript) {
	s.topic("grow", [][]int32{{1, 2}}, keepForever)
	for _, c := range []struct {
		name  string
		topic kmsg.CreatePartitionsRequestTopic
	}{
		{"the same count", growth("grow", 1)},
		{"fewer partitions", growth("grow", 0)},
		{"a negative count", growth("grow", -1)},
		{"an unknown topic", growth("none", 3)},
		{"a topic without a name", growth("", 3)},
		{"a topic with a space", growth("a b", 3)},
		{"too short an assignment", growth("grow", 3, []int32{1, 2})},
		{"too long an assignment", growth("grow", 2, []int32{1, 2}, []int32{2, 3})},
		{"an assignment with another factor", growth("grow", 2, []int32{1})},
		{"an assignment of uneven factors", growth("grow", 3, []int32{1, 2}, []int32{3})},
		{"an assignment to an unknown broker", growth("grow", 2, []int32{1, 9})},
		{"an assignment to a broker twice", growth("grow", 2, []int32{1, 1})},
		{"an assignment to a negative broker", growth("grow", 2, []int32{1, -1})},
		{"an empty assignment", growth("grow", 2, []int32{})},
		{"good, but only to validate", growth("grow", 4)},
		{"good with an assignment, but only to validate", growth("grow", 2, []int32{2, 1})},
	} {
		s.each("create partitions: "+c.name, toController, func(int16) kmsg.Request { return createPartitions(true, c.topic) })
	}
	s.each("create partitions: a topic twice", toController, func(int16) kmsg.Request {
		return createPartitions(true, growth("grow", 2), growth("grow", 3))
	})
	s.each("create partitions at a broker that is not controller", toAny, func(int16) kmsg.Request { return createPartitions(true, growth("grow", 2)) })
	s.each("create partitions of no topic", toController, func(int16) kmsg.Request { return createPartitions(false) })
	s.each("create partitions", toController, func(v int16) kmsg.Request {
		return createPartitions(false, growth("grow", int32(v)+2, []int32{2, 3}))
	})
	s.known("grow", 5)
	s.versions("metadata of the grown topic", 1, 7, 7, func(int16) kmsg.Request { return metadataOf("grow") })
}

func electSteps(s *rawScript) {
	s.topic("elect", [][]int32{{1, 2}, {2, 1}}, keepForever)
	for _, unclean := range []int8{0, 1} {
		kind := []string{"preferred", "unclean"}[unclean]
		first := int16(unclean)
		s.versions("elect "+kind+": not needed", toController, first, 2, func(int16) kmsg.Request { return elect(unclean, "elect", 0, 1) })
		s.versions("elect "+kind+": unknown topic", toController, first, 2, func(int16) kmsg.Request { return elect(unclean, "none", 0) })
		s.versions("elect "+kind+": unknown and negative partition", toController, first, 2, func(int16) kmsg.Request { return elect(unclean, "elect", 7, -1, 0) })
		s.versions("elect "+kind+" at a broker that is not controller", toAny, first, 2, func(int16) kmsg.Request { return elect(unclean, "elect", 0) })
	}
	s.versions("elect in an unknown way", toController, 1, 2, func(int16) kmsg.Request { return elect(7, "elect", 0) })
	s.each("elect no partition", toController, func(int16) kmsg.Request {
		req := elect(0, "elect")
		req.Topics = []kmsg.ElectLeadersRequestTopic{}
		return req
	})
}

func deleteSteps(s *rawScript) {
	s.each("delete a topic", toController, func(v int16) kmsg.Request { return deleteTopics(fmt.Sprintf("created-v%d", v)) })
	s.each("delete an unknown topic", toController, func(int16) kmsg.Request { return deleteTopics("none") })
	s.each("delete a topic without a name", toController, func(int16) kmsg.Request { return deleteTopics("") })
	s.each("delete no topic", toController, func(int16) kmsg.Request { return deleteTopics() })
	s.each("delete at a broker that is not controller", toAny, func(int16) kmsg.Request { return deleteTopics("grow") })
	s.each("delete an unknown topic twice", toController, func(int16) kmsg.Request { return deleteTopics("none", "none") })
	s.each("delete topics", toController, func(v int16) kmsg.Request {
		return deleteTopics(fmt.Sprintf("counted-v%d", v), "none")
	})
	byID := func(id [16]byte, name *string) func(int16) kmsg.Request {
		return func(int16) kmsg.Request {
			req := deleteTopics()
			req.Topics = []kmsg.DeleteTopicsRequestTopic{{TopicID: id, Topic: name}}
			return req
		}
	}
	grow, none := "grow", "none"
	id := s.topicID("grow")
	s.versions("delete by an unknown id", toController, 6, 6, byID([16]byte{9}, nil))
	s.versions("delete by a zero id without a name", toController, 6, 6, byID([16]byte{}, nil))
	s.versions("delete by id and name", toController, 6, 6, byID(id, &grow))
	s.versions("delete by id and another name", toController, 6, 6, byID(id, &none))
	s.versions("delete by id", toController, 6, 6, byID(id, nil))
	s.gone("grow")
	for v := range int16(8) {
		s.gone(fmt.Sprintf("created-v%d", min(v, 6)))
	}
}

func createTopics(topics ...kmsg.CreateTopicsRequestTopic) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis, req.Topics = 20000, topics
	return req
}

func validateTopics(topics ...kmsg.CreateTopicsRequestTopic) *kmsg.CreateTopicsRequest {
	req := createTopics(topics...)
	req.ValidateOnly = true
	return req
}

func countedTopic(name string, partitions int32, replicas int16) kmsg.CreateTopicsRequestTopic {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, replicas
	return t
}

func growth(topic string, count int32, assignment ...[]int32) kmsg.CreatePartitionsRequestTopic {
	t := kmsg.NewCreatePartitionsRequestTopic()
	t.Topic, t.Count = topic, count
	for _, replicas := range assignment {
		t.Assignment = append(t.Assignment, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: replicas})
	}
	return t
}

func createPartitions(validateOnly bool, topics ...kmsg.CreatePartitionsRequestTopic) kmsg.Request {
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis, req.ValidateOnly, req.Topics = 20000, validateOnly, topics
	return req
}

func elect(kind int8, topic string, partitions ...int32) *kmsg.ElectLeadersRequest {
	req := kmsg.NewPtrElectLeadersRequest()
	req.ElectionType, req.TimeoutMillis = kind, 20000
	req.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: topic, Partitions: partitions}}
	return req
}

// deleteTopics fills the request's fields of old and of new versions.
func deleteTopics(topics ...string) *kmsg.DeleteTopicsRequest {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis, req.TopicNames = 20000, topics
	for _, topic := range topics {
		req.Topics = append(req.Topics, kmsg.DeleteTopicsRequestTopic{Topic: &topic})
	}
	return req
}
