//go:build e2e || interop

// The raw-request session: one script of requests, in every version that Kafka 3.9 serves and with good and bad arguments,
// sent to our cluster and to Apache Kafka 3.9's. Apache's answers are recorded in testdata/rawsession, where they can be
// read; the interop test checks the record against the real brokers (and -update rewrites it), the e2e test compares ours
// with the record. Differences that are meant are the lines of testdata/raw-differences.tsv, each with its reason; a line
// that does not occur any more fails the test.
//
//	KLAB_RAW=groups       runs that area alone; groups/join compares the steps with "join" in their name
//	KLAB_RAW_KEEP=DIR     writes what was answered to DIR, also when the area ends early
package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// rawArea is a part of the session that runs alone, too.
type rawArea struct {
	name string
	run  func(s *rawScript)
}

func rawAreas() []rawArea {
	return []rawArea{
		{"framing", framingSession},
		{"cluster", clusterSession},
		{"topics", topicsSession},
		{"produce", produceSession},
		{"fetch", fetchSession},
		{"offsets", offsetsSession},
		{"groups", groupsSession},
		{"commits", commitsSession},
		{"txn", txnSession},
		{"admin", adminSession},
		{"brokers", brokersSession},
	}
}

// rawVersions are the versions of each API key that a broker of Kafka 3.9 advertises in ZooKeeper mode, of the requests that
// need no security.
var rawVersions = map[int16][2]int16{
	0: {0, 11}, 1: {0, 17}, 2: {0, 9}, 3: {0, 12}, 4: {0, 7}, 5: {0, 4}, 6: {0, 8}, 7: {0, 3}, 8: {0, 9}, 9: {0, 9}, 10: {0, 6}, 11: {0, 9}, 12: {0, 4}, 13: {0, 5},
	14: {0, 5}, 15: {0, 5}, 16: {0, 5}, 18: {0, 4}, 19: {0, 7}, 20: {0, 6}, 21: {0, 2}, 22: {0, 5}, 23: {0, 4}, 24: {0, 5},
	25: {0, 4}, 26: {0, 4}, 27: {0, 1}, 28: {0, 4}, 32: {0, 4}, 33: {0, 2}, 35: {0, 4}, 37: {0, 3}, 42: {0, 2}, 43: {0, 2},
	44: {0, 1}, 45: {0, 0}, 46: {0, 0}, 47: {0, 0}, 56: {0, 3}, 57: {0, 1}, 60: {0, 1}, 61: {0, 0}, 65: {0, 0}, 66: {0, 1},
	67: {0, 0}, 68: {0, 0}, 69: {0, 0},
}

// rawFilter is KLAB_RAW: which areas run, and which of their steps are compared.
type rawFilter struct{ area, step string }

func filterFromEnvironment() rawFilter {
	area, step, _ := strings.Cut(os.Getenv("KLAB_RAW"), "/")
	return rawFilter{area, step}
}

func (f rawFilter) runs(area string) bool     { return f.area == "" || f.area == area }
func (f rawFilter) compares(step string) bool { return strings.Contains(step, f.step) }
func (f rawFilter) whole() bool               { return f == rawFilter{} }

// runSession runs the areas that the filter lets through, and hands each one's steps to done.
func runSession(t *testing.T, c *rawCluster, f rawFilter, done func(t *testing.T, area string, entries []rawEntry)) {
	c.learn()
	defer c.close()
	setup := &rawScript{rawCluster: c, t: t}
	setup.stateTopics()
	setup.warm()
	for _, area := range rawAreas() {
		if !f.runs(area.name) {
			continue
		}
		t.Run(area.name, func(t *testing.T) {
			began := time.Now()
			c.t = t
			c.symbols = c.symbols.fresh()
			s := &rawScript{rawCluster: c, t: t, area: area.name, seen: map[string]bool{}}
			t.Cleanup(func() { keepTranscript(t, s) })
			area.run(s)
			t.Logf("%d steps in %v", len(s.entries), time.Since(began).Round(time.Millisecond))
			done(t, area.name, s.entries)
		})
	}
}

func keepTranscript(t *testing.T, s *rawScript) {
	if dir := os.Getenv("KLAB_RAW_KEEP"); dir != "" {
		writeFile(t, filepath.Join(dir, s.area+".txt"), formatTranscript(s.entries))
	}
}
