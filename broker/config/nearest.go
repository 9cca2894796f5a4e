package config

import "klab/nearest"

// Nearest returns the known name that name was probably meant to be, or "" if none is near enough.
func (t *Table) Nearest(name string) string {
	best, _ := nearest.Name(name, func(yield func(string) bool) {
		for i := range t.keys {
			if k := &t.keys[i]; !k.Internal && !yield(k.Name) {
				return
			}
		}
	})
	return best
}
