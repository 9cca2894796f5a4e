//go:build e2e || interop

package e2e

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// soak is how long a test under faults goes on: long with KLAB_LONG=1, else short.
func soak(short, long time.Duration) time.Duration {
	if os.Getenv("KLAB_LONG") == "1" {
		return long
	}
	return short
}

// chance is a random source whose seed is logged, and taken from KLAB_SEED to see a failure again.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("KLAB_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("KLAB_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, seed))
}
