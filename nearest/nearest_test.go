package nearest

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestName(t *testing.T) {
	known := []string{"log.retention.ms", "log.retention.bytes", "num.partitions", "dirs"}
	for _, c := range []struct{ name, best string }{
		{"log.retenion.ms", "log.retention.ms"},
		{"log.retention.msec", "log.retention.ms"},
		{"nmu.partitions", "num.partitions"},
		{"num.partitions", "num.partitions"},
		{"dris", "dirs"},
		{"dir", "dirs"},
		{"zookeeper.connect", ""},
		{"", ""},
	} {
		best, near := Name(c.name, slices.Values(known))
		if best != c.best || near != (c.best != "") {
			t.Errorf("%q is near %q (%v), want %q", c.name, best, near, c.best)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		n    int
	}{{"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"abcd", "", 4}} {
		if n := edits(c.a, c.b, 100); n != c.n {
			t.Errorf("%q to %q: %d edits, want %d", c.a, c.b, n, c.n)
		}
		if n := edits(c.a, c.b, 1); n != min(c.n, 1) {
			t.Errorf("%q to %q: %d edits with limit 1", c.a, c.b, n)
		}
	}
}

func TestEditsIsADistance(t *testing.T) {
	word := rapid.StringMatching(`[a-c.]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := edits(a, b, 100)
		if d != edits(b, a, 100) || (d == 0) != (a == b) || d > max(len(a), len(b)) {
			t.Fatalf("edits(%q, %q) = %d", a, b, d)
		}
		if limit := rapid.IntRange(1, 9).Draw(t, "limit"); edits(a, b, limit) != min(d, limit) {
			t.Fatalf("edits(%q, %q) with limit %d", a, b, limit)
		}
	})
}
