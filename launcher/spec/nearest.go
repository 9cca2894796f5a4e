package spec

import (
	"fmt"
	"slices"

	"klab/nearest"
)

// didYouMean offers the known word that is nearest to word, if one is near enough.
func didYouMean(word string, known []string) string {
	best, near := nearest.Name(word, slices.Values(known))
	if !near {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}
