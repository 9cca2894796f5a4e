//go:build interop

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestApachesDumpLogReadsEveryFile writes through all codecs over rolled segments, an epoch change and a clean stop, and
// has kafka-dump-log of 3.9 read every file of every replica, without one complaint.
func TestApachesDumpLogReadsEveryFile(t *testing.T) {
	l := up(t)
	l.createTopic("dump", 2, 3, "segment.bytes=65536", "index.interval.bytes=1024")
	l.waitISR(l.admin(), "dump", 1, 3)
	codecs := []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}
	for round, codec := range codecs {
		l.fill("dump", codec, round)
		if round == 2 {
			l.klab("broker", "restart", "2")
			l.waitISR(l.admin(), "dump", 0, 3)
			l.waitISR(l.admin(), "dump", 1, 3)
		}
	}
	l.klab("down")
	files := l.logFiles(t, "dump-")
	kafka := apacheKafka(t, "3.9")
	dump := func(suffix string, flags ...string) {
		out := kafka.must(t, "", "kafka.tools.DumpLogSegments", append([]string{"--files", strings.Join(files[suffix], ",")}, flags...))
		for _, complaint := range []string{"Found timestamp mismatch", "Mismatches in", "not valid", "Non-consecutive", "Index position", "Indexed offset", "isvalid: false", "Could not", "Exception", "WARN", "ERROR"} {
			if strings.Contains(out, complaint) {
				t.Errorf("%s %v: %q in\n%s", suffix, flags, complaint, out[:min(len(out), 3000)])
			}
		}
		if len(out) < 100 {
			t.Errorf("%s %v prints only %q", suffix, flags, out)
		}
	}
	if len(files[".log"]) < 12 {
		t.Fatalf("only %d segments; the test means to see rolled ones", len(files[".log"]))
	}
	dump(".log", "--deep-iteration", "--print-data-log")
	dump(".index", "--index-sanity-check")
	dump(".index", "--verify-index-only")
	dump(".index")
	dump(".timeindex", "--index-sanity-check")
	dump(".timeindex", "--verify-index-only")
	dump(".snapshot")
}

// TestApachesDumpLogReadsTheCoordinatorsTopics has kafka-dump-log of 3.9 decode what groups, transactions and their ends left
// in __consumer_offsets, in __transaction_state, and in the snapshots and transaction indexes of a topic.
func TestApachesDumpLogReadsTheCoordinatorsTopics(t *testing.T) {
	l := up(t)
	a := newSwapActors(l)
	a.trims = true
	a.round("first")
	a.round("second")
	l.klab("down")
	kafka := apacheKafka(t, "3.9")
	dump := func(prefix, suffix string, flags ...string) string {
		files := l.logFiles(t, prefix)[suffix]
		if len(files) == 0 {
			t.Fatalf("no %s in %s", suffix, prefix)
		}
		out := kafka.must(t, "", "kafka.tools.DumpLogSegments", append([]string{"--files", strings.Join(files, ",")}, flags...))
		for _, complaint := range []string{"mismatch", "Mismatches", "not valid", "Non-consecutive", "isvalid: false", "Could not", "Exception", "WARN", "ERROR", "unknown", "Unknown"} {
			if strings.Contains(out, complaint) {
				t.Errorf("%s of %s: %q in\n%s", suffix, prefix, complaint, out[:min(len(out), 3000)])
			}
		}
		return out
	}
	want := func(out string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(out, w) {
				t.Errorf("no %q in\n%s", w, out[:min(len(out), 3000)])
			}
		}
	}
	want(dump("__consumer_offsets-", ".log", "--deep-iteration", "--print-data-log", "--offsets-decoder"), swapGroup, swapPlain, swapFlight, "static", "endTxnMarker: COMMIT", "endTxnMarker: ABORT")
	want(dump("__transaction_state-", ".log", "--deep-iteration", "--print-data-log", "--transaction-log-decoder"), "swap-ends", "Ongoing", "PrepareCommit", "CompleteCommit", "PrepareAbort", "CompleteAbort")
	want(dump(swapTxn+"-", ".log", "--deep-iteration", "--print-data-log"), "endTxnMarker: COMMIT", "endTxnMarker: ABORT")
	want(dump(swapTxn+"-", ".snapshot"), "producerId:", "currentTxnFirstOffset: Optional")
	want(dump(swapTxn+"-", ".txnindex"), "firstOffset:", "lastStableOffset:")
	for _, topic := range []string{"__consumer_offsets-", "__transaction_state-"} {
		dump(topic, ".index", "--index-sanity-check")
		dump(topic, ".timeindex", "--index-sanity-check")
		dump(topic, ".snapshot")
	}
}

// fill writes 1,500 records with keys and headers with a codec.
func (l *lab) fill(topic string, codec kgo.CompressionCodec, round int) {
	l.t.Helper()
	client := l.client(kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(8192))
	ctx := l.t.Context()
	var records []*kgo.Record
	noise := rand.NewChaCha8([32]byte{byte(round)}) // what does not compress fills segments
	for i := range 1500 {
		filler := make([]byte, 100)
		noise.Read(filler)
		records = append(records, &kgo.Record{
			Key:     fmt.Appendf(nil, "key-%d", i),
			Value:   fmt.Appendf(nil, "round %d record %d %x", round, i, filler),
			Headers: []kgo.RecordHeader{{Key: "round", Value: fmt.Append(nil, round)}},
		})
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		l.t.Fatal(err)
	}
}

// logFiles lists the files of all partition folders whose name begins with prefix, by suffix.
func (l *lab) logFiles(t *testing.T, prefix string) map[string][]string {
	t.Helper()
	files := map[string][]string{}
	err := filepath.WalkDir(l.home, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasPrefix(filepath.Base(filepath.Dir(path)), prefix) {
			suffix := filepath.Ext(path)
			files[suffix] = append(files[suffix], path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
