//go:build interop

package e2e

import (
	"flag"
	"fmt"
	"testing"
)

var updateRaw = flag.Bool("update", false, "write Apache Kafka's answers to testdata/rawsession instead of comparing them")

// TestRawSessionRecord checks the recorded answers against Apache Kafka 3.9 with our brokers' settings.
func TestRawSessionRecord(t *testing.T) {
	zookeeper := startApacheZooKeeper(t)
	apache := startApacheBrokers(t, zookeeper, labSettings(t)...)
	cluster := &rawCluster{t: t, firstPort: 19093, zookeeper: zookeeper}
	for id := range apache.brokers {
		cluster.dirs = append(cluster.dirs, fmt.Sprintf("%s/data%d", apache.dir, id))
	}
	filter := filterFromEnvironment()
	runSession(t, cluster, filter, func(t *testing.T, area string, entries []rawEntry) {
		if *updateRaw {
			writeFile(t, transcriptFile(area), formatTranscript(entries))
			return
		}
		n, report := compareSteps(area, entries, readTranscript(t, area), nil, filter.compares)
		if report != "" {
			t.Errorf("the record is not what Apache Kafka answers (here \"ours\" is what it answered now):\n%s", report)
		}
		t.Log(n)
	})
}
