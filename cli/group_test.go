package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGroups(t *testing.T) {
	s := newShell(t)
	s.run("", "topic create orders --partitions 2")
	s.run("a\nb\nc\nd\n", "produce orders --partition 0")
	if out := s.run("", "consume orders --group billing --max 3"); out != "a\nb\nc\n" {
		t.Errorf("read as a group: %q", out)
	}
	if out := s.run("", "consume orders --group billing --max 1"); out != "d\n" {
		t.Errorf("read on: %q", out)
	}
	if out := s.run("", "group list"); out != "billing\n" {
		t.Errorf("list = %q", out)
	}
	var list []groupLine
	s.decode("group list -o json", &list)
	if len(list) != 1 || list[0].State != "Empty" || list[0].Members != 0 || list[0].Lag != 0 {
		t.Errorf("list = %+v", list)
	}
	var changes []changeLine
	s.decode("group reset-offsets billing --to -3 --topic orders:0 --dry-run -o json", &changes)
	if len(changes) != 1 || changes[0].Old != 4 || changes[0].New != 1 {
		t.Errorf("dry run = %+v", changes)
	}
	plan := filepath.Join(t.TempDir(), "plan.csv")
	saved := s.run("", "group reset-offsets billing --to current --topic orders:0 --export")
	if err := os.WriteFile(plan, []byte(saved), 0o600); err != nil || saved != "orders,0,4\n" {
		t.Fatalf("%v, saved %q", err, saved)
	}
	s.run("", "group reset-offsets billing --to earliest")
	var d groupDetail
	s.decode("group describe billing -o json", &d)
	if d.Lag != 4 || d.Partitions[0].Committed != 0 || d.Partitions[0].End != 4 {
		t.Errorf("describe = %+v", d)
	}
	s.run("", "group reset-offsets billing --plan "+plan)
	if out := s.run("", "group describe billing"); !strings.Contains(out, "lag 0") || !strings.Contains(out, "COMMITTED") {
		t.Errorf("describe prints %q", out)
	}
	s.run("", "group delete billing")
	if out := s.run("", "group list"); out != "" {
		t.Errorf("after deletion: %q", out)
	}
}

func TestConfigs(t *testing.T) {
	s := newShell(t)
	s.run("", "topic create orders --partitions 1")
	if out := s.run("", "config set topic orders retention.ms=1000"); !strings.HasPrefix(out, "retention.ms: 604800000 (") || !strings.Contains(out, "-> 1000 (DYNAMIC_TOPIC_CONFIG)") {
		t.Errorf("set prints %q", out)
	}
	if out := s.run("", "config get topic orders retention.ms"); out != "1000\n" {
		t.Errorf("get prints %q", out)
	}
	var lines []configLine
	s.decode("config list topic orders --changed -o json", &lines)
	if len(lines) != 1 || lines[0].Name != "retention.ms" || lines[0].Value != "1000" {
		t.Errorf("changed = %+v", lines)
	}
	s.run("", "config delete topic orders retention.ms")
	if out := s.run("", "config get topic orders retention.ms"); out != "604800000\n" {
		t.Errorf("after delete: %q", out)
	}
}

func TestReassignPlansAreFiles(t *testing.T) {
	s := newShell(t)
	s.run("", "topic create orders --partitions 2 --replication-factor 3")
	var plan struct {
		Version    int `json:"version"`
		Partitions []struct{ Replicas []int32 }
	}
	if err := json.Unmarshal([]byte(s.run("", "reassign plan --topic orders --replication-factor 2")), &plan); err != nil || plan.Version != 1 || len(plan.Partitions) != 2 || len(plan.Partitions[0].Replicas) != 2 {
		t.Errorf("plan = %+v, %v", plan, err)
	}
}

func TestExitCodesOfGroupsAndConfigs(t *testing.T) {
	s := newShell(t)
	s.run("", "topic create orders --partitions 1")
	s.refuses([]refusal{
		{"group describe absent", exitInput, "klab group list"},
		{"group reset-offsets billing", exitInput, "--to"},
		{"group reset-offsets billing --to never", exitInput, "earliest, latest"},
		{"group reset-offsets billing --to latest --plan x", exitInput, "--to"},
		{"group reset-offsets billing --to latest --topic orders:x", exitInput, "TOPIC:PARTITION"},
		{"group reset-offsets absent --to latest", exitInput, "klab group list"},
		{"group delete-offsets billing", exitInput, "--topic"},
		{"group remove-member billing", exitInput, "--all"},
		{"config list topics orders", exitInput, "topic, broker"},
		{"config list topic", exitInput, "name it"},
		{"config get topic orders retention.msec", exitInput, `did you mean "retention.ms"`},
		{"config set topic orders retention.ms", exitInput, "key=value"},
		{"config delete topic orders retention.ms=1", exitInput, "key alone"},
		{"config set topic --default retention.ms=1", exitInput, "for brokers"},
		{"config list broker 9", exitFailed, "there is no broker 9"},
		{"reassign plan", exitInput, "--remove-broker"},
		{"reassign plan --topic absent --balance", exitInput, "klab topic list"},
		{"reassign plan --topic orders --replication-factor 9", exitInput, "1 to 3"},
		{"reassign start --plan /absent", exitInput, "cannot read plan"},
		{"reassign cancel", exitInput, "--all"},
		{"reassign throttle", exitInput, "--clear"},
		{"txn abort orders", exitInput, "--start-offset"},
		{"consume orders --group g --partition 1", exitInput, "the group assigns"},
		{"produce orders --abort", exitInput, "--transactional-id"},
	})
}

func TestCompletionsKnowGroupsAndConfigs(t *testing.T) {
	s := newShell(t)
	s.run("", "topic create orders --partitions 1")
	s.run("a\n", "produce orders")
	s.run("", "consume orders --group billing --max 1")
	for line, want := range map[string]string{
		"__complete group describe": "billing\n", "__complete config set topic": "orders\n", "__complete config get topic orders": "retention.ms\n",
		"__complete config list": "broker\n", "__complete group reset-offsets billing --topic": "orders\n",
	} {
		var out, errs bytes.Buffer
		args := append([]string{"__complete", "-b", s.bootstrap}, strings.Fields(strings.TrimPrefix(line, "__complete"))...)
		if code := Run(t.Context(), append(args, ""), nil, &out, &errs); code != exitDone || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %d %q %q", line, code, out.String(), errs.String())
		}
	}
}

// untouched fails the test of who reads it: a terminal would wait for its person.
type untouched struct{ t *testing.T }

func (u untouched) Read([]byte) (int, error) {
	u.t.Error("standard input is read")
	return 0, io.EOF
}

func TestAPlanInAFileIsNotReadFromStandardInput(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(file, []byte(`{"version":1,"partitions":[{"topic":"orders","partition":0,"replicas":[2,3]}]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	a := &app{in: untouched{t}}
	plan, err := a.planFrom(file)
	if err != nil || len(plan) != 1 || plan[0].Topic != "orders" || len(plan[0].To) != 2 {
		t.Errorf("plan %+v, %v", plan, err)
	}
	if _, err := a.readPlan(file); err == nil {
		t.Error("a reassignment is read as a plan of offsets")
	}
}
