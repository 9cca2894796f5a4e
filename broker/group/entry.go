package group

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/internaltopic"
	"klab/broker/storage/batch"
)

// entry is a group with what surrounds it.
type entry struct {
	at *partition

	mu        sync.Mutex // held to decide, never to append or to reply
	group     *Group
	outbox    []*Append // decided, in this order, and not yet appended
	appending bool      // somebody is emptying outbox
	timer     *time.Timer
	armed     time.Time // when timer fires; zero if it does not
}

// do lets the group decide, and carries out the effects. Neither the coordinator nor the partition may be locked.
func (e *entry) do(decide func(g *Group, now time.Time) Effects) {
	now := e.at.c.cfg.Clock()
	e.mu.Lock()
	out := decide(e.group, now)
	e.outbox = append(e.outbox, out.Appends...)
	e.arm(now)
	e.mu.Unlock()
	e.deliver(&out)
	e.drain()
}

// see lets somebody look at the group.
func (e *entry) see(look func(g *Group)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	look(e.group)
}

// arm sets the timer for the next deadline. One that fires too early looks again. mu is held.
func (e *entry) arm(now time.Time) {
	at, ok := e.group.Deadline()
	switch {
	case !ok:
		e.armed = time.Time{}
		if e.timer != nil {
			e.timer.Stop()
		}
	case !e.armed.IsZero() && !at.Before(e.armed):
	case e.timer == nil:
		e.armed = at
		e.timer = time.AfterFunc(at.Sub(now), e.tick)
	default:
		e.armed = at
		e.timer.Reset(at.Sub(now))
	}
}

// stop ends the timer of a group that nobody has heard of.
func (e *entry) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.timer != nil {
		e.timer.Stop()
	}
}

func (e *entry) tick() {
	e.at.c.start(func() {
		e.do(func(g *Group, now time.Time) Effects {
			e.armed = time.Time{}
			return g.Tick(now)
		})
	})
}

// deliver replies, and tells what happened.
func (e *entry) deliver(out *Effects) {
	for i := range out.Joins {
		out.Joins[i].Token.(*waiting[JoinReply]).done(out.Joins[i].Reply)
	}
	for i := range out.Syncs {
		out.Syncs[i].Token.(*waiting[SyncReply]).done(out.Syncs[i].Reply)
	}
	for i := range out.Commits {
		out.Commits[i].Token.(*waiting[[]*kerr.Error]).done(out.Commits[i].Errors)
	}
	for i := range out.Events {
		e.at.c.report(e.group.ID(), &out.Events[i])
	}
}

// waiting is a request that waits for its reply: the token of the shell.
type waiting[R any] struct{ done func(R) }

// drain appends what was decided, in order. An append may tell its outcome at once, and so lead to more of them. A dead group
// makes room for another of its name when its last record is in the log, so that its tombstones are not behind the other's.
func (e *entry) drain() {
	for {
		e.mu.Lock()
		if e.appending {
			e.mu.Unlock()
			return // whoever appends goes on
		}
		if len(e.outbox) == 0 {
			dead := e.group.State() == Dead
			e.mu.Unlock()
			if dead {
				e.at.forget(e)
			}
			return
		}
		next := e.outbox[0]
		e.outbox = e.outbox[1:]
		e.appending = true
		e.mu.Unlock()
		e.append(next)
		e.mu.Lock()
		e.appending = false
		e.mu.Unlock()
	}
}

func (e *entry) append(a *Append) {
	done := func(offset int64, err *kerr.Error) {
		if err != nil {
			e.at.c.cfg.Log.Info("could not append to __consumer_offsets", "group", e.group.ID(), "partition", e.at.id, "error", err.Message)
		}
		e.do(func(g *Group, now time.Time) Effects { return g.Appended(now, a, offset, err) })
	}
	o := batch.NewOptions()
	o.Codec = e.at.c.cfg.Codec
	if a.ProducerID != batch.None {
		o.Transactional, o.ProducerID, o.ProducerEpoch, o.BaseSequence = true, a.ProducerID, a.ProducerEpoch, 0
	}
	b, err := batch.Build(o, a.Records...)
	if err != nil {
		e.at.c.cfg.Log.Error("cannot build a batch for __consumer_offsets", "group", e.group.ID(), "error", err)
		done(-1, kerr.UnknownServerError)
		return
	}
	e.at.c.cfg.Topic.Append(internaltopic.Write{Partition: e.at.id, LeadsSince: e.at.epoch, Batch: b, Guard: a.Guard, Local: a.Local}, done)
}
