package demos

import (
	"fmt"
	"slices"

	names "klab/nearest"
)

// fileKeys are all keys of a lesson file, to offer the nearest one for a misspelt one.
var fileKeys = []string{
	"schema", "id", "title", "level", "minutes", "concepts", "needs", "cluster", "brokers", "config", "topics", "name", "partitions",
	"replication", "actor", "kind", "topic", "set", "idle", "screen", "pin", "step", "say", "why", "save", "ask", "right", "do",
	"until", "hold", "within", "never", "expect", "measure", "slow", "task", "keys", "solution", "hint", "when", "en", "zh",
}

func nearestKey(name string) string {
	return nearest(name, fileKeys)
}

// nearest words the known name that is closest to a misspelt one.
func nearest(name string, known []string) string {
	best, near := names.Name(name, slices.Values(known))
	if !near {
		return "nothing known is spelt like it"
	}
	return fmt.Sprintf("did you mean %s?", best)
}
