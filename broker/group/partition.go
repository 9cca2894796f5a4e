package group

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/fact"
)

// partition is one partition of __consumer_offsets while this broker leads it without a break, since the leader epoch. One that
// it leads again is another.
type partition struct {
	c     *Coordinator
	id    int32
	epoch int32

	ctx    context.Context // ends when the partition is unloaded
	cancel context.CancelFunc

	loaded atomic.Bool // set once, with mu held
	mu     sync.Mutex
	gone   bool
	groups map[string]*entry
	open   map[int64]map[*entry]*openTx // by producer id: groups with offsets in its transaction
	ended  []endedTx                    // while it loads: to be done after that
}

// openTx is a producer's transaction in one group, as long as one of its commits may have succeeded.
type openTx struct{ commits int }

type endedTx struct {
	producerID int64
	commit     bool
}

func newPartition(c *Coordinator, id, leaderEpoch int32) *partition {
	p := &partition{c: c, id: id, epoch: leaderEpoch, groups: map[string]*entry{}, open: map[int64]map[*entry]*openTx{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

func (p *partition) isLoaded() bool { return p.loaded.Load() }

// load reads the groups from the log. If that fails the partition is coordinated without them, as Kafka does it: a log that
// cannot be read will not be readable at the next try either.
func (p *partition) load() {
	select {
	case p.c.loads <- struct{}{}:
		defer func() { <-p.c.loads }()
	case <-p.ctx.Done():
		return
	}
	started := p.c.cfg.Clock()
	l := newLoading(&p.c.cfg.Limits)
	err := p.c.cfg.Topic.Load(p.ctx, p.id, l.replay)
	if p.ctx.Err() != nil {
		return
	}
	if err != nil {
		p.c.cfg.Log.Error("cannot load consumer groups; going on without them", "partition", p.id, "error", err)
		l = newLoading(&p.c.cfg.Limits)
	}
	l.report(p.c.cfg.Log)
	p.publish(l.result(p.c.cfg.Clock()), started)
}

// publish begins to coordinate the loaded groups.
func (p *partition) publish(groups map[string]*Group, started time.Time) {
	loaded, offsets := make(map[string]*entry, len(groups)), 0
	for id, g := range groups {
		offsets += g.Offsets()
		loaded[id] = &entry{at: p, group: g}
		loaded[id].do((*Group).Loaded)
	}
	if !p.adopt(loaded) || len(groups) == 0 {
		return // most partitions of a lab have none: no news
	}
	p.c.observe(fact.GroupsLoaded, p.id, map[string]any{
		"epoch": p.epoch, "groups": len(groups), "offsets": offsets, "ms": p.c.cfg.Clock().Sub(started).Milliseconds(),
	})
}

// adopt makes loaded groups the partition's, with the transactions that ended meanwhile: a producer that commits as soon as it
// may does so in its next. It is false if the partition was unloaded.
func (p *partition) adopt(loaded map[string]*entry) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		for _, e := range loaded {
			e.stop()
		}
		return false
	}
	for id, e := range loaded {
		p.groups[id] = e
		e.see(func(g *Group) {
			for _, producer := range g.OpenTransactions() {
				p.openLocked(producer, e)
			}
		})
	}
	for _, t := range p.ended {
		for e := range p.open[t.producerID] {
			e.see(func(g *Group) { g.TransactionEnded(t.producerID, t.commit) })
		}
		delete(p.open, t.producerID)
	}
	p.ended = nil
	p.loaded.Store(true)
	return true
}

// unload ends the groups.
func (p *partition) unload() {
	p.cancel()
	p.mu.Lock()
	p.gone = true
	all := p.groups
	p.groups, p.open = map[string]*entry{}, map[int64]map[*entry]*openTx{}
	p.mu.Unlock()
	for _, e := range all {
		e.do((*Group).Unload)
	}
}

// group finds a group, or nil if there is none; NOT_COORDINATOR if the partition was unloaded meanwhile.
func (p *partition) group(id string) (*entry, *kerr.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil, kerr.NotCoordinator
	}
	return p.groups[id], nil
}

// groupOrNew finds or makes a group; NOT_COORDINATOR if the partition was unloaded meanwhile.
func (p *partition) groupOrNew(id string) (*entry, *kerr.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil, kerr.NotCoordinator
	}
	e := p.groups[id]
	if e == nil {
		e = &entry{at: p, group: New(id, &p.c.cfg.Limits, p.c.cfg.Clock())}
		p.groups[id] = e
	}
	return e, nil
}

// forget takes a dead group out.
func (p *partition) forget(e *entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.groups[e.group.ID()] == e {
		delete(p.groups, e.group.ID())
	}
}

func (p *partition) appendEntries(all []*entry) []*entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.isLoaded() {
		return all
	}
	for _, e := range p.groups {
		all = append(all, e)
	}
	return all
}

// opened notes that a group has offsets in a producer's transaction.
func (p *partition) opened(producerID int64, e *entry) *openTx {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.openLocked(producerID, e)
}

func (p *partition) openLocked(producerID int64, e *entry) *openTx {
	groups := p.open[producerID]
	if groups == nil {
		groups = map[*entry]*openTx{}
		p.open[producerID] = groups
	}
	if groups[e] == nil {
		groups[e] = &openTx{}
	}
	groups[e].commits++
	return groups[e]
}

// closed takes that back for a commit that failed, unless the transaction has ended since. Another commit of it may be under
// way, or have succeeded.
func (p *partition) closed(producerID int64, e *entry, tx *openTx) {
	p.mu.Lock()
	defer p.mu.Unlock()
	groups := p.open[producerID]
	if tx.commits--; tx.commits > 0 || groups[e] != tx {
		return
	}
	if delete(groups, e); len(groups) == 0 {
		delete(p.open, producerID)
	}
}

// transactionEnded applies a marker. While the partition loads nobody knows whether the marker was read, so it is applied
// after that: a producer whose marker was has nothing pending then.
func (p *partition) transactionEnded(producerID int64, commit bool) {
	for _, e := range p.takeOpen(endedTx{producerID, commit}) {
		e.do(func(g *Group, now time.Time) Effects {
			g.TransactionEnded(producerID, commit)
			return g.Tick(now)
		})
	}
}

// takeOpen are the groups that an ended transaction concerns, which it does not after that.
func (p *partition) takeOpen(t endedTx) (groups []*entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.isLoaded() {
		p.ended = append(p.ended, t)
		return nil
	}
	for e := range p.open[t.producerID] {
		groups = append(groups, e)
	}
	delete(p.open, t.producerID)
	return groups
}
