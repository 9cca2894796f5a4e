package demos

import (
	"strings"
	"testing"
	"time"
)

// board is a Frame made by hand: what is not on it is unknown.
type board map[string]Value

func (b board) Value(name string, args []string) Value {
	return b[name+"("+strings.Join(args, ", ")+")"]
}

// play drives a script of one lesson text with hand-made samples.
type play struct {
	t      *testing.T
	script *Script
	now    time.Time
	board  board
}

func newPlay(t *testing.T, mode Mode, steps string) *play {
	t.Helper()
	file, err := Parse("test.toml", []byte("schema = 1\nid = \"test\"\nminutes = 3\n"+steps))
	if err != nil {
		t.Fatal(err)
	}
	script, err := NewScript(file, mode, "en")
	if err != nil {
		t.Fatal(err)
	}
	return &play{t: t, script: script, now: time.Unix(1_700_000_000, 0), board: board{}}
}

func (p *play) set(name string, n float64) {
	p.board[name] = Value{Known: true, Number: n, At: p.now}
}

// after lets time pass and takes a sample.
func (p *play) after(d time.Duration) []Action {
	p.now = p.now.Add(d)
	return p.script.Observe(p.now, p.board)
}

func (p *play) want(outcome Outcome, failure string) {
	p.t.Helper()
	if p.script.Outcome() != outcome || !strings.Contains(p.script.Failure(), failure) {
		p.t.Fatalf("outcome %s (%s), want %s (… %s …)", p.script.Outcome(), p.script.Failure(), outcome, failure)
	}
}

const killStep = `
[[step]]
id = "kill"
say = { en = "kill", zh = "杀" }
save = { old = "leader(orders/0)" }
do = [ { act = "broker.kill", broker = "$old" } ]
until = ["leader(orders/0) != $old"]
hold = "1s"
within = "5s"
never = ["lost(w, r) > 0"]
measure = { gap = { of = "gap_ms(w)", max = 3000 } }
expect = ["epoch(orders/0) == 2"]
`

func TestAStepActsThenWaitsThenHolds(t *testing.T) {
	p := newPlay(t, Headless, killStep)
	if actions := p.after(0); actions != nil {
		t.Fatalf("it acts on an unknown leader: %v", actions)
	}
	p.set("leader(orders/0)", 3)
	actions := p.after(time.Second)
	if len(actions) != 1 || actions[0].Args["broker"] != "3" {
		t.Fatalf("actions %v, want broker.kill of 3", actions)
	}
	p.set("leader(orders/0)", 1)
	p.after(time.Second)
	p.want(Underway, "")
	p.script.Done(p.now, actions[0], nil)
	p.set("gap_ms(w)", 2100)
	p.set("epoch(orders/0)", 2)
	p.after(10 * time.Millisecond)
	p.want(Underway, "") // it holds, not yet for a second
	p.after(time.Second)
	p.want(Passed, "")
	if got := p.script.Results()[0].Measured["gap"]; got != 2100 {
		t.Errorf("measured %v", got)
	}
}

func (p *play) killed() {
	p.t.Helper()
	p.set("leader(orders/0)", 3)
	p.script.Done(p.now, p.after(0)[0], nil)
}

func TestATimeoutNamesThePredicateWhatWasSeenAndSinceWhen(t *testing.T) {
	p := newPlay(t, Headless, killStep)
	p.killed()
	p.board["leader(orders/0)"] = Value{Known: true, Number: 3, At: p.now, Note: "orders/0 has had no leader since 12:03:11"}
	p.after(4 * time.Second)
	p.want(Underway, "")
	p.after(1100 * time.Millisecond)
	p.want(TimedOut, "leader(orders/0) != 3 did not hold within 5s: observed 3, 5.1 s ago (orders/0 has had no leader since 12:03:11)")
}

func TestUnknownIsNotFalse(t *testing.T) {
	p := newPlay(t, Headless, killStep)
	p.killed()
	delete(p.board, "leader(orders/0)")
	p.after(6 * time.Second)
	p.want(TimedOut, "leader(orders/0) != 3 was not observed")

	p = newPlay(t, Headless, killStep)
	p.killed()
	p.set("leader(orders/0)", 1)
	p.set("gap_ms(w)", 1)
	p.after(0)
	p.after(time.Second)
	p.want(Broken, "expected epoch(orders/0) == 2: not observed")
}

func TestNeverAndMaximumAndExpectBreakTheLesson(t *testing.T) {
	p := newPlay(t, Headless, killStep)
	p.killed()
	p.set("lost(w, r)", 1)
	p.after(0)
	p.want(Broken, "lost(w, r) > 0: observed 1, which must never be")

	for _, c := range []struct {
		gap, epoch float64
		want       string
	}{{4000, 2, "gap: measured 4000, at most 3000"}, {5, 9, "expected epoch(orders/0) == 2: observed 9"}} {
		p = newPlay(t, Headless, killStep)
		p.killed()
		p.set("leader(orders/0)", 1)
		p.set("gap_ms(w)", c.gap)
		p.set("epoch(orders/0)", c.epoch)
		p.after(0)
		p.after(time.Second)
		p.want(Broken, c.want)
	}
}

func TestHoldBeginsAgainWhenTheStateIsLost(t *testing.T) {
	p := newPlay(t, Headless, killStep)
	p.killed()
	p.set("gap_ms(w)", 1)
	p.set("epoch(orders/0)", 2)
	for range 3 {
		p.set("leader(orders/0)", 1)
		p.after(900 * time.Millisecond)
		p.set("leader(orders/0)", 3)
		p.after(100 * time.Millisecond)
	}
	p.want(Underway, "")
}

func TestAFailedActionIsTheEnvironments(t *testing.T) {
	p := newPlay(t, Headless, killStep)
	p.set("leader(orders/0)", 3)
	actions := p.after(0)
	p.script.Done(p.now, actions[0], refusal("no supervisor"))
	p.want(Environment, "cannot do broker.kill: no supervisor")
}

type refusal string

func (r refusal) Error() string { return string(r) }

const twoSteps = `
[[step]]
id = "one"
say = { en = "one", zh = "一" }
ask = [ { en = "a", zh = "甲" }, { en = "b", zh = "乙", right = true } ]
[[step]]
id = "two"
say = { en = "two", zh = "二" }
task = { keys = ["s"], solution = [ { act = "broker.start", broker = "1" } ] }
hint = [ { when = "alive(1) == 0", en = "down", zh = "没起来" } ]
until = ["alive(1) == 1"]
within = "5s"
`

func TestThePersonSetsThePace(t *testing.T) {
	p := newPlay(t, StepByStep, twoSteps)
	p.after(0)
	p.after(time.Minute)
	if v := p.script.view(p.now); v.Step != 1 || v.Right != -1 || !v.StepOver {
		t.Fatalf("view %+v, want step 1, over, the right answer hidden", v)
	}
	p.script.Answer(0)
	if v := p.script.view(p.now); v.Answered != 0 || v.Right != 1 {
		t.Fatalf("view %+v, want the answer beside the right one", v)
	}
	p.script.Next()
	p.set("alive(1)", 0)
	p.after(0)
	p.after(time.Minute)
	if v := p.script.view(p.now); v.Hint != "down" || len(v.TaskKeys) != 1 {
		t.Fatalf("view %+v, want the task and its hint; a person has all the time", v)
	}
	if actions := p.script.Press(p.now, "x"); actions != nil {
		t.Fatalf("another key does %v", actions)
	}
	actions := p.script.Press(p.now, "s")
	if len(actions) != 1 || p.script.Press(p.now, "s") != nil {
		t.Fatalf("the key does %v, want one start, once", actions)
	}
	p.script.Done(p.now, actions[0], nil)
	p.set("alive(1)", 1)
	p.after(0)
	p.script.Next()
	p.want(Passed, "")
}

func TestHeadlessDoesTheSolutionAndAutoWaitsForTheReader(t *testing.T) {
	p := newPlay(t, Headless, twoSteps)
	var actions []Action
	for range 4 { // act, observe and end the first step, then act in the second
		actions = append(actions, p.after(0)...)
	}
	if len(actions) != 1 || actions[0].Act != "broker.start" {
		t.Fatalf("actions %v, want the task's solution", actions)
	}
	p = newPlay(t, Auto, twoSteps)
	p.after(0)
	p.after(0)
	p.after(1900 * time.Millisecond)
	if v := p.script.view(p.now); v.Step != 1 {
		t.Fatal("auto went on before the reading time")
	}
	p.after(200 * time.Millisecond)
	if v := p.script.view(p.now); v.Step != 2 {
		t.Fatal("auto did not go on after the reading time")
	}
}
