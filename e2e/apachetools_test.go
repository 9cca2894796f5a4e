//go:build interop

package e2e

import (
	"strings"
	"testing"
)

// TestApachesToolsAgainstOurBrokers walks a topic's life with the tools of Kafka 3.9 and of 4.x.
func TestApachesToolsAgainstOurBrokers(t *testing.T) {
	l := up(t)
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			a, topic, server := apacheKafka(t, version), "tools-"+version, strings.Join(bootstrap, ",")
			topics := func(args ...string) []string { return append([]string{"--bootstrap-server", server}, args...) }
			const topicCommand = "org.apache.kafka.tools.TopicCommand"

			a.must(t, "", topicCommand, topics("--create", "--topic", topic, "--partitions", "2", "--replication-factor", "3", "--config", "retention.ms=3600000"), "Created topic "+topic)
			a.must(t, "", topicCommand, topics("--list"), topic)
			a.must(t, "", topicCommand, topics("--describe", "--topic", topic), "PartitionCount: 2", "ReplicationFactor: 3", "retention.ms=3600000")
			a.must(t, "", topicCommand, topics("--alter", "--topic", topic, "--partitions", "3"))
			a.must(t, "", topicCommand, topics("--describe", "--topic", topic), "PartitionCount: 3")
			l.waitISR(l.admin(), topic, 2, 3)

			a.must(t, "k1:v1\nk2:v2\nk3:v3\n", consoleProducer(version), topics("--topic", topic, "--property", "parse.key=true", "--property", "key.separator=:"))
			a.must(t, "", "org.apache.kafka.tools.GetOffsetShell", topics("--topic", topic), topic+":0:", topic+":1:", topic+":2:")
			read := ""
			for partition := range 3 {
				n := len(l.readAll(topic, int32(partition)))
				if n == 0 {
					continue
				}
				read += a.must(t, "", "org.apache.kafka.tools.consumer.ConsoleConsumer",
					topics("--topic", topic, "--partition", string(rune('0'+partition)), "--offset", "earliest", "--max-messages", string(rune('0'+n)), "--timeout-ms", "20000"))
			}
			for _, want := range []string{"v1", "v2", "v3"} {
				if !strings.Contains(read, want) {
					t.Errorf("the console consumer read %q, want %s in it", read, want)
				}
			}
			a.must(t, "", brokerAPIVersions(version), topics(), "Produce(0): 0 to 11 [usable: 11]", "Fetch(1): 0 to 17")
			a.must(t, "", "org.apache.kafka.tools.LeaderElectionCommand", topics("--election-type", "preferred", "--all-topic-partitions"))
			a.must(t, "", "kafka.admin.ConfigCommand", topics("--describe", "--entity-type", "topics", "--entity-name", topic), "retention.ms=3600000")
			a.must(t, "", "kafka.admin.ConfigCommand", topics("--describe", "--all", "--entity-type", "brokers", "--entity-name", "1"), "log.dirs", "sensitive=false")
			a.must(t, "", topicCommand, topics("--delete", "--topic", topic))
			if out := a.must(t, "", topicCommand, topics("--list")); strings.Contains(out, topic) {
				t.Errorf("%s is still listed after its deletion:\n%s", topic, out)
			}
		})
	}
}

func consoleProducer(version string) string {
	if version == "4" {
		return "org.apache.kafka.tools.ConsoleProducer"
	}
	return "kafka.tools.ConsoleProducer"
}

func brokerAPIVersions(version string) string {
	if version == "4" {
		return "org.apache.kafka.tools.BrokerApiVersionsCommand"
	}
	return "kafka.admin.BrokerApiVersionsCommand"
}
