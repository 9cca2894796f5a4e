//go:build interop

package e2e

import (
	"fmt"
	"strings"
)

// script is what an operator does, tool by tool. Topics are placed by hand, since brokers place them by chance.
func (s *toolScript) script() {
	s.topics()
	s.configs()
	s.offsets()
	s.emptyGroup()
	s.liveGroup()
	s.reassignment()
	s.transactions()
	s.rest()
}

const threeByThree = "1:2:3,2:3:1,3:1:2"

func (s *toolScript) topics() {
	topics := func(args ...string) { s.t.Helper(); s.step("kafka-topics", args...) }
	topics("--create", "--topic", "t", "--replica-assignment", threeByThree, "--config", "retention.ms=3155760000000", "--config", "cleanup.policy=compact,delete")
	s.cluster.waitInSync("t")
	topics("--create", "--topic", "t", "--partitions", "1")
	topics("--create", "--topic", "t", "--if-not-exists")
	topics("--create", "--topic", "bad topic")
	topics("--create", "--topic", "wide", "--partitions", "1", "--replication-factor", "5")
	topics("--create", "--topic", "none", "--partitions", "0", "--replication-factor", "1")
	topics("--create", "--topic", "odd", "--partitions", "1", "--config", "retention.ms=soon")
	topics("--create", "--topic", "odd", "--partitions", "1", "--config", "no.such.config=1")
	topics("--describe", "--topic", "t")
	topics("--describe", "--topic", "missing")
	topics("--describe", "--topic", "missing", "--if-exists")
	topics("--describe", "--topics-with-overrides", "--topic", "t")
	topics("--describe", "--under-replicated-partitions", "--topic", "t")
	topics("--describe", "--at-min-isr-partitions", "--topic", "t")
	topics("--alter", "--topic", "t", "--partitions", "4", "--replica-assignment", "1:2:3,2:3:1,3:1:2,1:3:2")
	s.cluster.waitInSync("t")
	topics("--describe", "--topic", "t")
	topics("--alter", "--topic", "t", "--partitions", "2")
	topics("--alter", "--topic", "t", "--partitions", "4")
	topics("--alter", "--topic", "missing", "--partitions", "4")
	topics("--create", "--topic", "gone", "--replica-assignment", "1:2")
	topics("--delete", "--topic", "gone")
	topics("--delete", "--topic", "missing")
	s.cluster.waitGone("gone")
	topics("--list", "--exclude-internal")
}

func (s *toolScript) configs() {
	configs := func(args ...string) { s.t.Helper(); s.step("kafka-configs", args...) }
	topic := []string{"--entity-type", "topics", "--entity-name", "t"}
	broker := []string{"--entity-type", "brokers", "--entity-name", "1"}
	of := func(entity []string, args ...string) { s.t.Helper(); configs(append(args, entity...)...) }
	of(topic, "--describe")
	of(topic, "--alter", "--add-config", "max.message.bytes=2000000,retention.ms=3155000000000")
	of(topic, "--describe")
	of(topic, "--alter", "--delete-config", "max.message.bytes")
	of(topic, "--describe", "--all")
	of(topic, "--alter", "--add-config", "retention.ms=soon")
	of(topic, "--alter", "--add-config", "no.such.config=1")
	of(topic, "--alter", "--delete-config", "max.message.bytes")
	of(broker, "--alter", "--add-config", "log.cleaner.threads=2")
	of(broker, "--describe")
	of(broker, "--alter", "--add-config", "log.cleaner.threads=-1")
	of(broker, "--alter", "--add-config", "broker.id=7")
	of(broker, "--alter", "--delete-config", "log.cleaner.threads")
	of(broker, "--describe")
	all := []string{"--entity-type", "brokers", "--entity-default"}
	of(all, "--alter", "--add-config", "log.retention.ms=86400000")
	of(all, "--describe")
	of(all, "--alter", "--delete-config", "log.retention.ms")
	configs("--describe", "--entity-type", "topics", "--entity-name", "missing")
}

func (s *toolScript) offsets() {
	s.cluster.produce("t", 4, 25)
	offsets := func(args ...string) { s.t.Helper(); s.step("kafka-get-offsets", args...) }
	offsets("--topic", "t")
	offsets("--topic", "t", "--time", "-2")
	offsets("--topic", "t", "--time", "max-timestamp")
	offsets("--topic", "t", "--time", fmt.Sprint(toolEpoch.UnixMilli()+10_000))
	offsets("--topic", "t", "--partitions", "0,2")
	offsets("--topic-partitions", "t:1-3")
	offsets("--topic", "missing")
	cut := s.file("cut.json", `{"partitions":[{"topic":"t","partition":1,"offset":10},{"topic":"t","partition":2,"offset":99}],"version":1}`)
	s.sorted("kafka-delete-records", "--offset-json-file", cut)
	offsets("--topic", "t", "--time", "earliest")
}

func (s *toolScript) emptyGroup() {
	groups := func(args ...string) { s.t.Helper(); s.step("kafka-consumer-groups", args...) }
	s.cluster.commit("g", "t", 4, 20)
	groups("--list")
	groups("--list", "--state")
	groups("--list", "--state", "Stable")
	groups("--describe", "--group", "g")
	groups("--describe", "--group", "g", "--members")
	groups("--describe", "--group", "g", "--state")
	groups("--describe", "--group", "missing")
	for _, form := range [][]string{{"--to-earliest"}, {"--to-latest"}, {"--to-current"}, {"--to-offset", "15"}, {"--to-offset", "99"}, {"--shift-by", "-5"},
		{"--shift-by", "99"}, {"--to-datetime", toolEpoch.UTC().Format("2006-01-02T15:04:05.000")}, {"--by-duration", "PT0S"}} {
		s.sorted("kafka-consumer-groups", append([]string{"--reset-offsets", "--group", "g", "--topic", "t", "--dry-run"}, form...)...)
	}
	s.sorted("kafka-consumer-groups", "--reset-offsets", "--group", "g", "--topic", "t:0,1", "--to-offset", "12", "--execute")
	s.sorted("kafka-consumer-groups", "--reset-offsets", "--group", "g", "--all-topics", "--to-current", "--export", "--dry-run")
	from := s.file("reset.csv", "t,0,7\nt,3,8\n")
	s.sorted("kafka-consumer-groups", "--reset-offsets", "--group", "g", "--from-file", from, "--execute")
	groups("--describe", "--group", "g", "--offsets")
	groups("--delete-offsets", "--group", "g", "--topic", "t:3")
	groups("--describe", "--group", "g", "--offsets")
	groups("--delete-offsets", "--group", "missing", "--topic", "t")
	groups("--delete", "--group", "g")
	groups("--delete", "--group", "g")
	groups("--list")
}

func (s *toolScript) liveGroup() {
	groups := func(args ...string) { s.t.Helper(); s.step("kafka-consumer-groups", args...) }
	leave := s.cluster.join("live", "t", 4)
	groups("--list", "--state")
	groups("--describe", "--group", "live", "--members")
	groups("--describe", "--group", "live", "--members", "--verbose")
	groups("--describe", "--group", "live", "--state")
	groups("--describe", "--group", "live", "--offsets")
	groups("--reset-offsets", "--group", "live", "--topic", "t", "--to-earliest", "--execute")
	groups("--delete-offsets", "--group", "live", "--topic", "t")
	groups("--delete", "--group", "live")
	leave()
	groups("--delete", "--group", "live")
}

func (s *toolScript) reassignment() {
	reassign := func(args ...string) { s.t.Helper(); s.sorted("kafka-reassign-partitions", args...) }
	s.step("kafka-topics", "--create", "--topic", "moved", "--replica-assignment", "1:2,2:3")
	s.cluster.waitInSync("moved")
	plan := s.file("plan.json", `{"version":1,"partitions":[{"topic":"moved","partition":0,"replicas":[3,2]},{"topic":"moved","partition":1,"replicas":[2,3,1]}]}`)
	reassign("--execute", "--reassignment-json-file", plan)
	s.cluster.waitReplicas("moved", 0, 3, 2)
	s.cluster.waitReplicas("moved", 1, 2, 3, 1)
	reassign("--verify", "--reassignment-json-file", plan)
	reassign("--list")
	reassign("--cancel", "--reassignment-json-file", plan)
	s.step("kafka-topics", "--describe", "--topic", "moved")
	throttled := s.file("throttled.json", `{"version":1,"partitions":[{"topic":"moved","partition":0,"replicas":[1,2]}]}`)
	reassign("--execute", "--reassignment-json-file", throttled, "--throttle", "100000000")
	s.cluster.waitReplicas("moved", 0, 1, 2)
	reassign("--verify", "--reassignment-json-file", throttled)
	reassign("--execute", "--reassignment-json-file", s.file("nowhere.json", `{"version":1,"partitions":[{"topic":"moved","partition":0,"replicas":[1,9]}]}`))
	reassign("--execute", "--reassignment-json-file", s.file("missing.json", `{"version":1,"partitions":[{"topic":"missing","partition":0,"replicas":[1,2]}]}`))
	elect := func(args ...string) { s.t.Helper(); s.sorted("kafka-leader-election", args...) }
	elect("--election-type", "preferred", "--topic", "moved", "--partition", "0")
	elect("--election-type", "preferred", "--topic", "moved", "--partition", "1")
	elect("--election-type", "unclean", "--topic", "moved", "--partition", "1")
	elect("--election-type", "preferred", "--topic", "missing", "--partition", "0")
	s.step("kafka-topics", "--describe", "--topic", "moved")
	s.step("kafka-log-dirs", "--describe", "--topic-list", "t,moved,missing", "--broker-list", "1,2,3")
	s.step("kafka-log-dirs", "--describe", "--topic-list", "t", "--broker-list", "9")
}

func (s *toolScript) transactions() {
	transactions := func(args ...string) { s.t.Helper(); s.sorted("kafka-transactions", args...) }
	s.step("kafka-topics", "--create", "--topic", "tx", "--replica-assignment", "1:2:3")
	s.cluster.waitInSync("tx")
	transactions("list")
	s.cluster.transact("tools-done", "tx")
	open := s.cluster.openTransaction("tools-open", "tx")
	transactions("list")
	s.step("kafka-transactions", "describe", "--transactional-id", "tools-done")
	s.step("kafka-transactions", "describe", "--transactional-id", "tools-open")
	transactions("describe", "--transactional-id", "missing")
	transactions("describe-producers", "--topic", "tx", "--partition", "0")
	transactions("find-hanging", "--broker-id", "1")
	transactions("find-hanging", "--topic", "tx")
	s.step("kafka-get-offsets", "--topic", "tx")
	transactions("abort", "--topic", "tx", "--partition", "0", "--start-offset", fmt.Sprint(open))
	transactions("describe-producers", "--topic", "tx", "--partition", "0")
	transactions("abort", "--topic", "tx", "--partition", "0", "--start-offset", fmt.Sprint(open))
}

func (s *toolScript) rest() {
	s.sorted("kafka-broker-api-versions")
	s.step("kafka-topics", "--create", "--topic", "verified", "--replica-assignment", "1:2:3")
	s.cluster.waitInSync("verified")
	s.verifiableProducer("--topic", "verified", "--max-messages", "5", "--repeating-keys", "2")
	s.step("kafka-verifiable-consumer", "--topic", "verified", "--group-id", "verified", "--max-messages", "5", "--verbose")
	s.replicaVerification("verified")
	for _, topic := range strings.Fields("t moved tx verified") {
		s.step("kafka-topics", "--delete", "--topic", topic)
		s.cluster.waitGone(topic)
	}
}
