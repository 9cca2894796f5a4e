//go:build interop

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// toolbox runs Apache's tools of one version, all in one JVM (clients/java/Tools.java), against one cluster.
type toolbox struct {
	t       *testing.T
	version string
	servers string
	input   io.WriteCloser
	output  *bufio.Reader
}

// toolClasses are the tools whose class is not in org.apache.kafka.tools in both versions.
var toolClasses = map[string]map[string]string{
	"kafka-topics":              {"": "TopicCommand"},
	"kafka-configs":             {"": "kafka.admin.ConfigCommand"},
	"kafka-consumer-groups":     {"": "consumer.group.ConsumerGroupCommand"},
	"kafka-reassign-partitions": {"": "reassign.ReassignPartitionsCommand"},
	"kafka-leader-election":     {"": "LeaderElectionCommand"},
	"kafka-log-dirs":            {"": "LogDirsCommand"},
	"kafka-delete-records":      {"": "DeleteRecordsCommand"},
	"kafka-transactions":        {"": "TransactionsCommand"},
	"kafka-get-offsets":         {"": "GetOffsetShell"},
	"kafka-broker-api-versions": {"": "BrokerApiVersionsCommand", "3.9": "kafka.admin.BrokerApiVersionsCommand"},
	"kafka-verifiable-consumer": {"": "VerifiableConsumer"},
}

func toolClass(tool, version string) string {
	class, ok := toolClasses[tool][version]
	if !ok {
		class = toolClasses[tool][""]
	}
	if !strings.HasPrefix(class, "kafka.") {
		class = "org.apache.kafka.tools." + class
	}
	return class
}

func openToolbox(t *testing.T, version, servers string) *toolbox {
	t.Helper()
	program := compileJava(t, version).program(256, "Tools")
	cmd := exec.Command(program[0], program[1:]...)
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	return &toolbox{t, version, servers, input, bufio.NewReader(output)}
}

// run runs a tool with the bootstrap servers and returns what it printed, then its exit code as a line.
func (b *toolbox) run(tool string, args ...string) string {
	b.t.Helper()
	line := append([]string{toolClass(tool, b.version), "--bootstrap-server", b.servers}, args...)
	if _, err := fmt.Fprintln(b.input, strings.Join(line, "\t")); err != nil {
		b.t.Fatalf("the JVM of the tools is gone: %v", err)
	}
	var out strings.Builder
	for {
		text, err := b.output.ReadString('\n')
		if err != nil {
			b.t.Fatalf("the JVM of the tools ended in %s: %v\n%s", tool, err, out.String())
		}
		if code, ended := strings.CutPrefix(text, "\x04"); ended {
			return strings.TrimRight(out.String(), "\n") + "\n" + code
		}
		out.WriteString(text)
	}
}

// What is different in every run, and what stands for it in a golden.
var toolNoise = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?m)^\[20\d\d-.*\n`), ""},                 // a line of a log
	{regexp.MustCompile(`(?m)^(\tat |\t\.\.\. \d+ more).*\n`), ""}, // a line of a stack trace
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`TopicId: \S{22}`), "TopicId: ID"},
	{regexp.MustCompile(`127\.0\.0\.1:1?909([345])`), "BROKER-$1"},
	{regexp.MustCompile(`"(logDir|path)":"[^"]*"`), `"$1":"DIR"`},
	{regexp.MustCompile(`/[^ ",]*/(data|kafka-logs-)[123]\b`), "DIR"},
	{regexp.MustCompile(`20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,]\d+Z?`), "TIME"},
	{regexp.MustCompile(`\b1[6-9]\d{11}\b`), "TIME"},
	{regexp.MustCompile(`"avg_throughput":[0-9.E+-]+`), `"avg_throughput":N`},
}

// noisyColumns are headers of tables whose values are chance.
var noisyColumns = []string{"COORDINATOR", "(ID)", "Coordinator", "CoordinatorId", "ProducerId", "LastTimestamp", "CurrentTransactionStartTimeMs", "TransactionDurationMs"}

// normal is an output without its noise.
func normal(out string) string {
	for _, noise := range toolNoise {
		out = noise.pattern.ReplaceAllString(out, noise.instead)
	}
	var lines, columns []string
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if slices.ContainsFunc(fields, func(f string) bool { return slices.Contains(noisyColumns, f) }) {
			columns = fields
		} else if n := len(columns); len(fields) == n || len(fields) == n-1 { // an empty cell
			mask(fields, columns)
		}
		lines = append(lines, strings.Join(fields, " "))
	}
	return strings.Join(lines, "\n") + "\n"
}

func mask(fields, columns []string) {
	for i, column := range columns[:len(fields)] {
		if slices.Contains(noisyColumns, column) && fields[i] != "None" && fields[i] != "-" {
			fields[i] = "*"
		}
	}
}

func toolGolden(version string) string {
	return filepath.Join("testdata", "tools", version+".txt")
}
