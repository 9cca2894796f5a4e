//go:build interop

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestApachesDumpLogReadsCompactedSegments overwrites and deletes the same keys in all codecs until every replica was
// compacted, and has kafka-dump-log of 3.9 read every file of every replica, without one complaint.
func TestApachesDumpLogReadsCompactedSegments(t *testing.T) {
	l := up(t)
	l.createTopic("shrinks", 2, 3, "cleanup.policy=compact", "segment.bytes=16384", "index.interval.bytes=512",
		"min.cleanable.dirty.ratio=0.01", "file.delete.delay.ms=0")
	l.waitISR(l.admin(), "shrinks", 1, 3)
	codecs := []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}
	for round, codec := range codecs {
		client := l.client(kgo.DefaultProduceTopic("shrinks"), kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(4096))
		var records []*kgo.Record
		for i := range 2000 {
			r := &kgo.Record{Key: fmt.Appendf(nil, "key-%d", i%100), Value: fmt.Appendf(nil, "round %d record %d %032d", round, i, i*i)}
			if i%100 < 10 {
				r.Value = nil
			}
			records = append(records, r)
		}
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		client.Close()
	}
	l.waitCompacted(t, "shrinks", 6)
	l.klab("down")
	files := l.logFiles(t, "shrinks-")
	kafka := apacheKafka(t, "3.9")
	for _, suffix := range []string{".log", ".index", ".timeindex"} {
		flags := []string{"--files", strings.Join(files[suffix], ",")}
		if suffix == ".log" {
			flags = append(flags, "--deep-iteration", "--print-data-log")
		} else {
			flags = append(flags, "--index-sanity-check")
		}
		out := kafka.must(t, "", "kafka.tools.DumpLogSegments", flags)
		for _, complaint := range []string{"mismatch", "Mismatches", "Index position", "Indexed offset", "isvalid: false", "Could not", "Exception", "WARN", "ERROR"} {
			if strings.Contains(out, complaint) {
				t.Errorf("%s: %q in\n%s", suffix, complaint, out[:min(len(out), 3000)])
			}
		}
	}
}

// waitCompacted waits until the cleaners of all brokers have noted that they cleaned that many replicas of a topic.
func (l *lab) waitCompacted(t testing.TB, topic string, replicas int) {
	t.Helper()
	eventually(t, 30*time.Second, fmt.Sprintf("%d replicas of %s are compacted", replicas, topic), func() bool {
		cleaned := 0
		err := filepath.WalkDir(l.home, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.Name() != "cleaner-offset-checkpoint" {
				return nil // files come and go under a cluster that runs
			}
			data, err := os.ReadFile(path)
			cleaned += strings.Count(string(data), topic+" ")
			return err
		})
		return err == nil && cleaned >= replicas
	})
}
