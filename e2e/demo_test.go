//go:build e2e

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestDemoRepeated runs the lessons headless, again and again on one cluster. KLAB_REPEAT says how often; without it
// failover, which takes half a minute for five rounds, is kept to five, so that a test run stays short.
func TestDemoRepeated(t *testing.T) {
	for lesson, usual := range map[string]int{"log": 20, "failover": 5} {
		t.Run(lesson, func(t *testing.T) {
			rounds := usual
			if text := os.Getenv("KLAB_REPEAT"); text != "" {
				n, err := strconv.Atoi(text)
				if err != nil || n < 1 {
					t.Fatalf("KLAB_REPEAT is %q, want a number of rounds", text)
				}
				rounds = n
			}
			l := newLab(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rounds)*time.Minute)
			defer cancel()
			out, err := l.command(ctx, "demo", "run", lesson, "--headless", "--repeat", strconv.Itoa(rounds)).CombinedOutput()
			t.Logf("\n%s", out)
			if passed := strings.Count(string(out), "  passed  "); err != nil || passed != rounds {
				t.Errorf("%d rounds passed, want %d; the command: %v", passed, rounds, err)
			}
			l.nothingRuns() // the cluster was the lesson's own
		})
	}
}

func TestDemoLint(t *testing.T) {
	l := newLab(t)
	if out := l.klab("demo", "lint"); !strings.Contains(out, "clean") {
		t.Errorf("demo lint says %q", out)
	}
	for _, c := range []struct{ name, from, to, want string }{
		{"misspelt observable", `until = ["leader(`, `until = ["leadr(`, "did you mean leader?"},
		{"unknown verb", `act = "broker.kill"`, `act = "broker.kil"`, "broker.kill"},
		{"TOML syntax", `id = "failover"`, `id = = "failover"`, ":3:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := lessonWith(t, c.from, c.to)
			for _, args := range [][]string{{"demo", "lint", file}, {"demo", "run", file, "--headless"}} {
				_, stderr, code := l.try(args...)
				if code != 4 || !strings.Contains(stderr, c.want) {
					t.Errorf("klab %s: exit code %d, %q; want 4 and %q", strings.Join(args, " "), code, stderr, c.want)
				}
			}
		})
	}
	l.nothingRuns()
}

// TestDemoWithoutElection stops ZooKeeper before the leader is killed, so that nobody learns of it: the lesson must say which
// partition has had no leader since when, and leave the cluster as it found it. Twice, since what is killed is the controller
// in one case of three; the lesson that follows must run either way.
func TestDemoWithoutElection(t *testing.T) {
	l := up(t)
	kill := `do = [ { act = "broker.kill", broker = "$dead" } ]`
	file := lessonWith(t, kill, strings.Replace(kill, "[ {", `[ { act = "zookeeper.pause" }, {`, 1))
	since := regexp.MustCompile(`orders/0 has had no leader since \d\d:\d\d:\d\d\.\d{3}: broker \d is killed`)
	for range 2 {
		out, stderr, code := l.try("demo", "run", file, "--headless")
		if code != 2 || !since.MatchString(stderr) {
			t.Errorf("exit code %d, %s%s; want 2 and which partition had no leader, since when", code, out, stderr)
		}
		s := l.status()
		for _, b := range s.Brokers {
			if b.State != "running" {
				t.Errorf("broker %d is %s after the lesson, want it running", b.ID, b.State)
			}
		}
		if s.State != "running" || s.ZooKeeper.State != "running" {
			t.Errorf("the cluster is %s and ZooKeeper %s, want both running", s.State, s.ZooKeeper.State)
		}
		l.klab("demo", "run", "log", "--headless")
	}
	if topics := l.klab("topic", "list"); strings.Contains(topics, "demo.") {
		t.Errorf("topics of the lessons are left:\n%s", topics)
	}
}

// lessonWith is a copy of the failover lesson in which from, which must be there, is to.
func lessonWith(t *testing.T, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "demos", "lessons", "02-failover.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), from) {
		t.Fatalf("the lesson has no %q", from)
	}
	file := filepath.Join(t.TempDir(), "lesson.toml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}
