//go:build e2e

package e2e

import (
	"path/filepath"
	"testing"
)

// TestRawSession compares our answers with those recorded of Apache Kafka 3.9.
func TestRawSession(t *testing.T) {
	l := up(t)
	table := readDocumented(t, filepath.Join("testdata", "raw-differences.tsv"))
	cluster := &rawCluster{t: t, firstPort: 9093, zookeeper: "127.0.0.1:2181", dirs: []string{l.home + "/pseudo/kafka-logs-1", l.home + "/pseudo/kafka-logs-2", l.home + "/pseudo/kafka-logs-3"}}
	filter := filterFromEnvironment()
	var total tally
	runSession(t, cluster, filter, func(t *testing.T, area string, entries []rawEntry) {
		n, report := compareSteps(area, entries, readTranscript(t, area), table, filter.compares)
		if report != "" {
			t.Errorf("answers differ from Apache Kafka's:\n%s", report)
		}
		t.Log(n)
		total.add(n)
	})
	t.Log(total)
	for _, d := range table {
		if filter.whole() && d.met == 0 {
			t.Errorf("testdata/raw-differences.tsv:%d does not occur any more: %s, %s", d.line, d.step, d.field)
		}
	}
}
