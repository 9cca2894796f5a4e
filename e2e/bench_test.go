//go:build bench

package e2e

import (
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"testing"
	"time"
)

// A part of the benchmark measures several things of one side in one go. Rounds alternate between the sides.
type part struct {
	name    string
	rounds  int    // at most; 0: ROUNDS
	setting string // what stands beside each of its numbers
	fills   bool   // it fills the page cache: see touchMemory and rest
	fresh   bool   // it measures clusters that have not worked yet
	metrics []metric
	// run measures one round of one side: one value a metric, NaN for what could not be measured.
	run func(t *testing.T, b *bench, s side, round int) []float64
}

// metric is one row of the table.
type metric struct {
	name, unit string
	less       bool    // less is better
	bar        float64 // the ratio klab / Apache that is to be reached; 0: none
}

// bench is one run of TestBench.
type bench struct {
	rounds int
	time   time.Duration // how long a measurement of throughput or latency lasts
}

// TestBench prints the table of `make bench`: medians of alternating rounds, ours and, where e2e/install has put its jars,
// Apache Kafka 3.9's on the same machine, and writes it to BENCH_OUT. BENCH (a pattern of names of parts), ROUNDS and BENCHTIME choose a part,
// the number of rounds and the time of a measurement.
func TestBench(t *testing.T) {
	b := &bench{rounds: number(t, "ROUNDS", 5), time: span(t, "BENCHTIME", 5*time.Second)}
	pattern, err := regexp.Compile(os.Getenv("BENCH"))
	if err != nil {
		t.Fatalf("cannot read BENCH: %v", err)
	}
	debug.SetGCPercent(800) // the client's collector is not what is measured
	table := newTable(t)
	defer table.print()
	for _, p := range []part{start, justStarted(produceFlatOut(100)), justStarted(produceFlatOut(1024)), justStarted(paced)} {
		if pattern.MatchString(p.name) {
			table.measure(t, b, p, stoppedSides(t))
		}
	}
	var running []side
	warmed := false
	for _, p := range []part{memory, produceJava(100), produceJava(1024), produceFlatOut(100), produceFlatOut(1024), paced, single,
		consume, consumeJava, create(1000), failover(1000), create(10000)} {
		if !pattern.MatchString(p.name) {
			continue
		}
		if running == nil {
			running = runningSides(t)
		}
		if !p.fresh && !warmed {
			warmed = true
			warm(t, running)
			table.freed = time.Now()
		}
		table.measure(t, b, p, running)
	}
}

func number(t *testing.T, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("cannot read %s: %q is no positive number", name, text)
	}
	return n
}

func span(t *testing.T, name string, otherwise time.Duration) time.Duration {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		t.Fatalf("cannot read %s: %q is no span of time, such as 5s", name, text)
	}
	return d
}

// topic names a topic that no other round uses.
func (s side) topic(what string, round int) string {
	return fmt.Sprintf("bench-%s-%d-%d", what, round, time.Now().UnixNano()%1e9)
}
