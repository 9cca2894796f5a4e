//go:build interop

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const streamsKillEvery = 20 * time.Second

// TestStreamsCountsExactly has three instances of a word count with exactly_once_v2, one of which is killed every 20 s.
// Under read_committed every word's counts are 1, 2, 3 and so on up to how often it was written: none lost, none twice.
func TestStreamsCountsExactly(t *testing.T) {
	servers := clientTarget(t)
	client := streamsClient(t, servers)
	admin := kadm.NewClient(client)
	for _, topic := range []string{"lines", "counts"} {
		if _, err := admin.CreateTopic(t.Context(), 3, 3, nil, topic); err != nil {
			t.Fatal(err)
		}
	}
	java := compileJava(t, "3.9")
	dir := t.TempDir()
	start := func(i int) *exec.Cmd {
		program := java.program(256, "WordCount", servers, "word-count", fmt.Sprintf("%s/state-%d", dir, i), "lines", "counts")
		cmd := exec.Command(program[0], program[1:]...)
		startProcess(t, cmd, filepath.Join(dir, fmt.Sprintf("instance-%d.log", i)))
		return cmd
	}
	instances := []*exec.Cmd{start(0), start(1), start(2)}
	counts := readCounts(t, servers)
	written := map[string]int{}
	kill, kills := time.Now().Add(streamsKillEvery), 0
	for end := time.Now().Add(soak(45*time.Second, 3*time.Minute)); time.Now().Before(end); {
		writeLine(t, client, written)
		if time.Now().After(kill) {
			i := kills % len(instances)
			instances[i].Process.Kill()
			instances[i].Wait()
			instances[i] = start(i)
			kills, kill = kills+1, kill.Add(streamsKillEvery)
		}
	}
	counts.waitFor(t, written)
	t.Logf("%d words, %d instances killed: %v", len(written), kills, written)
}

func streamsClient(t *testing.T, servers string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(strings.Split(servers, ",")...), kgo.DefaultProduceTopic("lines"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// writeLine writes the next line, at most a hundred a second.
func writeLine(t *testing.T, client *kgo.Client, written map[string]int) {
	t.Helper()
	total := 0
	for _, n := range written {
		total += n
	}
	line := fmt.Sprintf("word-%d word-%d all", total%7, total%31)
	for word := range strings.SplitSeq(line, " ") {
		written[word]++
	}
	pace := time.NewTimer(10 * time.Millisecond)
	defer pace.Stop()
	if err := client.ProduceSync(t.Context(), kgo.KeyStringRecord(fmt.Sprint(total), line)).FirstErr(); err != nil {
		t.Fatalf("cannot write a line: %v", err)
	}
	<-pace.C
}

// countReader reads counts under read_committed.
type countReader struct {
	client *kgo.Client
	last   map[string]int
}

func readCounts(t *testing.T, servers string) *countReader {
	client := streamsClient(t, servers, kgo.ConsumeTopics("counts"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	return &countReader{client, map[string]int{}}
}

// waitFor reads until every word has come to what was written, and fails at the first count that is not the next.
func (c *countReader) waitFor(t *testing.T, written map[string]int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for !c.reached(written) {
		fetches := c.client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("the counts are %v, want %v", c.last, written)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			c.last[string(r.Key)]++
			if want := fmt.Sprint(c.last[string(r.Key)]); string(r.Value) != want {
				t.Fatalf("%s of partition %d at offset %d is counted %s, want %s", r.Key, r.Partition, r.Offset, r.Value, want)
			}
		})
	}
}

func (c *countReader) reached(written map[string]int) bool {
	for word, n := range written {
		if c.last[word] < n {
			return false
		}
	}
	return true
}
