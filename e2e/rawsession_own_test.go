//go:build e2e || interop

package e2e

import (
	"reflect"
	"testing"
)

func TestTranscriptIsReadAsItWasWritten(t *testing.T) {
	entries := []rawEntry{
		{name: "a step: with a colon to broker 9", key: 3, version: 0, to: "broker 1", request: "Topics=[]", fields: []rawField{{"ErrorCode", "NONE"}}},
		{name: "a step: with a colon to broker 9", key: 3, version: 1, to: "broker 1", request: "Topics=[]", fields: []rawField{{"ErrorCode", "NONE"}}},
		{name: "another", key: 18, version: -1, to: "the controller", fields: []rawField{{"", "(empty)"}, {"A[b: c].D", `"== x: y"`}}},
	}
	got, err := parseTranscript(formatTranscript(entries))
	if err != nil || len(got) != len(entries) {
		t.Fatalf("%d steps, %v", len(got), err)
	}
	for i := range got {
		got[i].request = entries[i].request
		if got[i].id() != entries[i].id() || got[i].to != entries[i].to || len(got[i].fields) != len(entries[i].fields) {
			t.Errorf("got %+v, want %+v", got[i], entries[i])
		}
	}
	if !reflect.DeepEqual(got[0], entries[0]) || !reflect.DeepEqual(got[1], entries[1]) {
		t.Errorf("got %+v", got[:2])
	}
}

func TestDifferencesAreFoundBothWays(t *testing.T) {
	got := differences([]rawField{{"a", "1"}, {"b", "2"}, {"d", "4"}}, []rawField{{"a", "1"}, {"b", "3"}, {"c", "5"}})
	want := []difference{{"b", "2", "3"}, {"c", absent, "5"}, {"d", "4", absent}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"a", "a", true}, {"a", "ab", false}, {"*", "", true}, {"a*", "ab", true}, {"a*c", "abc", true}, {"a*c", "ab", false},
		{"*b*", "abc", true}, {"*[0]*", "x[0].y", true}, {"a*b*c", "acb", false},
	} {
		if glob(c.pattern, c.s) != c.want {
			t.Errorf("glob(%q, %q) is %v", c.pattern, c.s, !c.want)
		}
	}
}
