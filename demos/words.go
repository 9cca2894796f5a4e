package demos

import (
	"cmp"
	"fmt"
	"slices"
)

// fileKeys are all keys of a lesson file, to offer the nearest one for a misspelt one.
var fileKeys = []string{
	"schema", "id", "title", "level", "minutes", "concepts", "needs", "cluster", "brokers", "config", "topics", "name", "partitions",
	"replication", "actor", "kind", "topic", "set", "idle", "screen", "panes", "pin", "step", "say", "why", "save", "ask", "right", "do",
	"until", "hold", "within", "never", "expect", "measure", "slow", "task", "keys", "solution", "hint", "when", "en", "zh",
}

func nearestKey(name string) string {
	return nearest(name, fileKeys)
}

// nearest words the known name that is closest to a misspelt one.
func nearest(name string, known []string) string {
	best := slices.MinFunc(known, func(a, b string) int { return cmp.Compare(distance(name, a), distance(name, b)) })
	if distance(name, best) > max(2, len(name)/2) {
		return "nothing known is spelt like it"
	}
	return fmt.Sprintf("did you mean %s?", best)
}

// distance is the edit distance of Levenshtein, with a swap of neighbours as one edit.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
