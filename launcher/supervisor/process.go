package supervisor

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"klab/launcher/event"
	"klab/launcher/lifecycle"
	"klab/launcher/link"
)

// process is one place in the cluster, "broker 3", through all the operating-system processes that fill it in turn.
//
// mu is held over each step of the life cycle: state, signal and event change together, so that the journal tells a
// process's actions and ends in the order in which they happened.
type process struct {
	target  Target
	command func() *exec.Cmd
	order   func() link.Start // what a new process is told first
	spawner spawner
	journal *journal
	log     *logFile
	told    func(Target, event.Event) // a fact, before it is journaled

	mu    sync.Mutex
	state lifecycle.State
	since time.Time
	run   *run // the latest; nil before the first start
}

// run is one operating-system process. The channels and the fields above them are set before it is shared; the rest is guarded by
// process.mu.
type run struct {
	cmd   *exec.Cmd
	pipes pipes
	pid   int
	began time.Time
	ready chan struct{} // closed when it serves
	gone  chan struct{} // closed when it has ended and its end is in the journal

	readyAfter time.Duration // 0: not ready yet
	cause      int64         // Seq of the action that what follows is a consequence of
	killed     bool          // SIGKILL was sent by us
	failure    *link.Failure // what it said is wrong
}

// start begins a new operating-system process and returns without waiting for it.
func (p *process) start(by string) (*run, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next, _, err := lifecycle.Act(p.state, lifecycle.Start)
	if err != nil {
		return nil, p.refused(lifecycle.Start, err)
	}
	p.enter(next)
	began := p.since
	cause := p.tell(event.ProcessStarting, began, by, 0, nil)
	p.log.forget()
	cmd := p.command()
	pipes, err := p.spawner.spawn(cmd)
	if err == nil {
		err = link.Write(pipes.orders, link.Order{Start: new(p.order())})
	}
	if err != nil {
		p.enter(lifecycle.Ended(p.state, lifecycle.End{Never: true}))
		p.tell(event.ProcessFailed, p.since, "", cause, map[string]any{"error": err.Error()})
		return nil, err
	}
	r := &run{cmd: cmd, pipes: pipes, pid: cmd.Process.Pid, began: began, cause: cause, ready: make(chan struct{}), gone: make(chan struct{})}
	p.run = r
	p.tell(event.ProcessStarted, time.Now(), "", cause, map[string]any{"pid": r.pid})
	go p.follow(r)
	return r, nil
}

// signal does what verb asks of the present process. It returns that process, whose end the caller may wait for.
func (p *process) signal(verb lifecycle.Verb, by string) (*run, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next, effect, err := lifecycle.Act(p.state, verb)
	if err != nil {
		return nil, p.refused(verb, err)
	}
	if effect == lifecycle.None {
		return p.run, nil
	}
	action := p.event(actionKinds[verb], by, 0, map[string]any{"pid": p.run.pid})
	seq, err := p.journal.appendAction(func() error { return p.run.perform(effect) }, action)
	if err != nil {
		return nil, fmt.Errorf("cannot %s %s: %w", verb, p.target, err)
	}
	p.enter(next)
	p.run.cause = seq
	return p.run, nil
}

// actionKinds are the events that state what was done.
var actionKinds = map[lifecycle.Verb]string{
	lifecycle.Kill: event.ProcessKilled, lifecycle.Stop: event.ProcessStopping,
	lifecycle.Pause: event.ProcessPaused, lifecycle.Resume: event.ProcessResumed,
}

func (r *run) perform(effect lifecycle.Effect) error {
	all, err := signals(effect)
	if err != nil {
		return err
	}
	if len(all) == 0 { // no signals here: the order says it
		return link.Write(r.pipes.orders, link.Order{Stop: true})
	}
	r.killed = r.killed || effect == lifecycle.KillNow
	for _, s := range all {
		err = cmp.Or(err, r.cmd.Process.Signal(s))
	}
	return err
}

// send gives an order to the present process, if there is one that listens.
func (p *process) send(order link.Order) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state.Alive() {
		_ = link.Write(p.run.pipes.orders, order) // one that has ended shows by its end
	}
}

// follow takes everything that r says, until its end.
func (p *process) follow(r *run) {
	var said sync.WaitGroup
	said.Go(func() { p.readReports(r) })
	said.Go(func() { p.log.copyFrom(r.pipes.log) })
	err := r.cmd.Wait()
	at := time.Now()
	said.Wait()
	closeAll([]interface{ Close() error }{r.pipes.orders, r.pipes.reports, r.pipes.log})
	end := lifecycle.End{Code: -1}
	if r.cmd.ProcessState != nil {
		end = endOf(r.cmd.ProcessState)
	} else {
		p.log.line(fmt.Sprintf("cannot learn how pid %d ended: %v", r.pid, err))
	}
	p.ended(r, end, at)
	close(r.gone)
}

// ended records the end of r.
func (p *process) ended(r *run, end lifecycle.End, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.killed && end.Signal == "" && end.Code != 0 {
		end.Signal = "SIGKILL" // Windows does not tell
	}
	was := p.state
	p.state, p.since = lifecycle.Ended(was, end), at
	fields := map[string]any{"pid": r.pid}
	if end.Signal != "" {
		fields["signal"] = end.Signal
	} else {
		fields["code"] = end.Code
	}
	switch p.state {
	case lifecycle.Killed:
		if !r.killed {
			r.cause = p.tell(event.ProcessKilled, at, "", 0, map[string]any{"pid": r.pid})
		}
		p.tell(event.ProcessExited, at, "", r.cause, fields)
	case lifecycle.Stopped:
		p.tell(event.ProcessStopped, at, "", r.cause, fields)
	case lifecycle.Exited:
		p.tell(event.ProcessExited, at, "", 0, fields)
	default:
		fields["error"], fields["log"] = p.why(r, end), p.log.lastLines()
		p.tell(event.ProcessFailed, at, "", causeOfFailure(was, r), fields)
	}
}

// causeOfFailure: what fails while it starts or stops, fails because of that; what fails while it runs, fails by itself.
func causeOfFailure(was lifecycle.State, r *run) int64 {
	if was == lifecycle.Starting || was == lifecycle.Stopping {
		return r.cause
	}
	return 0
}

// why says in one sentence why r ended; p.mu is held.
func (p *process) why(r *run, end lifecycle.End) string {
	switch {
	case r.failure != nil:
		return r.failure.Message
	case end.Signal != "":
		return "ended by " + end.Signal
	}
	reason := fmt.Sprintf("ended with exit code %d", end.Code)
	if last := p.log.lastLines(); len(last) > 0 {
		reason += "; its last words: " + strings.TrimSpace(last[len(last)-1])
	}
	return reason
}

// becameReady records that r serves.
func (p *process) becameReady(r *run, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.readyAfter != 0 {
		return
	}
	r.readyAfter = max(at.Sub(r.began), 1)
	if next := lifecycle.Ready(p.state); next != p.state {
		p.state, p.since = next, at
	}
	p.tell(event.ProcessReady, at, "", r.cause, map[string]any{"pid": r.pid, "ms": milliseconds(r.readyAfter)})
	close(r.ready)
}

func (p *process) enter(next lifecycle.State) {
	if next != p.state {
		p.state, p.since = next, time.Now()
	}
}

// tell journals an event about this process and returns its Seq.
func (p *process) tell(kind string, at time.Time, by string, cause int64, fields map[string]any) int64 {
	e := p.event(kind, by, cause, fields)
	e.Time = at
	return p.journal.append(e)
}

func (p *process) event(kind, by string, cause int64, fields map[string]any) event.Event {
	if fields == nil {
		fields = map[string]any{}
	}
	fields["target"] = p.target.String()
	return event.Event{
		Source: "supervisor", Kind: kind, Broker: p.target.broker(), Partition: -1, By: by, Cause: cause, Fields: fields,
	}
}

func (p *process) refused(verb lifecycle.Verb, err error) error {
	if refused, ok := errors.AsType[*lifecycle.RefusedError](err); ok {
		return fail(codeRefused, "cannot %s %s: %v", verb, p.target, refused)
	}
	return err
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
