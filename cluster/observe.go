package cluster

import (
	"context"
	"slices"
	"sync"
	"time"
)

// observe starts what reads the cluster until Close.
func (c *Cluster) observe() {
	if c.host != nil {
		c.done.Go(func() { c.follow(c.ctx) })
	}
	c.done.Go(func() { c.loop(c.ctx) })
}

// loop reads what is due, publishes, and waits for the next time, or for a reason to look at once.
func (c *Cluster) loop(ctx context.Context) {
	var p pace
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		w, next := p.due(time.Now(), c.busy(), c.watching(), c.load())
		began := time.Now()
		c.look(ctx, w, false)
		c.publish()
		timer.Reset(max(0, next-time.Since(began)))
		c.pause(ctx, timer, &p)
	}
}

// pause waits for the timer or a call of wake; answers that arrive meanwhile are published together.
func (c *Cluster) pause(ctx context.Context, timer *time.Timer, p *pace) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-c.hurry:
			if ago := time.Since(p.metadata); ago >= hurryGap {
				p.again()
				return
			}
			timer.Reset(hurryGap)
			p.again()
		case <-c.answered:
			c.settle(ctx)
			c.publish()
		}
	}
}

const (
	hurryGap  = 20 * time.Millisecond // between two looks, however much happens
	settleFor = 20 * time.Millisecond // between a broker's first answer and its being shown
)

// settle waits a moment for the other brokers' answers.
func (c *Cluster) settle(ctx context.Context) {
	wait := time.NewTimer(settleFor)
	defer wait.Stop()
	for c.anyBusy() {
		select {
		case <-c.answered:
		case <-wait.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// look reads what w says. With wait it returns when every broker has answered or missed its deadline, otherwise when the
// metadata is there.
func (c *Cluster) look(ctx context.Context, w work, wait bool) {
	if w.host && c.host != nil {
		asked, cancel := context.WithTimeout(ctx, localAnswer)
		status, err := c.host.status(asked)
		cancel()
		c.update(func(m *model) { m.applyHost(status, err) })
	}
	if w.metadata {
		m, from, err := hedged(ctx, c.askFirst(), c.askMetadata)
		if ctx.Err() != nil {
			return
		}
		c.learn(m, from, err)
	}
	if w.moves {
		c.askBeside(ctx, wait)
	}
	if w.groups {
		c.groupRounds(ctx)
	}
	for _, r := range c.rounds(w) {
		l, err := c.link(r.address)
		if err != nil || !l.busy.CompareAndSwap(false, true) {
			continue // still waiting for its last answer
		}
		c.done.Go(func() {
			c.ask(ctx, l, r)
			l.busy.Store(false)
			c.arrived()
		})
	}
	for wait && c.anyBusy() && ctx.Err() == nil {
		select {
		case <-c.answered:
		case <-ctx.Done():
		}
	}
}

// askBeside reads what few brokers know: the reassignments under way, and the leader of a KRaft quorum.
func (c *Cluster) askBeside(ctx context.Context, wait bool) {
	var kraft bool
	c.update(func(m *model) { kraft = m.meta.kraft })
	var asking sync.WaitGroup
	ask := func(read func(context.Context)) {
		if wait {
			asking.Go(func() { read(ctx) })
			return
		}
		c.beside(func() { read(ctx) })
	}
	ask(c.askMoves)
	if kraft {
		ask(c.askQuorum)
	}
	asking.Wait()
}

// beside runs a reading that nothing waits for, and publishes what it brought.
func (c *Cluster) beside(read func()) {
	c.done.Go(func() {
		read()
		c.arrived()
	})
}

// groupRounds asks every registered broker for its groups, but for one that still owes its last answer.
func (c *Cluster) groupRounds(ctx context.Context) {
	c.mu.Lock()
	brokers := slices.Clone(c.model.meta.brokers)
	c.mu.Unlock()
	for _, b := range brokers {
		l, err := c.link(address(b.host, b.port))
		if err != nil || !l.busyGroups.CompareAndSwap(false, true) {
			continue
		}
		c.beside(func() {
			c.askGroups(ctx, l, b.id)
			l.busyGroups.Store(false)
		})
	}
}

// learn takes a reading of the metadata, or that there was none, and appends the facts that it shows.
func (c *Cluster) learn(m metadata, from string, err error) {
	var facts []Fact
	moving := false
	c.update(func(model *model) {
		if err != nil {
			facts = model.fail(time.Now(), err)
			return
		}
		c.answeredBy = from
		before := model.changed
		facts = model.applyMetadata(m)
		moving = model.changed && !before
	})
	for _, f := range facts {
		c.timeline.Append(f)
	}
	if moving {
		c.wake() // what is under way is read before its new replicas look like missing ones
	}
}

// askFirst lists addresses to ask for metadata: the controller, who knows first, then who answered last, then the others.
func (c *Cluster) askFirst() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var addresses []string
	add := func(a string) {
		if a != "" && !slices.Contains(addresses, a) {
			addresses = append(addresses, a)
		}
	}
	alive := map[string]bool{}
	for _, b := range c.model.meta.brokers {
		a := address(b.host, b.port)
		alive[a] = c.model.broker(b.id).state != BrokerPaused && c.model.broker(b.id).state != BrokerKilled
		if b.id == c.model.meta.controller && alive[a] {
			add(a)
		}
	}
	if alive[c.answeredBy] {
		add(c.answeredBy)
	}
	for _, a := range sortedKeys(alive) {
		if alive[a] {
			add(a)
		}
	}
	for _, a := range slices.Concat(c.seeds(), c.bootstrap) {
		add(a)
	}
	for a := range alive {
		add(a)
	}
	return addresses
}

// rounds says what to ask each registered broker.
func (c *Cluster) rounds(w work) []round {
	if !w.offsets() && !w.sizes && !w.starts && !w.configs {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	byBroker := map[int32]*round{}
	for _, b := range c.model.meta.brokers {
		byBroker[b.id] = &round{broker: b.id, address: address(b.host, b.port), work: w}
	}
	for _, name := range sortedKeys(c.model.topics) {
		t := c.model.topics[name]
		fresh := t.configAt.IsZero()
		if !w.all && !w.starts && !w.configs && !fresh && c.watches[name] == 0 {
			continue
		}
		for _, p := range t.meta.partitions {
			key := partitionKey{name, p.id}
			for _, id := range p.replicas {
				if r := byBroker[id]; r != nil {
					r.replicas = append(r.replicas, key)
				}
			}
			if r := byBroker[p.leader]; r != nil {
				r.leads = append(r.leads, key)
				r.work.configs, r.work.starts = r.work.configs || fresh, r.work.starts || fresh
			}
		}
	}
	rounds := make([]round, 0, len(byBroker))
	for _, id := range sortedKeys(byBroker) {
		rounds = append(rounds, *byBroker[id])
	}
	return rounds
}

// update changes the model.
func (c *Cluster) update(change func(*model)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c.model)
}

// publish makes the model's state the newest snapshot.
func (c *Cluster) publish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.snapshot.Store(c.model.build(time.Now()))
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Cluster) arrived() {
	select {
	case c.answered <- struct{}{}:
	default:
	}
}

func (c *Cluster) anyBusy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.links {
		if l.busy.Load() {
			return true
		}
	}
	return false
}

// busy says whether something has just happened.
func (c *Cluster) busy() bool { return c.timeline.Quiet(time.Now()) < busyAfter }

func (c *Cluster) watching() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.watches) > 0
}

func (c *Cluster) load() load {
	l := load{partitions: c.Snapshot().Health.Partitions}
	c.update(func(m *model) {
		l.now, m.changed = m.changed, false
		l.groups, l.lookingAtGroups, l.moving = len(m.groups.byName), m.groups.looking(time.Now()), len(m.moves.list) > 0
	})
	return l
}

// Look reads everything once and returns what it found: for a caller that does not observe. The error wraps ErrNothing
// when no broker answers.
func (c *Cluster) Look(ctx context.Context) (*Snapshot, error) {
	everything := work{host: true, metadata: true, sizes: true, starts: true, configs: true, moves: true, all: true}
	c.look(ctx, everything, true)
	c.publish()
	s := c.Snapshot()
	if s.At.IsZero() {
		return s, c.nobody(s.Err)
	}
	return s, nil
}

// Glance is Look without offsets and sizes: the metadata alone, in one round trip. Where it leaves a question open, whether a
// replica is missing or on its way, or who leads a KRaft quorum, that is asked too.
func (c *Cluster) Glance(ctx context.Context) (*Snapshot, error) {
	c.look(ctx, work{host: true, metadata: true}, true)
	c.publish()
	if s := c.Snapshot(); !s.At.IsZero() && (s.KRaft || s.Health.UnderReplicated > 0) {
		c.look(ctx, work{moves: true}, true)
		c.publish()
	}
	s := c.Snapshot()
	if s.At.IsZero() {
		return s, c.nobody(s.Err)
	}
	return s, nil
}
