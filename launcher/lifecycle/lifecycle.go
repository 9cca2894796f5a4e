// Package lifecycle is the life of one supervised process as a value: in which state it is, what a person may ask of it
// there, and what its end means. It does nothing itself: [Act] returns the next state and the one thing that the supervisor has to do
// for it; [Ready] and [Ended] return the state that an observation leads to.
//
//	           start                  ready
//	stopped ----------> starting ---------------> running <---------+
//	exited                 |    \                 |  |  |           | resume
//	killed                 |     \ stop      stop |  |  | pause     |
//	failed                 |      +--> stopping <-+  |  +------> paused
//	  ^                    |               |         |              |
//	  +--------------------+---------------+---------+--------------+   the process has ended
//
// kill and stop are possible wherever there is a process. Nothing is ever started but by an asked start.
package lifecycle

import (
	"fmt"
	"slices"
)

// State is where a process is in its life.
type State uint8

const (
	Stopped  State = iota // no process: never started, or ended as asked by a stop
	Starting              // the process exists and is not ready yet
	Running               // ready
	Paused                // suspended by SIGSTOP
	Stopping              // asked to end, has not yet
	Exited                // no process: it ended by itself, with code 0
	Killed                // no process: it was ended by SIGKILL
	Failed                // no process: it ended with an error, before it was ready, or could not be started
)

var stateNames = []string{"stopped", "starting", "running", "paused", "stopping", "exited", "killed", "failed"}

func (s State) String() string { return stateNames[s] }

// MarshalText writes the state's name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the state's name.
func (s *State) UnmarshalText(text []byte) error {
	i := slices.Index(stateNames, string(text))
	if i < 0 {
		return fmt.Errorf("cannot read process state %q: unknown", text)
	}
	*s = State(i)
	return nil
}

// Alive reports whether there is a process in state s.
func (s State) Alive() bool { return s >= Starting && s <= Stopping }

// Verb is what a person can ask for.
type Verb string

const (
	Start   Verb = "start"
	Stop    Verb = "stop"    // SIGTERM: a broker hands its leaderships over first (controlled shutdown)
	Kill    Verb = "kill"    // SIGKILL
	Pause   Verb = "pause"   // SIGSTOP
	Resume  Verb = "resume"  // SIGCONT
	Restart Verb = "restart" // stop where there is a process, then start
)

// Effect is what the supervisor does to the process so that the new state is true.
type Effect uint8

const (
	None Effect = iota
	Spawn
	Terminate           // SIGTERM
	TerminateAndProceed // SIGTERM, then SIGCONT: a suspended process sees no signal but SIGKILL
	KillNow             // SIGKILL
	Suspend             // SIGSTOP
	Proceed             // SIGCONT
)

// RefusedError says that a verb makes no sense in the present state.
type RefusedError struct {
	Verb  Verb
	State State
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("it is %s%s", e.State, refusalHint(e.Verb, e.State))
}

func refusalHint(v Verb, s State) string {
	switch {
	case !s.Alive() && v != Start:
		return "; start it first"
	case s == Paused && v == Start:
		return "; resume it"
	case s == Starting && v == Pause:
		return "; wait until it runs"
	}
	return ""
}

// Act answers a person's verb: the next state and what to do. Restart is not one step; its parts are Stop and Start.
func Act(s State, v Verb) (State, Effect, error) {
	switch {
	case v == Start && !s.Alive():
		return Starting, Spawn, nil
	case v == Kill && s.Alive():
		return s, KillNow, nil // the state follows when the end is observed
	case v == Stop && s == Stopping:
		return Stopping, None, nil
	case v == Stop && s == Paused:
		return Stopping, TerminateAndProceed, nil
	case v == Stop && s.Alive():
		return Stopping, Terminate, nil
	case v == Pause && s == Running:
		return Paused, Suspend, nil
	case v == Resume && s == Paused:
		return Running, Proceed, nil
	}
	return s, None, &RefusedError{Verb: v, State: s}
}

// End is how a process ended.
type End struct {
	Code   int    // exit code, when no signal ended it
	Signal string // "SIGKILL", "SIGSEGV", …; empty: it exited by itself
	Never  bool   // it could not be started at all
}

// Ready is the observation that a process serves.
func Ready(s State) State {
	if s == Starting {
		return Running
	}
	return s
}

// Ended is the state that a process's end leads to from s.
func Ended(s State, end End) State {
	clean := end.Signal == "" && end.Code == 0
	switch {
	case end.Never:
		return Failed
	case end.Signal == "SIGKILL":
		return Killed
	case s == Stopping && (clean || end.Signal == "SIGTERM"): // SIGTERM can end a process before it listens for it
		return Stopped
	case s == Starting || !clean:
		return Failed
	}
	return Exited
}
