package storage

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"klab/broker/storage/fsys"
)

// cut is the disk as a crash at one moment would leave it.
type cut struct {
	op   fsys.Op
	disk *fsys.Mem
}

// crashWorld is a world whose disk is cloned before every change and sync.
type crashWorld struct {
	*world
	mem     *fsys.Mem
	survive float64
	rng     *rand.Rand
	cuts    []cut
	watched bool
}

func newCrashWorld(t *testing.T, rt *rapid.T) *crashWorld {
	seed := rapid.Uint64().Draw(rt, "seed")
	c := &crashWorld{
		mem:     fsys.NewMem(),
		survive: rapid.SampledFrom([]float64{0, 0.5, 1}).Draw(rt, "survive"),
		rng:     rand.New(rand.NewPCG(seed, 1)),
	}
	c.world = newWorld(t, rt, fsys.Intercept(c.mem, func(op fsys.Op) error {
		if c.watched && (op.Kind.Changes() || op.Kind == fsys.OpSync) {
			c.cuts = append(c.cuts, cut{op, c.mem.CrashClone(c.survive, c.rng)})
		}
		return nil
	}))
	if c.c.compacts() {
		c.survive = 1 // a hole that a loss of power leaves looks like one that cleaning leaves
	}
	c.append()
	c.must(c.log.Flush())
	return c
}

// durable is what must be there after any crash, before or after a step.
type durable struct {
	model
	recovery int64
}

func (c *crashWorld) state() durable { return durable{c.model.clone(), c.log.RecoveryPoint()} }

// step does something and verifies every crash on the way.
func (c *crashWorld) step(f func()) {
	before := c.state()
	c.watched, c.cuts = true, nil
	f()
	c.drain()
	c.watched = false
	after := c.state()
	if c.c.FlushMessages == 1 && after.end > before.end && after.recovery < after.end {
		c.t.Fatalf("flush.messages=1: appended to %d, durable to %d", after.end, after.recovery)
	}
	c.cuts = append(c.cuts, cut{fsys.Op{Path: "the end of the step"}, c.mem.CrashClone(c.survive, c.rng)})
	for i, at := range c.cuts {
		c.verify(at, before, after, i == len(c.cuts)-1)
	}
}

// verify opens the disk of a crash and holds it against the models: it must be
// a prefix of the log before or after the step, that has what was flushed.
func (c *crashWorld) verify(at cut, before, after durable, done bool) {
	d, err := tryOpen(at.disk, c.c)
	if err != nil {
		c.t.Fatalf("before op %d of %s: %v", at.op.Kind, at.op.Path, err)
	}
	l, ok := d.Log(orders0)
	if !ok {
		c.t.Fatalf("before %v of %s: the log is gone", at.op.Kind, at.op.Path)
	}
	floor := min(before.recovery, after.recovery)
	if c.survive == 1 {
		floor = min(before.end, after.end)
	}
	if done && c.survive == 1 {
		floor = after.end
	}
	okAfter := prefix(c.t, l, after, floor)
	okBefore := !done && prefix(c.t, l, before, floor)
	if !okAfter && !okBefore {
		c.t.Fatalf("before op %d of %s: the log is [%d, %d), want [%d, %d) or [%d, %d), at least to %d", at.op.Kind, at.op.Path,
			l.StartOffset(), l.EndOffset(), before.start, before.end, after.start, after.end, floor)
	}
	checkIndexes(c.t, l)
	c.checkState(l, at)
	appendTo(c.outer, l, plain(c.outer, 1, 0))
	if err := d.Close(); err != nil {
		c.t.Fatalf("close: %v", err)
	}
}

// prefix reports whether the log is a prefix of the model, from its start or an
// earlier one on, that reaches the floor: to within a batch or a gap.
func prefix(t *rapid.T, l *Log, m durable, floor int64) bool {
	if l.StartOffset() > m.start || l.EndOffset() > m.end {
		return l.StartOffset() == l.EndOffset() && m.start == m.end
	}
	reached := m.end
	if i, ok := m.at(l.EndOffset()); ok {
		reached = m.batches[i].BaseOffset()
	}
	if reached < floor {
		return false
	}
	offset := l.StartOffset()
	for offset < l.EndOffset() {
		r, err := l.Read(offset, 1<<30, l.EndOffset(), true)
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		if len(r.Records) == 0 {
			break
		}
		if want := m.read(offset, 1<<30, r.NextOffset, true); string(want) != string(r.Records) {
			return false
		}
		offset = r.NextOffset
	}
	return true
}

// checkState verifies that producers and epochs are what the batches say.
func (c *crashWorld) checkState(l *Log, at cut) {
	got := l.ActiveProducers()
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.model.start > 0 || l.StartOffset() > 0 {
		return // what lies below a start may count or not
	}
	kept := l.snapshots
	l.snapshots = nil
	if err := l.loadProducers(l.EndOffset()); err != nil {
		c.t.Fatal(err)
	}
	l.snapshots = kept
	if want := l.ActiveProducers(); !reflect.DeepEqual(got, want) {
		c.t.Fatalf("before op %d of %s: producers\n%+v, the batches say\n%+v", at.op.Kind, at.op.Path, got, want)
	}
	for _, b := range c.model.batches {
		if b.BaseOffset() >= c.model.start && b.LastOffset() < l.EndOffset() && l.EpochAt(b.BaseOffset()) < b.LeaderEpoch() {
			c.t.Fatalf("before op %d of %s: offset %d has epoch %d, history %v", at.op.Kind, at.op.Path,
				b.BaseOffset(), b.LeaderEpoch(), l.epochs.get())
		}
	}
}

func TestCrashAtEveryWriteAndSync(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newCrashWorld(t, rt)
		steps := map[string]func(){
			"append":   c.append,
			"follow":   c.follow,
			"truncate": c.truncate,
			"epoch":    c.assignEpoch,
			"advance":  c.advanceStart,
			"retain":   c.retain,
			"roll":     func() { c.must(c.log.Roll()) },
			"flush":    func() { c.must(c.log.Flush()) },
			"checkpoint": func() {
				c.must(c.Dir.CheckpointRecoveryPoints())
				c.must(c.Dir.CheckpointLogStartOffsets())
			},
			"close": func() { c.must(c.Dir.Close()); c.reopen() },
		}
		names := []string{"append", "append", "append", "follow", "follow", "truncate", "epoch", "advance", "retain", "roll", "flush", "checkpoint", "close"}
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			c.step(steps[rapid.SampledFrom(names).Draw(rt, "step")])
		}
	})
}
