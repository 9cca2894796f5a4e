package memory

import (
	"slices"
	"testing"
)

func TestTrimsTwiceAfterEachBusyTime(t *testing.T) {
	const busy, quiet = quietBytes, quietBytes - 1
	var w watcher
	var allocated uint64
	var got []bool
	for _, more := range []uint64{busy, busy, quiet, quiet, quiet, quiet, busy, quiet, busy, quiet, quiet, quiet} {
		allocated += more
		got = append(got, w.idle(allocated))
	}
	want := []bool{false, false, true, true, false, false, false, true, false, true, true, false}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
