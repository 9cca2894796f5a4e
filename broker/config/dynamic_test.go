package config

import (
	_ "embed"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// The messages are what a real Kafka 3.9 answered.
func TestCheckDynamicSaysWhatKafkaSays(t *testing.T) {
	c, err := LoadStrict(observedProps())
	if err != nil {
		t.Fatal(err)
	}
	const threads = "Invalid value org.apache.kafka.common.config.ConfigException: Dynamic thread count update validation failed for "
	const invalid = " for configuration Invalid dynamic configuration"
	for _, tt := range []struct {
		src        Source
		key, value string
		want       string
	}{
		{DynamicBroker, "log.dirs", "/x", "Cannot update these configs dynamically: Set(log.dirs)"},
		{DynamicDefaultBroker, "log.dirs", "/x", "Cannot update these configs dynamically: Set(log.dirs)"},
		{DynamicBroker, "nosuch.key", "x", ""},
		{DynamicDefaultBroker, "listeners", "PLAINTEXT://:1", "Cannot update these configs at default cluster level, broker id must be specified: Set(listeners)"},
		{DynamicBroker, "listeners", "PLAINTEXT://127.0.0.1:19093", ""},
		{DynamicBroker, "listeners", "PLAINTEXT://:1", "cannot change listeners to PLAINTEXT://:1: the broker is bound to PLAINTEXT://127.0.0.1:19093; change listeners in its properties and restart it"}, // Kafka takes it
		{DynamicBroker, "listeners", "PLAINTEXT:/1", "Error creating broker listeners from 'PLAINTEXT:/1': Unable to parse PLAINTEXT:/1 to a broker endpoint"},
		{DynamicBroker, "advertised.listeners", "PLAINTEXT://x:1", ""},
		{DynamicBroker, "advertised.listeners", "garbage", "Error creating broker listeners from 'garbage': Unable to parse garbage to a broker endpoint"},
		{DynamicBroker, "advertised.listeners", "EXTERNAL://x:1", "Error creating broker listeners from 'EXTERNAL://x:1': No security protocol defined for listener EXTERNAL"},
		{DynamicBroker, "advertised.listeners", "SSL://x:1", "requirement failed: inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options based on currently configured listeners are SSL"},
		{DynamicBroker, "advertised.listeners", "PLAINTEXT://x:1,SSL://x:2", "requirement failed: advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. Found PLAINTEXT,SSL. The valid options based on the current configuration are PLAINTEXT"},
		{DynamicBroker, "advertised.listeners", "PLAINTEXT://0.0.0.0:1", "requirement failed: advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address."},
		{DynamicBroker, "advertised.listeners", "PLAINTEXT://x:1,PLAINTEXT://x:2", "requirement failed: Each listener must have a different name, listeners: PLAINTEXT://x:1,PLAINTEXT://x:2"},
		{DynamicBroker, "listener.security.protocol.map", "PLAINTEXT:SSL", "Invalid value org.apache.kafka.common.config.ConfigException: Security protocol cannot be updated for existing listener ListenerName(PLAINTEXT) for configuration Invalid dynamic configuration"},
		{DynamicBroker, "listener.security.protocol.map", "PLAINTEXT:ROT13", "Invalid security protocol `ROT13` defined in listener.security.protocol.map"},
		{DynamicBroker, "listener.security.protocol.map", "SSL:SSL", "Error creating broker listeners from 'PLAINTEXT://127.0.0.1:19093': No security protocol defined for listener PLAINTEXT"},
		{DynamicBroker, "max.connections", "0", "Invalid value org.apache.kafka.common.config.ConfigException: Invalid max.connections 0 for configuration Invalid dynamic configuration"},
		{DynamicBroker, "listener.name.plaintext.max.connection.creation.rate", "0", "Invalid value org.apache.kafka.common.config.ConfigException: Invalid max.connection.creation.rate 0 for configuration Invalid dynamic configuration"},
		{DynamicDefaultBroker, "listener.name.plaintext.max.connections", "5", ""},
		{DynamicBroker, "max.connections.per.ip.overrides", "[::1]:5", "max.connections.per.ip.overrides contains invalid addresses : [::1]"},
		{DynamicBroker, "log.retention.ms", "abc", "Invalid value abc for configuration log.retention.ms: Not a number of type LONG"},
		{DynamicBroker, "log.retention.ms", "0", "requirement failed: log.retention.ms must be unlimited (-1) or, greater than or equal to 1"},
		{DynamicBroker, "log.retention.ms", "-7", ""},
		{DynamicBroker, "log.roll.ms", "0", "requirement failed: log.roll.ms must be greater than or equal to 1"},
		{DynamicBroker, "log.roll.jitter.ms", "-1", "requirement failed: log.roll.jitter.ms must be greater than or equal to 0"},
		{DynamicBroker, "num.io.threads", "100", threads + "num.io.threads=100, value should not be greater than double the current value 8" + invalid},
		{DynamicBroker, "num.io.threads", "1", threads + "num.io.threads=1, value should be at least half the current value 8" + invalid},
		{DynamicBroker, "num.io.threads", "4", ""},
		{DynamicBroker, "num.replica.fetchers", "0", threads + "num.replica.fetchers=0, value should be at least 1" + invalid},
		{DynamicBroker, "log.cleaner.threads", "5", "Invalid value org.apache.kafka.common.config.ConfigException: Log cleaner threads cannot be increased to more than double the current value 1" + invalid},
		{DynamicBroker, "ssl.keystore.location", "/x", "These security configs can be dynamically updated only per-listener using the listener prefix: HashSet(ssl.keystore.location)"},
		{DynamicDefaultBroker, "ssl.keystore.location", "/x", "These security configs can be dynamically updated only per-listener using the listener prefix: HashSet(ssl.keystore.location)"},
		{DynamicBroker, "listener.name.plaintext.ssl.keystore.location", "/x", ""},
		{DynamicBroker, "message.max.bytes", "-1", "Invalid value -1 for configuration message.max.bytes: Value must be at least 0"},
		{DynamicBroker, "max.connections.per.ip.overrides", "x", "Error parsing configuration property 'max.connections.per.ip.overrides': begin 0, end -1, length 1"},
		{DynamicBroker, "max.connections.per.ip", "0", "requirement failed: max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set."},
		{DynamicBroker, "unclean.leader.election.enable", "maybe", "Invalid value maybe for configuration unclean.leader.election.enable: Expected value to be either true or false"},
		{DynamicBroker, LeaderThrottledRate, "-1", "Invalid value -1 for configuration leader.replication.throttled.rate: Value must be at least 0"},
		{DynamicBroker, LeaderThrottledRate, "abc", "Invalid value abc for configuration leader.replication.throttled.rate: Not a number of type LONG"},
		{DynamicBroker, LeaderThrottledRate, "1000", ""},
		{DynamicDefaultBroker, "sasl.jaas.config", "abc", "Cannot update these configs at default cluster level, broker id must be specified: Set(sasl.jaas.config)"},
	} {
		got := ""
		if err := c.CheckDynamic(tt.src, map[string]string{tt.key: tt.value}); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%v %s=%s:\n got %q\nwant %q", tt.src, tt.key, tt.value, got, tt.want)
		}
	}
}

func TestTopicErrorsAreKafkas(t *testing.T) {
	c, err := LoadStrict(observedProps())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ config, want string }{
		{"nosuch=1,retention.ms=abc", "Unknown topic config name: nosuch"},
		{"retention.ms=-5", "Invalid value -5 for configuration retention.ms: Value must be at least -1"},
		{"cleanup.policy=foo", "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete"},
		{"min.cleanable.dirty.ratio=2", "Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1"},
		{"min.compaction.lag.ms=10,max.compaction.lag.ms=5", "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)"},
		{"compression.gzip.level=12", "Invalid value 12 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1"},
		{"message.format.version=foo", "Invalid value foo for configuration message.format.version: Version foo is not a valid version"},
		{"leader.replication.throttled.replicas=x", "Invalid value [x] for configuration leader.replication.throttled.replicas: leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],..."},
		{"remote.storage.enable=true", "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."},
		{"remote.log.copy.disable=true", "It is invalid to set `remote.log.delete.on.disable` or `remote.log.copy.disable` under Zookeeper's mode."},
	} {
		overrides := map[string]string{}
		for pair := range strings.SplitSeq(tt.config, ",") {
			k, v, _ := strings.Cut(pair, "=")
			overrides[k] = v
		}
		_, err := c.Topic(overrides)
		if err == nil {
			t.Errorf("%s is taken", tt.config)
			continue
		}
		if got, _ := KafkaMessage(err); got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.config, got, tt.want)
		}
	}
}

func TestEdits(t *testing.T) {
	now := map[string]string{"cleanup.policy": "delete", "retention.ms": "5"}
	for _, tt := range []struct {
		edits []Edit
		want  map[string]string
	}{
		{[]Edit{{Append, "cleanup.policy", "compact"}}, map[string]string{"cleanup.policy": "delete,compact", "retention.ms": "5"}},
		{[]Edit{{Append, "cleanup.policy", "delete,compact"}}, map[string]string{"cleanup.policy": "delete,compact", "retention.ms": "5"}},
		{[]Edit{{Subtract, "cleanup.policy", "delete,foo"}, {Delete, "retention.ms", ""}}, map[string]string{"cleanup.policy": ""}},
		{[]Edit{{Delete, "cleanup.policy", ""}, {Append, "cleanup.policy", "compact"}}, map[string]string{"cleanup.policy": "delete,compact", "retention.ms": "5"}},
		{[]Edit{{Set, "nosuch", "x"}, {Delete, "absent", ""}}, map[string]string{"cleanup.policy": "delete", "retention.ms": "5", "nosuch": "x"}},
	} {
		got, err := TopicTable().Edited(now, tt.edits)
		if err != nil || !maps.Equal(got, tt.want) {
			t.Errorf("%v: %v, %v; want %v", tt.edits, got, err, tt.want)
		}
	}
	if _, err := TopicTable().Edited(now, []Edit{{Append, "retention.ms", "1"}}); err == nil || err.Error() != "Config value append is not allowed for config key: retention.ms" {
		t.Errorf("appended to a number: %v", err)
	}
	if now["cleanup.policy"] != "delete" || len(now) != 2 {
		t.Errorf("the edits changed what they were given: %v", now)
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	for _, k := range BrokerTable().Keys() {
		if BrokerDocumentation(k.Name) == "" && !k.Internal {
			t.Logf("Kafka says nothing of %s", k.Name)
		}
	}
	if got := BrokerDocumentation("log.retention.hours"); got != "The number of hours to keep a log file before deleting it (in hours), tertiary to log.retention.ms property" {
		t.Errorf("log.retention.hours: %q", got)
	}
	for _, k := range TopicTable().Keys() {
		if TopicDocumentation(k.Name) == "" {
			t.Errorf("%s is not documented", k.Name)
		}
	}
}

//go:embed DIFFERENCES.md
var differences string

// TestUnusedKeysHaveAReason: each key that does nothing is in the table of DIFFERENCES.md, by name or by a pattern.
func TestUnusedKeysHaveAReason(t *testing.T) {
	var patterns []string
	for line := range strings.Lines(differences) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for i, word := range strings.Split(cells[1], "`") {
				if i%2 == 1 {
					patterns = append(patterns, word)
				}
			}
		}
	}
	for _, k := range BrokerTable().Keys() {
		explained := slices.ContainsFunc(patterns, func(p string) bool { ok, err := path.Match(p, k.Name); return ok && err == nil })
		if k.Unused && !explained {
			t.Errorf("%s does nothing, and DIFFERENCES.md does not say why", k.Name)
		}
	}
}
