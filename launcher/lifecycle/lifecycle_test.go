package lifecycle

import (
	"encoding/json"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

var (
	states = []State{Stopped, Starting, Running, Paused, Stopping, Exited, Killed, Failed}
	verbs  = []Verb{Start, Stop, Kill, Pause, Resume}
)

type step struct {
	next   State
	effect Effect
}

// allowed is every step that a person can take; what is not in it is refused.
var allowed = map[State]map[Verb]step{
	Stopped:  {Start: {Starting, Spawn}},
	Exited:   {Start: {Starting, Spawn}},
	Killed:   {Start: {Starting, Spawn}},
	Failed:   {Start: {Starting, Spawn}},
	Starting: {Kill: {Starting, KillNow}, Stop: {Stopping, Terminate}},
	Running:  {Kill: {Running, KillNow}, Stop: {Stopping, Terminate}, Pause: {Paused, Suspend}},
	Paused:   {Kill: {Paused, KillNow}, Stop: {Stopping, TerminateAndProceed}, Resume: {Running, Proceed}},
	Stopping: {Kill: {Stopping, KillNow}, Stop: {Stopping, None}},
}

func TestActIsTheTable(t *testing.T) {
	for _, s := range states {
		for _, v := range verbs {
			next, effect, err := Act(s, v)
			want, ok := allowed[s][v]
			if !ok {
				if refused, is := errors.AsType[*RefusedError](err); !is || refused.State != s || next != s || effect != None {
					t.Errorf("%s in %s: got %s, effect %d, %v; want a refusal that changes nothing", v, s, next, effect, err)
				}
				continue
			}
			if err != nil || next != want.next || effect != want.effect {
				t.Errorf("%s in %s: got %s, effect %d, %v; want %s, effect %d", v, s, next, effect, err, want.next, want.effect)
			}
		}
	}
}

func TestEnded(t *testing.T) {
	for _, c := range []struct {
		from State
		end  End
		want State
	}{
		{Running, End{Signal: "SIGKILL"}, Killed},
		{Paused, End{Signal: "SIGKILL"}, Killed},
		{Stopping, End{Signal: "SIGKILL"}, Killed},
		{Starting, End{Signal: "SIGKILL"}, Killed},
		{Stopping, End{}, Stopped},
		{Stopping, End{Signal: "SIGTERM"}, Stopped},
		{Stopping, End{Code: 1}, Failed},
		{Stopping, End{Signal: "SIGSEGV"}, Failed},
		{Running, End{}, Exited},
		{Running, End{Code: 2}, Failed},
		{Running, End{Signal: "SIGTERM"}, Failed},
		{Starting, End{}, Failed},
		{Starting, End{Never: true}, Failed},
	} {
		if got := Ended(c.from, c.end); got != c.want {
			t.Errorf("from %s, %+v: got %s, want %s", c.from, c.end, got, c.want)
		}
	}
}

func TestReadyOnlyEndsStarting(t *testing.T) {
	for _, s := range states {
		want := s
		if s == Starting {
			want = Running
		}
		if got := Ready(s); got != want {
			t.Errorf("ready in %s: got %s, want %s", s, got, want)
		}
	}
}

// Whatever is asked and whatever happens, the state says truly whether there is a process.
func TestStateAgreesWithTheProcess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state, process := Stopped, false
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				state = Ready(state)
			case 1:
				if process {
					state, process = Ended(state, rapid.SampledFrom([]End{{}, {Code: 1}, {Signal: "SIGKILL"}, {Signal: "SIGTERM"}}).Draw(t, "end")), false
				}
			default:
				next, effect, err := Act(state, rapid.SampledFrom(verbs).Draw(t, "verb"))
				if err == nil && effect != None && (effect == Spawn) == process {
					t.Fatalf("effect %d while a process exists: %v", effect, process)
				}
				state, process = next, process || effect == Spawn
			}
			if state.Alive() != process {
				t.Fatalf("state %s while a process exists: %v", state, process)
			}
		}
	})
}

func TestStateText(t *testing.T) {
	for _, s := range states {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back State
		if err := json.Unmarshal(text, &back); err != nil || back != s {
			t.Errorf("%s came back as %s, %v", text, back, err)
		}
	}
	if err := new(State).UnmarshalText([]byte("resting")); err == nil {
		t.Error("an unknown state was read")
	}
}
