package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A flag that is accepted is obeyed.
func TestFlagsAreObeyed(t *testing.T) {
	s := newShell(t)
	s.run("", "topic create orders --partitions 3 --replication-factor 1")
	s.run("", "topic create other --partitions 1 --replication-factor 1")
	var plan struct {
		Partitions []struct {
			Topic     string
			Partition int32
		}
	}
	if s.decode("reassign plan --topic orders:0 --replication-factor 3", &plan); len(plan.Partitions) != 1 || plan.Partitions[0].Partition != 0 {
		t.Errorf("plan for orders:0 = %+v", plan)
	}
	if s.decode("reassign plan --topic orders:0,2 --replicas 1,2", &plan); len(plan.Partitions) != 2 || plan.Partitions[1].Partition != 2 {
		t.Errorf("plan for orders:0,2 = %+v", plan)
	}
	s.run("a\nb\n", "produce orders --partition 0")
	s.run("a\nb\n", "produce orders --partition 1")
	s.run("", "group reset-offsets billing --to latest --topic orders")
	file := filepath.Join(t.TempDir(), "plan.csv")
	if err := os.WriteFile(file, []byte("orders,0,0\norders,1,0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run("", "group reset-offsets billing --topic orders:1 --plan "+file)
	if out := s.run("", "group reset-offsets billing --to current --export"); out != "orders,0,2\norders,1,0\norders,2,0\n" {
		t.Errorf("after the plan for orders:1: %q", out)
	}
}

func TestFlagsThatMeanNothingAreRefused(t *testing.T) {
	s := newShell(t)
	s.run("", "topic create orders --partitions 3 --replication-factor 1")
	file := filepath.Join(t.TempDir(), "plan.csv")
	if err := os.WriteFile(file, []byte("orders,0,0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.refuses([]refusal{
		{"topic elect --all --partition 99", exitInput, "--all"},
		{"topic elect orders --partition -1", exitInput, "count from 0"},
		{"reassign plan --topic orders:0,99 --replicas 1,2", exitInput, "no partition 99"},
		{"reassign start --topic orders:99 --replication-factor 2", exitInput, "no partition 99"},
		{"reassign plan --remove-broker 77", exitInput, "broker 77 is not up"},
		{"reassign plan --replicas 1,2", exitInput, "--topic"},
		{"group reset-offsets billing --topic orders:1 --plan " + file, exitFailed, "says nothing about"},
		{"down --purge", exitInput, "--bootstrap"},
		{"consume orders --format %k -o json", exitInput, "--format"},
	})
}

// What is asked for as JSON is JSON.
func TestJSONIsJSON(t *testing.T) {
	s := newShell(t)
	s.run("", "topic create orders --partitions 3 --replication-factor 3")
	if out := s.run("", "reassign start --topic orders --replication-factor 3 -o json"); out != `{"version":1,"partitions":[]}`+"\n" {
		t.Errorf("nothing to move: %q", out)
	}
	for line, want := range map[string]string{
		"config set topic orders retention.ms=1000 -o json":           `[{"name":"retention.ms","old":"604800000","old_source":"DEFAULT_CONFIG","new":"1000","new_source":"DYNAMIC_TOPIC_CONFIG"}]`,
		"config set topic orders retention.ms=2000 --dry-run -o json": `"dry_run":true`,
	} {
		out := s.run("", line)
		if !json.Valid([]byte(out)) || !strings.Contains(out, want) {
			t.Errorf("klab %s: %s", line, out)
		}
	}
}
