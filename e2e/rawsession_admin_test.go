//go:build e2e || interop

package e2e

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	ofTopic   = kmsg.ConfigResourceTypeTopic
	ofBroker  = kmsg.ConfigResourceTypeBroker
	ofLoggers = kmsg.ConfigResourceTypeBrokerLogger
)

// adminSession is about configuration, reassignment, log directories and features.
func adminSession(s *rawScript) {
	s.topic("admin", [][]int32{{1, 2}, {2, 3}}, keepForever, "max.message.bytes=2000")
	describeConfigSteps(s)
	alterSteps(s)
	incrementalSteps(s)
	brokerConfigSteps(s)
	reassignSteps(s)
	logDirSteps(s)
	featureSteps(s)
}

func describeConfigSteps(s *rawScript) {
	s.each("describe a topic's configs", 1, func(int16) kmsg.Request { return describeConfigs(ofTopic, "admin") })
	s.each("describe some of a topic's configs", 2, func(int16) kmsg.Request {
		return describeConfigs(ofTopic, "admin", "retention.ms", "max.message.bytes", "no.such")
	})
	s.each("describe a topic's configs with synonyms and words", 1, func(int16) kmsg.Request {
		req := describeConfigs(ofTopic, "admin", "max.message.bytes", "cleanup.policy", "segment.ms")
		req.IncludeSynonyms, req.IncludeDocumentation = true, true
		return req
	})
	s.versions("describe all of a topic's configs with synonyms and words", 1, 4, 4, func(int16) kmsg.Request {
		req := describeConfigs(ofTopic, "admin")
		req.IncludeSynonyms, req.IncludeDocumentation = true, true
		return req
	})
	s.each("describe no config of a topic", 1, func(int16) kmsg.Request {
		req := describeConfigs(ofTopic, "admin")
		req.Resources[0].ConfigNames = []string{}
		return req
	})
	for _, c := range []struct {
		what string
		kind kmsg.ConfigResourceType
		name string
	}{
		{"an unknown topic", ofTopic, "none"}, {"an impossible topic", ofTopic, "a b"}, {"a topic without a name", ofTopic, ""},
		{"another broker", ofBroker, "2"}, {"an unknown broker", ofBroker, "9"}, {"a broker that is no number", ofBroker, "one"},
		{"the loggers of another broker", ofLoggers, "2"}, {"the loggers of a broker without a name", ofLoggers, ""}, {"the loggers of a broker that is no number", ofLoggers, "x"},
		{"a group", 32, "g"}, {"client metrics", 16, "m"}, {"an unknown kind of thing", 77, "x"}, {"no kind of thing", 0, "x"},
	} {
		s.each("describe configs of "+c.what, 1, func(int16) kmsg.Request { return describeConfigs(c.kind, c.name, "retention.ms") })
	}
	s.each("describe a broker's configs", 1, func(int16) kmsg.Request { return describeConfigs(ofBroker, "1") })
	s.versions("describe a broker's configs with synonyms and words", 1, 4, 4, func(int16) kmsg.Request {
		req := describeConfigs(ofBroker, "1")
		req.IncludeSynonyms, req.IncludeDocumentation = true, true
		return req
	})
	s.each("describe some of a broker's configs", 1, func(int16) kmsg.Request {
		return describeConfigs(ofBroker, "1", "log.retention.ms", "num.io.threads", "no.such", "broker.id")
	})
	s.each("describe the default broker's configs", 1, func(int16) kmsg.Request { return describeConfigs(ofBroker, "") })
	s.each("describe loggers", 1, func(int16) kmsg.Request { return describeConfigs(ofLoggers, "1", "root", "kafka.controller") })
	s.each("describe a topic twice", 1, func(int16) kmsg.Request {
		req := describeConfigs(ofTopic, "admin", "retention.ms")
		req.Resources = append(req.Resources, req.Resources[0])
		return req
	})
	s.each("describe configs of nothing", 1, func(int16) kmsg.Request { return kmsg.NewPtrDescribeConfigsRequest() })
}

// badSettings are configs that a topic refuses, with their values; a nil value is null.
func badSettings() []kmsg.AlterConfigsRequestResourceConfig {
	setting := func(name, value string) kmsg.AlterConfigsRequestResourceConfig {
		return kmsg.AlterConfigsRequestResourceConfig{Name: name, Value: &value}
	}
	return []kmsg.AlterConfigsRequestResourceConfig{
		setting("no.such.config", "1"), setting("", "1"), setting("retention.ms", "soon"), setting("retention.ms", "-2"), setting("retention.ms", ""),
		setting("min.insync.replicas", "0"), setting("cleanup.policy", "burn"), setting("cleanup.policy", ""), setting("compression.type", "rar"),
		setting("preallocate", "maybe"), setting("max.message.bytes", "99999999999"), setting("segment.bytes", "1"),
		setting("min.cleanable.dirty.ratio", "1.5"), setting("leader.replication.throttled.replicas", "1-2"),
		setting("message.timestamp.type", "Noon"), setting("local.retention.ms", "1"), setting("remote.storage.enable", "true"),
		{Name: "retention.ms"},
	}
}

func shownSetting(c kmsg.AlterConfigsRequestResourceConfig) string {
	if c.Value == nil {
		return c.Name + " null"
	}
	return c.Name + "=" + *c.Value
}

func alterSteps(s *rawScript) {
	setting := func(name, value string) kmsg.AlterConfigsRequestResourceConfig {
		return kmsg.AlterConfigsRequestResourceConfig{Name: name, Value: &value}
	}
	for _, bad := range badSettings() {
		s.each("alter to "+shownSetting(bad), toController, func(int16) kmsg.Request { return alterConfigs(ofTopic, "admin", true, bad) })
	}
	for _, name := range []string{"none", "a b", ""} {
		s.each("alter the topic "+shown(name), toController, func(int16) kmsg.Request { return alterConfigs(ofTopic, name, false, setting("retention.ms", "1")) })
	}
	s.each("alter a group", toController, func(int16) kmsg.Request { return alterConfigs(32, "g", false, setting("a", "1")) })
	s.each("alter an unknown kind of thing", toController, func(int16) kmsg.Request { return alterConfigs(77, "x", false, setting("a", "1")) })
	s.each("alter loggers", 1, func(int16) kmsg.Request { return alterConfigs(ofLoggers, "1", false, setting("root", "INFO")) })
	twice := withVersion(alterConfigs(ofTopic, "admin", true, setting("retention.ms", "-1")), 2)
	twice.Resources = append(twice.Resources, twice.Resources[0])
	s.unanswered("alter a topic twice", toController, twice)
	s.each("alter nothing", toController, func(int16) kmsg.Request { return kmsg.NewPtrAlterConfigsRequest() })
	s.each("alter only to validate", toController, func(int16) kmsg.Request { return alterConfigs(ofTopic, "admin", true, setting("flush.ms", "7")) })
	s.each("alter with the same config twice", toController, func(int16) kmsg.Request {
		return alterConfigs(ofTopic, "admin", true, setting("flush.ms", "7"), setting("flush.ms", "8"))
	})
	s.each("alter at a broker that is not controller", toAny, func(v int16) kmsg.Request {
		return alterConfigs(ofTopic, "admin", false, setting("retention.ms", "-1"), setting("flush.ms", fmt.Sprint(100+v)))
	})
	s.configIs("admin", "flush.ms", "102")
	s.send("describe what was altered", 1, withVersion(describeConfigs(ofTopic, "admin", "flush.ms", "max.message.bytes", "retention.ms"), 4))
}

// configIs waits until all brokers have a topic's config.
func (s *rawScript) configIs(topic, name, value string) {
	s.t.Helper()
	if _, ok := s.served[44]; !ok {
		return
	}
	for broker := to(1); broker <= 3; broker++ {
		until(s, fmt.Sprintf("%s has %s=%s", topic, name, value), broker, withVersion(describeConfigs(ofTopic, topic, name), 4), func(r *kmsg.DescribeConfigsResponse) bool {
			return len(r.Resources) == 1 && len(r.Resources[0].Configs) == 1 && r.Resources[0].Configs[0].Value != nil && *r.Resources[0].Configs[0].Value == value
		})
	}
}

func incrementalSteps(s *rawScript) {
	op := func(op kmsg.IncrementalAlterConfigOp, name, value string) kmsg.IncrementalAlterConfigsRequestResourceConfig {
		return kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: name, Op: op, Value: &value}
	}
	const set, del, add, sub = kmsg.IncrementalAlterConfigOpSet, kmsg.IncrementalAlterConfigOpDelete, kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract
	for _, bad := range badSettings() {
		c := kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: bad.Name, Op: set, Value: bad.Value}
		s.each("set "+shownSetting(bad), toController, func(int16) kmsg.Request { return incremental(ofTopic, "admin", true, c) })
	}
	for _, c := range []struct {
		name string
		ops  []kmsg.IncrementalAlterConfigsRequestResourceConfig
	}{
		{"append to what is no list", []kmsg.IncrementalAlterConfigsRequestResourceConfig{op(add, "retention.ms", "1")}},
		{"subtract from what is no list", []kmsg.IncrementalAlterConfigsRequestResourceConfig{op(sub, "retention.ms", "1")}},
		{"append to a list", []kmsg.IncrementalAlterConfigsRequestResourceConfig{op(add, "cleanup.policy", "compact")}},
		{"append what is there", []kmsg.IncrementalAlterConfigsRequestResourceConfig{op(add, "cleanup.policy", "delete")}},
		{"append rubbish", []kmsg.IncrementalAlterConfigsRequestResourceConfig{op(add, "cleanup.policy", "burn")}},
		{"subtract from a list", []kmsg.IncrementalAlterConfigsRequestResourceConfig{op(sub, "cleanup.policy", "delete")}},
		{"subtract what is not there", []kmsg.IncrementalAlterConfigsRequestResourceConfig{op(sub, "cleanup.policy", "compact")}},
		{"delete a config that is set", []kmsg.IncrementalAlterConfigsRequestResourceConfig{op(del, "retention.ms", "")}},
		{"delete a config that is not set", []kmsg.IncrementalAlterConfigsRequestResourceConfig{op(del, "segment.ms", "")}},
		{"delete an unknown config", []kmsg.IncrementalAlterConfigsRequestResourceConfig{op(del, "no.such.config", "")}},
		{"an unknown operation", []kmsg.IncrementalAlterConfigsRequestResourceConfig{op(7, "retention.ms", "1")}},
		{"a config twice", []kmsg.IncrementalAlterConfigsRequestResourceConfig{op(set, "retention.ms", "1"), op(set, "retention.ms", "2")}},
		{"a config twice with two operations", []kmsg.IncrementalAlterConfigsRequestResourceConfig{op(set, "retention.ms", "1"), op(del, "retention.ms", "")}},
		{"no config", nil},
	} {
		s.each("incremental: "+c.name, toController, func(int16) kmsg.Request { return incremental(ofTopic, "admin", true, c.ops...) })
	}
	for _, name := range []string{"none", "a b", ""} {
		s.each("incremental: the topic "+shown(name), toController, func(int16) kmsg.Request { return incremental(ofTopic, name, false, op(set, "retention.ms", "1")) })
	}
	s.each("incremental: a group", toController, func(int16) kmsg.Request { return incremental(32, "g", false, op(set, "a", "1")) })
	s.each("incremental: client metrics", toController, func(int16) kmsg.Request { return incremental(16, "m", false, op(set, "a", "1")) })
	s.each("incremental: an unknown kind of thing", toController, func(int16) kmsg.Request { return incremental(77, "x", false, op(set, "a", "1")) })
	s.each("incremental: a topic twice", toController, func(int16) kmsg.Request {
		req := incremental(ofTopic, "admin", true, op(set, "retention.ms", "1"))
		req.Resources = append(req.Resources, req.Resources[0])
		return req
	})
	s.each("incremental: nothing", toController, func(int16) kmsg.Request { return kmsg.NewPtrIncrementalAlterConfigsRequest() })
	s.each("incremental: set, append and delete", toAny, func(v int16) kmsg.Request {
		return incremental(ofTopic, "admin", false, op(set, "flush.ms", fmt.Sprint(200+v)), op(add, "cleanup.policy", "compact"), op(del, "retention.ms", ""))
	})
	s.configIs("admin", "flush.ms", "201")
	s.send("describe what was changed", 1, withVersion(describeConfigs(ofTopic, "admin", "flush.ms", "cleanup.policy", "retention.ms"), 4))
}

func brokerConfigSteps(s *rawScript) {
	op := func(op kmsg.IncrementalAlterConfigOp, name, value string) kmsg.IncrementalAlterConfigsRequestResourceConfig {
		return kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: name, Op: op, Value: &value}
	}
	for _, c := range []struct{ name, value string }{
		{"broker.id", "7"}, {"num.partitions", "5"}, {"no.such.config", "1"}, {"log.cleaner.threads", "0"}, {"log.cleaner.threads", "9"},
		{"num.io.threads", "many"}, {"num.io.threads", "16"}, {"num.io.threads", "99"}, {"min.insync.replicas", "0"}, {"min.insync.replicas", "2"},
		{"log.retention.ms", "1000"}, {"listeners", "PLAINTEXT://127.0.0.1:1"}, {"advertised.listeners", "PLAINTEXT://x:1"},
		{"message.max.bytes", "-1"}, {"compression.type", "rar"}, {"leader.replication.throttled.rate", "5"}, {"leader.replication.throttled.rate", "-1"},
		{"ssl.keystore.password", "secret"}, {"unclean.leader.election.enable", "maybe"}, {"max.connections", "5"}, {"principal.builder.class", "x"},
	} {
		for _, name := range []string{"1", ""} {
			what := "a broker's "
			if name == "" {
				what = "the brokers' "
			}
			s.each("set "+what+c.name+"="+c.value, 1, func(int16) kmsg.Request { return incremental(ofBroker, name, true, op(0, c.name, c.value)) })
		}
	}
	for _, name := range []string{"2", "9", "one"} {
		s.each("set a config of broker "+name, 1, func(int16) kmsg.Request { return incremental(ofBroker, name, true, op(0, "num.io.threads", "9")) })
		s.each("set a logger of broker "+name, 1, func(int16) kmsg.Request { return incremental(ofLoggers, name, true, op(0, "root", "INFO")) })
	}
	for _, c := range []kmsg.IncrementalAlterConfigsRequestResourceConfig{
		op(0, "root", "INFO"), op(0, "root", "LOUD"), op(0, "no.such.logger", "INFO"), op(1, "root", ""), op(1, "kafka.controller", ""), op(2, "root", "INFO"),
	} {
		s.each(fmt.Sprintf("logger %s: operation %d %s", c.Name, c.Op, *c.Value), 1, func(int16) kmsg.Request { return incremental(ofLoggers, "1", true, c) })
	}
	s.send("set the brokers' retention", 1, withVersion(incremental(ofBroker, "", false, op(0, "log.retention.ms", "777777777")), 1))
	s.send("set a broker's retention", 1, withVersion(incremental(ofBroker, "1", false, op(0, "log.retention.ms", "888888888")), 1))
	s.configIs2("admin", "retention.ms", map[to]string{1: "888888888", 2: "777777777", 3: "777777777"})
	for _, broker := range []to{1, 2} {
		s.send(fmt.Sprintf("describe the retention of broker %d", broker), broker, withVersion(func() kmsg.Request {
			req := describeConfigs(ofBroker, fmt.Sprint(int32(broker)), "log.retention.ms")
			req.IncludeSynonyms = true
			return req
		}(), 4))
		s.send(fmt.Sprintf("describe a topic's retention at broker %d", broker), broker, withVersion(func() kmsg.Request {
			req := describeConfigs(ofTopic, "admin", "retention.ms")
			req.IncludeSynonyms = true
			return req
		}(), 4))
	}
	s.send("describe the brokers' retention", 1, withVersion(describeConfigs(ofBroker, "", "log.retention.ms"), 4))
	s.send("unset the brokers' retention", 1, withVersion(incremental(ofBroker, "", false, op(1, "log.retention.ms", "")), 1))
	s.send("unset a broker's retention", 1, withVersion(incremental(ofBroker, "1", false, op(1, "log.retention.ms", "")), 1))
}

func (s *rawScript) configIs2(topic, name string, values map[to]string) {
	s.t.Helper()
	if _, ok := s.served[44]; !ok {
		return
	}
	for broker, value := range values {
		until(s, fmt.Sprintf("%s has %s=%s at broker %d", topic, name, value, broker), broker, withVersion(describeConfigs(ofTopic, topic, name), 4), func(r *kmsg.DescribeConfigsResponse) bool {
			return len(r.Resources) == 1 && len(r.Resources[0].Configs) == 1 && r.Resources[0].Configs[0].Value != nil && *r.Resources[0].Configs[0].Value == value
		})
	}
}

func reassignSteps(s *rawScript) {
	s.topic("moving", [][]int32{{1, 2}, {2, 3}}, keepForever)
	for _, c := range []struct {
		name, topic string
		partition   int32
		replicas    []int32
	}{
		{"an unknown topic", "none", 0, []int32{1}},
		{"a topic without a name", "", 0, []int32{1}},
		{"an unknown partition", "moving", 9, []int32{1, 2}},
		{"a negative partition", "moving", -1, []int32{1, 2}},
		{"to no replicas", "moving", 0, []int32{}},
		{"to an unknown broker", "moving", 0, []int32{1, 9}},
		{"to a negative broker", "moving", 0, []int32{1, -1}},
		{"to a broker twice", "moving", 0, []int32{1, 1}},
		{"a cancellation without a reassignment", "moving", 0, nil},
		{"to where it is", "moving", 0, []int32{1, 2}},
	} {
		s.send("reassign "+c.name, toController, reassign(c.topic, c.partition, c.replicas))
	}
	s.send("reassign at a broker that is not controller", toAny, reassign("moving", 0, []int32{2, 3}))
	s.send("reassign nothing", toController, kmsg.NewPtrAlterPartitionAssignmentsRequest())
	s.send("reassign a partition", toController, reassign("moving", 0, []int32{2, 3}))
	s.moved("moving", 0, []int32{2, 3})
	s.send("list reassignments", toController, reassignments(nil))
	s.send("list reassignments of a topic", toController, reassignments([]kmsg.ListPartitionReassignmentsRequestTopic{{Topic: "moving", Partitions: []int32{0, 9}}, {Topic: "none", Partitions: []int32{0}}}))
	s.send("list reassignments of no topic", toController, reassignments([]kmsg.ListPartitionReassignmentsRequestTopic{}))
	s.send("list reassignments at a broker that is not controller", toAny, reassignments(nil))
	s.send("metadata of what was moved", 1, withVersion(metadataOf("moving"), 5))
}

// moved waits until all brokers know a partition's new replicas.
func (s *rawScript) moved(topic string, partition int32, replicas []int32) {
	s.t.Helper()
	if _, ok := s.served[45]; !ok {
		return
	}
	for broker := to(1); broker <= 3; broker++ {
		until(s, topic+" has moved", broker, withVersion(metadataOf(topic), 5), func(r *kmsg.MetadataResponse) bool {
			for _, p := range r.Topics[0].Partitions {
				if p.Partition == partition {
					return fmt.Sprint(p.Replicas) == fmt.Sprint(replicas) && len(p.ISR) == len(replicas) && p.Leader == replicas[0]
				}
			}
			return false
		})
	}
}

func logDirSteps(s *rawScript) {
	s.topic("sized", [][]int32{{1, 2}, {2, 1}}, keepForever)
	s.exchange(1, withVersion(produceOf(-1, "sized", batchSpec{values: []string{"a", "b"}}.build()), 9), answerTime)
	dirs := func(topics ...kmsg.DescribeLogDirsRequestTopic) func(int16) kmsg.Request {
		return func(int16) kmsg.Request {
			req := kmsg.NewPtrDescribeLogDirsRequest()
			req.Topics = topics
			return req
		}
	}
	s.each("describe log dirs", 1, dirs(kmsg.DescribeLogDirsRequestTopic{Topic: "sized", Partitions: []int32{0, 1, 7, -1}}))
	s.each("describe log dirs of an unknown topic", 1, dirs(kmsg.DescribeLogDirsRequestTopic{Topic: "none", Partitions: []int32{0}}))
	s.each("describe log dirs of no partition", 1, dirs(kmsg.DescribeLogDirsRequestTopic{Topic: "sized"}))
	s.each("describe log dirs of no topic", 1, func(int16) kmsg.Request {
		req := kmsg.NewPtrDescribeLogDirsRequest()
		req.Topics = []kmsg.DescribeLogDirsRequestTopic{}
		return req
	})
}

func featureSteps(s *rawScript) {
	update := func(name string, level int16, kind int8) func(int16) kmsg.Request {
		return func(int16) kmsg.Request {
			req := kmsg.NewPtrUpdateFeaturesRequest()
			req.TimeoutMillis = 10000
			u := kmsg.NewUpdateFeaturesRequestFeatureUpdate()
			u.Feature, u.MaxVersionLevel, u.UpgradeType, u.AllowDowngrade = name, level, kind, kind > 1
			req.FeatureUpdates = append(req.FeatureUpdates, u)
			return req
		}
	}
	s.each("update an unknown feature", toController, update("nothing", 1, 1))
	s.each("update a feature without a name", toController, update("", 1, 1))
	s.each("update the metadata version", toController, update("metadata.version", 7, 1))
	s.each("update a feature to level 0", toController, update("nothing", 0, 2))
	s.each("update a feature at a broker that is not controller", toAny, update("nothing", 1, 1))
	s.each("update no feature", toController, func(int16) kmsg.Request { return kmsg.NewPtrUpdateFeaturesRequest() })
}

func describeConfigs(kind kmsg.ConfigResourceType, name string, configs ...string) *kmsg.DescribeConfigsRequest {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kind, ResourceName: name, ConfigNames: configs}}
	return req
}

func alterConfigs(kind kmsg.ConfigResourceType, name string, validateOnly bool, configs ...kmsg.AlterConfigsRequestResourceConfig) *kmsg.AlterConfigsRequest {
	req := kmsg.NewPtrAlterConfigsRequest()
	req.ValidateOnly = validateOnly
	req.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: kind, ResourceName: name, Configs: configs}}
	return req
}

func incremental(kind kmsg.ConfigResourceType, name string, validateOnly bool, configs ...kmsg.IncrementalAlterConfigsRequestResourceConfig) *kmsg.IncrementalAlterConfigsRequest {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.ValidateOnly = validateOnly
	req.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kind, ResourceName: name, Configs: configs}}
	return req
}

func reassign(topic string, partition int32, replicas []int32) kmsg.Request {
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.TimeoutMillis = 20000
	t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	t.Topic = topic
	t.Partitions = []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Partition: partition, Replicas: replicas}}
	req.Topics = append(req.Topics, t)
	return req
}

func reassignments(topics []kmsg.ListPartitionReassignmentsRequestTopic) kmsg.Request {
	req := kmsg.NewPtrListPartitionReassignmentsRequest()
	req.TimeoutMillis, req.Topics = 20000, topics
	return req
}
