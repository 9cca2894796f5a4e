//go:build e2e || interop

package e2e

import (
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
)

// absent stands for a field, or a step, that one side does not have.
const absent = "(absent)"

// documented is one line of testdata/raw-differences.tsv: a difference from Apache Kafka that is meant.
type documented struct {
	line                              int
	step, field, ours, apache, reason string
	first, last                       int16
	met                               int // how often it occurred
}

// readDocumented reads the table. Its columns: area and step, versions, field, our value, Apache's, and the reason. In all
// but the versions and the reason, * stands for anything.
func readDocumented(t testing.TB, file string) []*documented {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var table []*documented
	for i, line := range strings.Split(strings.TrimSpace(string(data)), "\n")[1:] {
		columns := strings.Split(line, "\t")
		if len(columns) != 6 || strings.TrimSpace(columns[5]) == "" {
			t.Fatalf("%s:%d: want six columns, the last a reason: %q", file, i+2, line)
		}
		d := &documented{line: i + 2, step: columns[0], field: columns[2], ours: columns[3], apache: columns[4], reason: columns[5], last: 99}
		if from, upTo, several := strings.Cut(columns[1], "-"); columns[1] != "*" {
			first, _ := strconv.Atoi(from)
			last, _ := strconv.Atoi(upTo)
			if d.first, d.last = int16(first), int16(last); !several {
				d.last = d.first
			}
		}
		table = append(table, d)
	}
	return table
}

func (d *documented) covers(area string, e *rawEntry, x difference) bool {
	return d.first <= e.version && e.version <= d.last && glob(d.step, area+"/"+e.name) &&
		glob(d.field, x.path) && glob(d.ours, x.ours) && glob(d.apache, x.apache)
}

// glob matches a pattern in which * stands for any text.
func glob(pattern, s string) bool {
	pieces := strings.Split(pattern, "*")
	if len(pieces) == 1 {
		return pattern == s
	}
	if !strings.HasPrefix(s, pieces[0]) {
		return false
	}
	s = s[len(pieces[0]):]
	for _, piece := range pieces[1 : len(pieces)-1] {
		_, after, found := strings.Cut(s, piece)
		if !found {
			return false
		}
		s = after
	}
	return strings.HasSuffix(s, pieces[len(pieces)-1])
}

// difference is one field that is not the same.
type difference struct{ path, ours, apache string }

func differences(ours, apaches []rawField) []difference {
	var ds []difference
	mine := map[string]string{}
	for _, f := range ours {
		mine[f.path] = f.value
	}
	for _, f := range apaches {
		value, ok := mine[f.path]
		if !ok {
			value = absent
		}
		if delete(mine, f.path); value != f.value {
			ds = append(ds, difference{f.path, value, f.value})
		}
	}
	for _, f := range ours {
		if value, left := mine[f.path]; left {
			ds = append(ds, difference{f.path, value, absent})
		}
	}
	return ds
}

// tally is how the steps of a session came out.
type tally struct{ steps, equal, documented, differ, unserved int }

func (n tally) String() string {
	return fmt.Sprintf("%d steps, %d equal, %d differ as documented, %d differ, %d not served", n.steps, n.equal, n.documented, n.differ, n.unserved)
}

func (n *tally) add(m tally) {
	n.steps, n.equal, n.documented, n.differ, n.unserved =
		n.steps+m.steps, n.equal+m.equal, n.documented+m.documented, n.differ+m.differ, n.unserved+m.unserved
}

// compareSteps compares ours with Apache's answers and returns a report of what is not documented.
func compareSteps(area string, ours, apaches []rawEntry, table []*documented, wanted func(step string) bool) (tally, string) {
	var n tally
	var report strings.Builder
	theirs := map[string]*rawEntry{}
	for i := range apaches {
		theirs[apaches[i].id()] = &apaches[i]
	}
	last := ""
	for i := range ours {
		e := &ours[i]
		their, recorded := theirs[e.id()]
		delete(theirs, e.id())
		if !wanted(e.name) {
			continue
		}
		n.steps++
		if e.unserved {
			n.unserved++
			continue
		}
		if !recorded {
			n.differ++
			fmt.Fprintf(&report, "%s: %s: Apache's answer is not recorded\n", area, e.id())
			continue
		}
		text := reportStep(&n, area, e, their, table)
		if text != "" && last == e.name+text {
			fmt.Fprintf(&report, "%s: %s: the same\n", area, e.id())
		} else if text != "" {
			fmt.Fprintf(&report, "%s: %s to %s\n   %s\n%s", area, e.id(), e.to, e.request, text)
		}
		last = e.name + text
	}
	for id, e := range theirs {
		if wanted(e.name) {
			n.differ++
			fmt.Fprintf(&report, "%s: %s is recorded and not a step any more\n", area, id)
		}
	}
	return n, report.String()
}

func reportStep(n *tally, area string, ours, apaches *rawEntry, table []*documented) string {
	var report strings.Builder
	ds := differences(ours.fields, apaches.fields)
	for _, x := range ds {
		if !isDocumented(area, ours, x, table) {
			fmt.Fprintf(&report, "      %s\n         ours:   %s\n         Apache: %s\n", x.path, x.ours, x.apache)
		}
	}
	switch {
	case len(ds) == 0:
		n.equal++
	case report.Len() == 0:
		n.documented++
	default:
		n.differ++
	}
	return report.String()
}

func isDocumented(area string, e *rawEntry, x difference, table []*documented) bool {
	for _, d := range table {
		if d.covers(area, e, x) {
			d.met++
			return true
		}
	}
	return false
}

func transcriptFile(area string) string { return path.Join("testdata", "rawsession", area+".txt") }

func readTranscript(t testing.TB, area string) []rawEntry {
	t.Helper()
	data, err := os.ReadFile(transcriptFile(area))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := parseTranscript(string(data))
	if err != nil {
		t.Fatalf("%s: %v", transcriptFile(area), err)
	}
	return entries
}
