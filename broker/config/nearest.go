package config

// Nearest returns the known name that is fewest edits from name, or "" if none is near enough to be meant.
func (t *Table) Nearest(name string) string {
	best, bestEdits := "", max(2, len(name)/4)+1
	for i := range t.keys {
		k := &t.keys[i]
		if k.Internal {
			continue
		}
		if e := edits(name, k.Name, bestEdits); e < bestEdits {
			best, bestEdits = k.Name, e
		}
	}
	return best
}

// edits is the Levenshtein distance of a and b, or limit as soon as it is known to be no less.
func edits(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal, least := row[0], i+1
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j]+1, row[j+1]+1, diagonal+cost)
			diagonal, row[j+1] = row[j+1], next
			least = min(least, next)
		}
		if least >= limit {
			return limit
		}
	}
	return min(row[len(b)], limit)
}
