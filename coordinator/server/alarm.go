package server

import (
	"time"

	"klab/coordinator/server/tree"
)

// stallLimit is how late a timer may fire before the whole process is taken to have been stopped meanwhile.
const stallLimit = 500 * time.Millisecond

// An alarm is a timer that submits an action. Its owner is the processor.
type alarm struct {
	timer *time.Timer
	due   time.Duration
}

// set arms the alarm for a time since the server's start. Setting it to the same time again is free.
func (a *alarm) set(p *processor, due time.Duration, ring func(late time.Duration) action) {
	if a.timer != nil && a.due == due {
		return
	}
	a.stop()
	a.due = due
	a.timer = time.AfterFunc(due-p.now(), func() {
		p.submit(task{action: ring(p.now() - due)})
	})
}

// stop disarms the alarm. An action that was already submitted still comes.
func (a *alarm) stop() {
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
}

// setAlarms arms the timers for what is due next, or none if nothing is.
func (p *processor) setAlarms() {
	if due, ok := p.sessions.next(); ok {
		p.expiry.set(p, due, func(late time.Duration) action { return expireSessions{stalled: late > stallLimit} })
	} else {
		p.expiry.stop()
	}
	switch {
	case !p.tree.HasReapable():
		p.reaping.stop()
	case p.reaping.timer == nil:
		p.reaping.set(p, p.now()+p.cfg.ContainerCheckInterval, func(time.Duration) action { return reapNodes{} })
	}
}

// expireSessions ends the sessions whose time has run out.
type expireSessions struct{ stalled bool }

func (a expireSessions) run(p *processor, _ *conn) {
	p.expiry.stop()
	now := p.now()
	if a.stalled {
		p.log.Warn("the process was stopped for a while; every session gets its full timeout again")
		p.sessions.renewAll(now)
	}
	for _, s := range p.sessions.expired(now) {
		p.log.Info("session expired", "session", sessionName(s.id), "timeout", s.timeout)
		p.endSession(s, "session.expired")
	}
}

// reapNodes removes the containers and TTL nodes that are due, each in a transaction of its own.
type reapNodes struct{}

func (reapNodes) run(p *processor, _ *conn) {
	p.reaping.stop()
	now := p.clock().UnixMilli()
	for _, path := range p.tree.Reapable(now, p.cfg.ContainerMaxNeverUsed.Milliseconds()) {
		at := p.stamp()
		out := p.tree.Write(at, tree.Caller{}, tree.Reap{Path: path})
		if len(out.Changes) > 0 {
			p.store.Append(tree.Txn{Stamp: at, Changes: out.Changes})
			p.fire(out.Events)
		}
	}
}
