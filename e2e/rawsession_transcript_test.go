//go:build e2e || interop

package e2e

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// rawEntry is one step as it went.
type rawEntry struct {
	name     string
	key      int16
	version  int16
	to       string
	request  string
	fields   []rawField
	unserved bool // this cluster does not advertise the request, so it was not sent
}

func (e *rawEntry) id() string {
	return fmt.Sprintf("%s: %s v%d", e.name, kmsg.NameForKey(e.key), e.version)
}

// sameAs tells whether a step is the same in the version that follows.
func (e *rawEntry) sameAs(next *rawEntry) bool {
	if e.name != next.name || e.key != next.key || e.to != next.to || len(e.fields) != len(next.fields) {
		return false
	}
	for i := range e.fields {
		if e.fields[i] != next.fields[i] {
			return false
		}
	}
	return true
}

// formatTranscript writes steps to be read: neighbouring versions with the same answer together, with the request of the last.
//
//	== produce, unknown topic: Produce v0-11 to broker 1
//	   Acks=1 Topics[none].Partitions[0].Records[0]=…
//	Topics[none].Partitions[0].ErrorCode: 3 UNKNOWN_TOPIC_OR_PARTITION
func formatTranscript(entries []rawEntry) string {
	var b strings.Builder
	for i := 0; i < len(entries); {
		first, last := &entries[i], i
		for last+1 < len(entries) && entries[last+1].version == entries[last].version+1 && first.sameAs(&entries[last+1]) {
			last++
		}
		versions := strconv.Itoa(int(first.version))
		if last > i {
			versions += "-" + strconv.Itoa(int(entries[last].version))
		}
		fmt.Fprintf(&b, "== %s: %s(%d) v%s to %s\n   %s\n", first.name, kmsg.NameForKey(first.key), first.key, versions, first.to, entries[last].request)
		for _, f := range first.fields {
			fmt.Fprintf(&b, "%s: %s\n", f.path, f.value)
		}
		b.WriteByte('\n')
		i = last + 1
	}
	return b.String()
}

// parseTranscript reads what formatTranscript wrote.
func parseTranscript(text string) ([]rawEntry, error) {
	var entries []rawEntry
	for _, block := range strings.Split("\n"+text, "\n== ")[1:] {
		lines := strings.Split(strings.TrimRight(block, "\n"), "\n")
		head, toText, ok := cutLast(lines[0], " to ")
		name, api, ok2 := cutLast(head, ": ")
		var key, first, last int16
		open, closed := strings.LastIndex(api, "("), strings.LastIndex(api, ") v")
		if !ok || !ok2 || open < 0 || closed < open {
			return nil, fmt.Errorf("cannot read the head of a step: %q", lines[0])
		}
		fmt.Sscan(api[open+1:closed], &key)
		from, upTo, several := strings.Cut(api[closed+4:], "-") // a version may be negative
		fmt.Sscan(api[closed+3:closed+4]+from, &first)
		if last = first; several {
			fmt.Sscan(upTo, &last)
		}
		e := rawEntry{name: name, key: key, to: toText, request: strings.TrimSpace(lines[1])}
		for _, line := range lines[2:] {
			path, value, ok := strings.Cut(line, ": ")
			if !ok {
				return nil, fmt.Errorf("cannot read %q of step %q", line, lines[0])
			}
			e.fields = append(e.fields, rawField{path, value})
		}
		for version := int(first); version <= int(last); version++ {
			e.version = int16(version)
			entries = append(entries, e)
		}
	}
	return entries, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
