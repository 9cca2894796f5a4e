//go:build interop

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestKcatRoundTrip sends 10,000 records with keys and headers through every codec with kcat, and reads them back with it.
func TestKcatRoundTrip(t *testing.T) {
	l := up(t)
	listing := tool(t, "", "kcat", "-b", bootstrap[0], "-L")
	for _, want := range []string{"3 brokers", "127.0.0.1:9093", "127.0.0.1:9094", "127.0.0.1:9095"} {
		if !strings.Contains(listing, want) {
			t.Errorf("kcat -L does not print %q:\n%s", want, listing)
		}
	}
	const records, partitions = 10_000, 3
	var input strings.Builder
	for i := range records {
		fmt.Fprintf(&input, "key-%d\tvalue %d 值\n", i%97, i)
	}
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(codec, func(t *testing.T) {
			topic := "kcat-" + codec
			l.createTopic(topic, partitions, 3)
			l.waitISR(l.admin(), topic, partitions-1, 3)
			tool(t, input.String(), "kcat", "-b", bootstrap[1], "-P", "-t", topic, "-z", codec, "-K", "\t",
				"-H", "origin=kcat", "-H", "zh=标题", "-X", "acks=all")
			out := tool(t, "", "kcat", "-b", bootstrap[2], "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", "%p %o %k\t%s\t%h\n")
			checkKcatOutput(t, out, records)
			if got := l.codecOf(topic); got != codec {
				t.Errorf("the batches on the brokers are %s, want %s", got, codec)
			}
		})
	}
}

// checkKcatOutput holds each partition's records to be in order, and all of them identical to what was sent.
func checkKcatOutput(t *testing.T, out string, want int) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != want {
		t.Fatalf("%d records came back, want %d", len(lines), want)
	}
	last := map[int]int{}
	seen := map[int]bool{}
	for _, line := range lines {
		var partition, offset, key, number int
		if _, err := fmt.Sscanf(line, "%d %d key-%d\tvalue %d 值\torigin=kcat,zh=标题", &partition, &offset, &key, &number); err != nil {
			t.Fatalf("cannot read %q: %v", line, err)
		}
		if previous, ok := last[partition]; ok && number <= previous {
			t.Fatalf("partition %d: record %d comes after %d", partition, number, previous)
		}
		if key != number%97 || seen[number] {
			t.Fatalf("record %d has key %d, or came twice", number, key)
		}
		last[partition], seen[number] = number, true
	}
}

func (l *lab) codecOf(topic string) string {
	for partition := range int32(3) {
		for _, r := range l.readAll(topic, partition) {
			return map[uint8]string{0: "none", 1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}[r.Attrs.CompressionType()]
		}
	}
	return "empty"
}
