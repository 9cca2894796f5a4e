package buffer

import (
	"testing"

	"pgregory.net/rapid"
)

func TestBuffersAreAsLongAsAsked(t *testing.T) {
	var pool Pool
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(0, 9000), rapid.IntRange(1<<maxShift-10, 1<<maxShift+10)).Draw(t, "length")
		b := pool.Get(n)
		if len(*b) != n {
			t.Fatalf("asked for %d bytes, got %d", n, len(*b))
		}
		if c := cap(*b); n <= 1<<maxShift && (c < 1<<minShift || c > max(2*n, 1<<minShift)) {
			t.Fatalf("%d bytes are lent with a capacity of %d", n, c)
		}
		*b = append(*b, make([]byte, rapid.SampledFrom([]int{0, 1, 5000}).Draw(t, "grown by"))...)
		pool.Put(b) // whatever became of it
	})
}

// TestOnlyWholeClassesComeBack puts a buffer into the pool that no class can lend.
func TestOnlyWholeClassesComeBack(t *testing.T) {
	for _, c := range []int{0, 1, 1<<minShift - 1, 3 << minShift, 1<<maxShift + 1, 2 << maxShift} {
		var pool Pool
		b := make([]byte, 0, c)
		pool.Put(&b)
		for i := range pool.classes {
			if got := pool.classes[i].Get(); got != nil {
				t.Errorf("a buffer with a capacity of %d is kept for %d bytes", c, 1<<(i+minShift))
			}
		}
	}
}
