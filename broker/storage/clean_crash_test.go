package storage

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"klab/broker/storage/fsys"
)

// cleanCrash is a history on a disk that is cloned before every change and sync of a clean.
type cleanCrash struct {
	*history
	mem     *fsys.Mem
	survive float64
	rng     *rand.Rand
	cuts    []cut
	watched bool
}

func newCleanCrash(t *testing.T, rt *rapid.T) *cleanCrash {
	c := &cleanCrash{
		mem:     fsys.NewMem(),
		survive: rapid.SampledFrom([]float64{0, 0.5, 0.5, 1}).Draw(rt, "survive"),
		rng:     rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1)),
	}
	c.history = newHistory(t, rt, watch(c.mem, c.survive, c.rng, &c.watched, &c.cuts))
	c.background.Wait() // the new log has its files
	return c
}

// watch collects a clone of the disk before every change and sync, while watched is set.
func watch(mem *fsys.Mem, survive float64, rng *rand.Rand, watched *bool, cuts *[]cut) fsys.FS {
	return fsys.Intercept(mem, func(op fsys.Op) error {
		if *watched && (op.Kind.Changes() || op.Kind == fsys.OpSync) {
			*cuts = append(*cuts, cut{op, mem.CrashClone(survive, rng)})
		}
		return nil
	})
}

// grow appends a random history, a record at least: a crash may take a new log that never held one.
func (c *cleanCrash) grow() {
	c.plain()
	steps := []func(){c.plain, c.idempotent, c.transactional, c.transactional, c.end, c.end, func() { c.must(c.log.Roll()) }}
	for range rapid.IntRange(3, 15).Draw(c.t, "steps") {
		steps[rapid.IntRange(0, len(steps)-1).Draw(c.t, "step")]()
	}
}

// at is the history as a crash left it: opening must find everything that a reader may rely on.
func (c *cleanCrash) at(disk fsys.FS, op fsys.Op) *history {
	d, err := tryOpen(disk, c.c)
	if err != nil {
		c.t.Fatalf("a crash before op %d of %s: %v", op.Kind, op.Path, err)
	}
	h := *c.history
	h.Dir = d
	var ok bool
	if h.log, ok = d.Log(orders0); !ok {
		c.t.Fatalf("a crash before op %d of %s: the log is gone", op.Kind, op.Path)
	}
	if h.log.EndOffset() != c.log.EndOffset() || !h.remembers(c.log.ActiveProducers(), h.log.ActiveProducers()) {
		c.t.Fatalf("a crash before op %d of %s: the end is %d, want %d; producers\n%+v, want\n%+v", op.Kind, op.Path,
			h.log.EndOffset(), c.log.EndOffset(), h.log.ActiveProducers(), c.log.ActiveProducers())
	}
	h.check()
	return &h
}

// Everything is flushed before a clean, so that after a crash at any write or sync of it, and of the recovery from such a
// crash, a reader must find exactly what it would have found before; and a clean must be possible again.
func TestCrashAtEveryWriteAndSyncOfAClean(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newCleanCrash(t, rt)
		for range rapid.IntRange(1, 3).Draw(rt, "rounds") {
			c.grow()
			c.must(c.log.Flush())
			if rapid.Bool().Draw(rt, "checkpoint") {
				c.must(c.CheckpointRecoveryPoints())
			}
			c.now = c.now.Add(testDeleteRetention * 1e6)
			atOnce := c.cleaned
			c.watched, c.cuts = true, nil
			c.clean()
			c.watched = false
			c.cuts = append(c.cuts, cut{fsys.Op{Path: "the end of the clean"}, c.mem.CrashClone(c.survive, c.rng)})
			after := c.cleaned
			c.cleaned = atOnce // on the way it may be so or not
			for i, cut := range c.cuts {
				c.crashed(cut, i == rapid.IntRange(0, len(c.cuts)-1).Draw(rt, "crash again"))
			}
			c.cleaned = after
		}
		c.must(c.Abandon())
	})
}

// crashed opens the disk of a crash, with another crash at every step of that if again, and cleans there.
func (c *cleanCrash) crashed(first cut, again bool) {
	var cuts []cut
	watched := again
	h := c.at(watch(first.disk, c.survive, c.rng, &watched, &cuts), first.op)
	watched = false
	for _, second := range cuts {
		c.must(c.at(second.disk, second.op).Abandon())
	}
	if again {
		h.clean()
		h.check()
	}
	c.must(h.Abandon())
}
