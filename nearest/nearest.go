// Package nearest finds the known name that a misspelt one was probably meant to be.
//
// It knows nothing of what is named; whoever refuses an unknown name offers what it finds.
package nearest

import "iter"

// Name returns the known name that is fewest edits from name, and false when none is near enough to be meant: more than
// a third of its characters, or two where it is short, would have to change. An edit puts in, takes out or changes one
// byte, or swaps two neighbours. Of names equally near the first one wins.
func Name(name string, known iter.Seq[string]) (best string, near bool) {
	least := max(2, len(name)/3) + 1
	for k := range known {
		if d := edits(name, k, least); d < least {
			best, least, near = k, d, true
		}
	}
	return best, near
}

// edits is the distance of a and b (Damerau and Levenshtein, each byte edited at most once), or limit when it is no less.
func edits(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
