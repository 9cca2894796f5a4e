//go:build interop

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	topicTool    = "org.apache.kafka.tools.TopicCommand"
	configTool   = "kafka.admin.ConfigCommand"
	reassignTool = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"
	electionTool = "org.apache.kafka.tools.LeaderElectionCommand"
	logDirsTool  = "org.apache.kafka.tools.LogDirsCommand"
)

// adminCalls is what a person administers with Apache's tools, one call a line: tool, then its arguments. TOPIC and DIR
// stand for a topic and a directory with the files that toolFiles makes. Failures are part of it: their texts come from
// the broker.
var adminCalls = [][]string{
	{topicTool, "--create", "--topic", "TOPIC", "--replica-assignment", "1:2,2:3", "--config", "retention.ms=60000"},
	{topicTool, "--create", "--topic", "TOPIC", "--replica-assignment", "1:2,2:3"},
	{topicTool, "--describe", "--topic", "TOPIC"},
	{topicTool, "--alter", "--topic", "TOPIC", "--partitions", "3", "--replica-assignment", "1:2,2:3,3:1"},
	{configTool, "--alter", "--entity-type", "topics", "--entity-name", "TOPIC", "--add-config", "cleanup.policy=[compact,delete],min.insync.replicas=1", "--delete-config", "retention.ms"},
	{configTool, "--describe", "--entity-type", "topics", "--entity-name", "TOPIC"},
	{configTool, "--alter", "--entity-type", "topics", "--entity-name", "TOPIC", "--delete-config", "nosuch"},
	{configTool, "--alter", "--entity-type", "topics", "--entity-name", "TOPIC", "--add-config", "retention.ms=x"},
	{configTool, "--alter", "--entity-type", "topics", "--entity-name", "TOPIC", "--add-config-file", "DIR/topic.properties"},
	{configTool, "--describe", "--all", "--entity-type", "topics", "--entity-name", "TOPIC"},
	{configTool, "--alter", "--entity-type", "brokers", "--entity-default", "--add-config", "log.cleaner.threads=2"},
	{configTool, "--alter", "--entity-type", "brokers", "--entity-name", "2", "--add-config", "num.io.threads=6"},
	{configTool, "--alter", "--entity-type", "brokers", "--entity-name", "2", "--add-config", "num.io.threads=600"},
	{configTool, "--alter", "--entity-type", "brokers", "--entity-name", "2", "--add-config", "log.dirs=/x"},
	{configTool, "--describe", "--entity-type", "brokers", "--entity-default"},
	{configTool, "--describe", "--entity-type", "brokers", "--entity-name", "2"},
	{configTool, "--alter", "--entity-type", "brokers", "--entity-name", "2", "--delete-config", "num.io.threads"},
	{configTool, "--alter", "--entity-type", "brokers", "--entity-default", "--delete-config", "log.cleaner.threads"},
	{configTool, "--alter", "--entity-type", "broker-loggers", "--entity-name", "1", "--add-config", "kafka.controller.KafkaController=DEBUG"},
	{configTool, "--alter", "--entity-type", "broker-loggers", "--entity-name", "1", "--delete-config", "kafka.controller.KafkaController"},
	{configTool, "--alter", "--entity-type", "broker-loggers", "--entity-name", "1", "--add-config", "kafka.controller.KafkaController=LOUD"},
	{reassignTool, "--topics-to-move-json-file", "DIR/topics.json", "--broker-list", "1,2,3", "--generate"},
	{reassignTool, "--reassignment-json-file", "DIR/plan.json", "--execute", "--throttle", "1000000"},
	{"WAIT"},
	{reassignTool, "--reassignment-json-file", "DIR/bad.json", "--execute"},
	{reassignTool, "--list"},
	{reassignTool, "--reassignment-json-file", "DIR/plan.json", "--verify"},
	{reassignTool, "--reassignment-json-file", "DIR/plan.json", "--cancel"},
	{topicTool, "--describe", "--topic", "TOPIC"},
	{electionTool, "--election-type", "preferred", "--topic", "TOPIC", "--partition", "0"},
	{electionTool, "--election-type", "unclean", "--topic", "TOPIC", "--partition", "0"},
	{electionTool, "--election-type", "preferred", "--topic", "nosuch", "--partition", "0"},
	{logDirsTool, "--describe", "--topic-list", "TOPIC"},
	{topicTool, "--delete", "--topic", "TOPIC"},
}

func toolFiles(t *testing.T, topic string) (dir string) {
	dir = t.TempDir()
	for name, text := range map[string]string{
		"topic.properties": "retention.ms=123456\nsegment.bytes=1048576\n",
		"topics.json":      `{"version":1,"topics":[{"topic":"TOPIC"}]}`,
		"plan.json":        `{"version":1,"partitions":[{"topic":"TOPIC","partition":0,"replicas":[3,2]},{"topic":"TOPIC","partition":1,"replicas":[1]}]}`,
		"bad.json":         `{"version":1,"partitions":[{"topic":"TOPIC","partition":2,"replicas":[3,9]}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.ReplaceAll(text, "TOPIC", topic)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// differing are the parts of an output that are not the same on two clusters: ids, places, sizes, where a plan or an order
// is random, and Java's stack traces.
var differing = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`TopicId: \S+`), "TopicId: ID"},
	{regexp.MustCompile(`"replicas":\[[0-9,]*\],"log_dirs":\[[^]]*\]`), "REPLICAS"},
	{regexp.MustCompile(`"logDir":"[^"]*"`), "DIR"},
	{regexp.MustCompile(`"size":\d+`), "SIZE"},
	{regexp.MustCompile(`(?m)^\s+at .*\n`), ""},
	{regexp.MustCompile(`(?m)^\[[-0-9: ,]+\] \w+ .*\n`), ""}, // the tool's own log
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "HOST"},
}

// administer plays the session and returns each call's output.
func administer(t *testing.T, tools apache, server, topic string, settle func()) []string {
	dir := toolFiles(t, topic)
	outs := make([]string, len(adminCalls))
	for i, call := range adminCalls {
		if call[0] == "WAIT" {
			settle()
			continue
		}
		args := []string{"--bootstrap-server", server}
		for _, arg := range call[1:] {
			args = append(args, strings.ReplaceAll(strings.ReplaceAll(arg, "TOPIC", topic), "DIR", dir))
		}
		out, _ := tools.run(t, "", call[0], args...)
		out = strings.ReplaceAll(strings.ReplaceAll(out, topic, "TOPIC"), dir, "DIR")
		for _, d := range differing {
			out = d.pattern.ReplaceAllString(out, d.by)
		}
		outs[i] = inOrder(out)
	}
	return outs
}

// inOrder sorts the lists in lines that come in the order of a Java hash map: a topic's configs, a directory's partitions.
func inOrder(out string) string {
	lines := strings.Split(out, "\n")
	for i, line := range lines {
		at := strings.Index(line, "Configs: ")
		if at < 0 {
			at = strings.Index(line, `{"brokers"`)
		}
		if at >= 0 {
			words := strings.FieldsFunc(line[at:], func(r rune) bool { return strings.ContainsRune(" ,{}[]", r) })
			slices.Sort(words)
			lines[i] = line[:at] + strings.Join(words, " ")
		}
	}
	return strings.Join(lines, "\n")
}

// TestAdministrationWithApachesTools plays one session of administration against our cluster and against Apache's, with the
// tools of both versions, and compares what they print.
func TestAdministrationWithApachesTools(t *testing.T) {
	const same = "log.segment.delete.delay.ms=60000" // topics show it; the built-in cluster has another
	up(t, "--override", same)
	startApacheBrokers(t, startApacheZooKeeper(t), same)
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			tools, topic := apacheKafka(t, version), "moved"
			settled := func(server string) func() {
				return func() {
					eventually(t, time.Minute, "the move at "+server+" is done", func() bool {
						out, _ := tools.run(t, "", reassignTool, "--bootstrap-server", server, "--list")
						return strings.Contains(out, "No partition reassignments found")
					})
				}
			}
			ours := administer(t, tools, bootstrap[0], topic, settled(bootstrap[0]))
			theirs := administer(t, tools, apacheBootstrap[0], topic, settled(apacheBootstrap[0]))
			for i, call := range adminCalls {
				if ours[i] != theirs[i] {
					t.Errorf("%s\nours:\n%s\nApache's:\n%s", strings.Join(call, " "), ours[i], theirs[i])
				}
			}
		})
	}
}
