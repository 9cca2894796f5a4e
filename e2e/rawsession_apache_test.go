//go:build interop

package e2e

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var updateRaw = flag.Bool("update", false, "write Apache Kafka's answers to testdata/rawsession instead of comparing them")

// TestRawSessionRecord checks the recorded answers against Apache Kafka 3.9 with our brokers' settings.
func TestRawSessionRecord(t *testing.T) {
	apache := startApacheBrokers(t, startApacheZooKeeper(t), labSettings(t)...)
	cluster := &rawCluster{t: t, firstPort: 19093}
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

// labSettings are the lines of configs/server-1.toml as properties, without what is each broker's own.
func labSettings(t testing.TB) []string {
	t.Helper()
	data, err := os.ReadFile("../configs/server-1.toml")
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]bool{"zookeeper.session.timeout.ms": true, "broker.id": true, "listeners": true, "log.dirs": true, "zookeeper.connect": true}
	var settings []string
	for _, line := range strings.Split(string(data), "\n") {
		line, _, _ = strings.Cut(line, "#")
		key, value, ok := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); ok && !own[key] {
			settings = append(settings, key+"="+strings.Trim(strings.TrimSpace(value), `"`))
		}
	}
	return settings
}
