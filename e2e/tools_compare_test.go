//go:build interop

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestToolsPrintWhatTheyPrintOnApache goes through a script with the tools of 3.9 and of 4.x and compares every output with
// what it was on Apache Kafka 3.9 (testdata/tools), but for ids, times and addresses. With KLAB_TARGET=apache and -update it
// records that.
func TestToolsPrintWhatTheyPrintOnApache(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			servers := clientTarget(t)
			s := &toolScript{t: t, box: openToolbox(t, version, servers), cluster: openToolCluster(t, servers), dir: t.TempDir(), got: map[string]string{}}
			if !*updateRaw {
				s.want = readToolGolden(t, version)
			}
			s.script()
			if *updateRaw {
				s.record(version)
			}
		})
	}
}

// toolScript is one run of the script with the tools of one version.
type toolScript struct {
	t       *testing.T
	box     *toolbox
	cluster *toolCluster
	dir     string
	want    map[string]string // by step; nil when recording
	steps   []string
	got     map[string]string
}

// step runs a tool and compares its output with the record.
func (s *toolScript) step(tool string, args ...string) {
	s.t.Helper()
	s.compare(tool+" "+strings.Join(args, " "), normal(s.box.run(tool, args...)))
}

// sorted is step for a tool whose lines come in any order.
func (s *toolScript) sorted(tool string, args ...string) {
	s.t.Helper()
	lines := strings.Split(strings.TrimSpace(normal(s.box.run(tool, args...))), "\n")
	slices.Sort(lines[:len(lines)-1]) // the last is the exit code
	s.compare(tool+" "+strings.Join(args, " "), strings.Join(lines, "\n")+"\n")
}

func (s *toolScript) compare(command, out string) {
	s.t.Helper()
	command, out = strings.ReplaceAll(command, s.dir, "TMP"), strings.ReplaceAll(out, s.dir, "TMP")
	name := command
	for n := 2; s.got[name] != ""; n++ { // the same command again, later in the script
		name = fmt.Sprintf("%s (%d)", command, n)
	}
	s.steps, s.got[name] = append(s.steps, name), out
	if want, ok := s.want[name]; s.want != nil && (!ok || want != out) {
		s.t.Errorf("$ %s\n--- Apache Kafka 3.9\n%s--- ours\n%s", name, want, out)
	}
}

// file writes a file for a tool to read.
func (s *toolScript) file(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	writeFile(s.t, path, text)
	return path
}

func (s *toolScript) record(version string) {
	s.t.Helper()
	var text strings.Builder
	for _, step := range s.steps {
		fmt.Fprintf(&text, "$ %s\n%s\n", step, s.got[step])
	}
	if err := os.MkdirAll(filepath.Dir(toolGolden(version)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	writeFile(s.t, toolGolden(version), text.String())
}

// readToolGolden is the recorded outputs by step.
func readToolGolden(t *testing.T, version string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(toolGolden(version))
	if err != nil {
		t.Fatalf("%v: record it with KLAB_TARGET=apache and -update", err)
	}
	steps := map[string]string{}
	for part := range strings.SplitSeq("\n"+string(data), "\n$ ") {
		name, out, _ := strings.Cut(part, "\n")
		if name != "" {
			steps[name] = strings.TrimRight(out, "\n") + "\n"
		}
	}
	const versions = "kafka-broker-api-versions "
	steps[versions] = withoutUnserved(steps[versions], version)
	return steps
}

// unserved are the keys that klab does not serve, and so does not advertise: those of security, which it does not have,
// and of moves between several log directories, of which a broker has one.
var unserved = []string{"SaslHandshake(17)", "SaslAuthenticate(36)", "DescribeAcls(29)", "CreateAcls(30)", "DeleteAcls(31)",
	"CreateDelegationToken(38)", "RenewDelegationToken(39)", "ExpireDelegationToken(40)", "DescribeDelegationToken(41)",
	"DescribeClientQuotas(48)", "AlterClientQuotas(49)", "DescribeUserScramCredentials(50)", "AlterUserScramCredentials(51)",
	"Envelope(58)", "AlterReplicaLogDirs(34)"}

// withoutUnserved is what kafka-broker-api-versions prints of Apache's brokers, as if they did not serve these.
func withoutUnserved(out, version string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for i, line := range lines {
		if key, _, _ := strings.Cut(line, ":"); slices.Contains(unserved, key) {
			lines[i] = key + ": UNSUPPORTED,"
		}
	}
	if version == "4" { // which is silent about a key that only brokers send, where it is not served
		lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "Envelope(58)") })
	}
	slices.Sort(lines[:len(lines)-1]) // the last is the exit code
	return strings.Join(lines, "\n") + "\n"
}
