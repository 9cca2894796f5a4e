package demos

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Mode is who decides when the next step begins.
type Mode int

// Modes.
const (
	StepByStep Mode = iota // the person: Next
	Auto                   // the reading time
	Headless               // at once; tasks do their solution, questions stay open
)

// Outcome is how a step, and so the lesson, stands.
type Outcome int

// Outcomes.
const (
	Underway    Outcome = iota
	Passed              // every step ended as it should
	TimedOut            // what was waited for was not observed in time
	Broken              // something was observed that must not be, or an expectation failed
	Environment         // an action could not be done
	Left                // the person left
)

func (o Outcome) String() string {
	return [...]string{"underway", "passed", "timed out", "broken", "environment", "left"}[o]
}

// Script is the course of one lesson: a pure core. Its shell calls Observe with every sample, Done when an action has
// ended, and the intents as the person has them; each returns the actions to do now, in this order, one after the other.
type Script struct {
	file  *File
	steps []program
	Mode  Mode
	Lang  string

	vars      Variables
	at        int // index of the step under way
	stage     stage
	began     time.Time // of the step
	waiting   time.Time // since when the step waits for until
	held      time.Time // since when until holds; zero: it does not
	over      time.Time // when the step ended
	pending   int       // actions not done yet
	answered  int       // -1: not answered
	hint      int       // index of the hint that applies; -1: none
	taskDone  bool
	outcome   Outcome
	failure   string
	results   []StepResult
	last      []Checked // the until predicates as last seen
	free      bool
	saw       Variables // pins of the newest sample
	previous  Variables // pins when the step began
	sampledAt time.Time
}

// stage is where a step is.
type stage int

const (
	binding stage = iota // waiting for what save needs
	acting               // actions under way, or the learner's task
	observing
	over
)

// program is a step with its predicates parsed.
type program struct {
	Step
	save    map[string]Expr
	until   []Predicate
	never   []Predicate
	expect  []Predicate
	measure map[string]Expr
	hints   []Predicate
}

// Checked is a predicate with what was last seen of it.
type Checked struct {
	Text  string
	Truth Truth
	Left  Value
	Right Value
}

// StepResult is one finished step in a report.
type StepResult struct {
	ID       string             `json:"id"`
	Outcome  string             `json:"outcome"`
	Millis   int64              `json:"duration_ms"`
	Measured map[string]float64 `json:"measured,omitempty"`
	Failure  string             `json:"failure,omitempty"`
}

// NewScript compiles a linted file.
func NewScript(file *File, mode Mode, lang string) (*Script, error) {
	s := &Script{file: file, Mode: mode, Lang: lang, vars: Variables{}, answered: -1, hint: -1}
	for _, step := range file.Steps {
		p, err := compile(step)
		if err != nil {
			return nil, fmt.Errorf("cannot read step %s: %w", step.ID, err)
		}
		s.steps = append(s.steps, p)
	}
	return s, nil
}

func compile(step Step) (program, error) {
	p := program{Step: step, save: map[string]Expr{}, measure: map[string]Expr{}}
	var err error
	for name, text := range step.Save {
		if p.save[name], err = ParseExpr(text); err != nil {
			return p, err
		}
	}
	for name, m := range step.Measure {
		if p.measure[name], err = ParseExpr(m.Of); err != nil {
			return p, err
		}
	}
	var hints []string
	for _, h := range step.Hint {
		hints = append(hints, h.When)
	}
	for _, list := range []struct {
		from []string
		to   *[]Predicate
	}{{step.Until, &p.until}, {step.Never, &p.never}, {step.Expect, &p.expect}, {hints, &p.hints}} {
		for _, text := range list.from {
			predicate, err := ParsePredicate(text)
			if err != nil {
				return p, err
			}
			*list.to = append(*list.to, predicate)
		}
	}
	return p, nil
}

func (s *Script) step() *program { return &s.steps[s.at] }

// Outcome says how the lesson stands.
func (s *Script) Outcome() Outcome { return s.outcome }

// Failure words what went wrong: object, expected, observed, since when.
func (s *Script) Failure() string { return s.failure }

// Results are the steps that have ended.
func (s *Script) Results() []StepResult { return s.results }

// Slow is the factor on the producers' rates in this step.
func (s *Script) Slow() float64 {
	if slow := s.step().Step.Slow; slow > 0 {
		return slow
	}
	return 1
}

// Observe takes a sample and returns the actions that it leads to.
func (s *Script) Observe(now time.Time, frame Frame) []Action {
	if s.outcome != Underway {
		return nil
	}
	s.samplePins(now, frame)
	if s.began.IsZero() {
		s.began, s.previous = now, s.saw
	}
	if s.checkNever(frame); s.outcome != Underway {
		return nil
	}
	s.findHint(frame)
	switch s.stage {
	case binding:
		return s.bind(now, frame)
	case observing:
		s.observe(now, frame)
	case over:
		if s.mayGoOn(now) {
			s.enter(s.at + 1)
			return s.Observe(now, frame)
		}
	}
	return nil
}

func (s *Script) samplePins(now time.Time, frame Frame) {
	s.saw, s.sampledAt = Variables{}, now
	for _, pin := range s.file.Screen.Pin {
		if e, err := ParseExpr(pin); err == nil {
			s.saw[pin] = e.Eval(frame, s.vars)
		}
	}
}

// bind fills the step's variables; until all are known the step does not act.
func (s *Script) bind(now time.Time, frame Frame) []Action {
	for name, e := range s.step().save {
		v := e.Eval(frame, s.vars)
		if !v.Known {
			if within := cmpDuration(s.step().Within, 15*time.Second); now.Sub(s.began) > within {
				s.fail(now, TimedOut, fmt.Sprintf("%s was not observed within %v", e.Text, within))
			}
			return nil
		}
		s.vars[name] = v
	}
	s.stage = acting
	actions := s.fillActions(s.step().Do)
	if task := s.step().Task; task != nil && s.Mode == Headless {
		actions, s.taskDone = append(actions, s.fillActions(task.Solution)...), true
	}
	s.pending = len(actions)
	s.afterActions(now)
	return actions
}

func cmpDuration(d Duration, otherwise time.Duration) time.Duration {
	if d > 0 {
		return time.Duration(d)
	}
	return otherwise
}

func (s *Script) fillActions(actions []Action) []Action {
	var filled []Action
	for _, a := range actions {
		args := map[string]string{}
		for name, value := range a.Args {
			args[name] = s.vars.fill(value)
		}
		filled = append(filled, Action{Act: a.Act, Args: args})
	}
	return filled
}

// Done tells that one action has ended.
func (s *Script) Done(now time.Time, a Action, err error) {
	if s.outcome != Underway {
		return
	}
	if err != nil {
		s.fail(now, Environment, fmt.Sprintf("cannot do %s: %v", a.Act, err))
		return
	}
	s.pending--
	s.afterActions(now)
}

// afterActions begins to wait once everything asked for is done; a person's task is part of that.
func (s *Script) afterActions(now time.Time) {
	task := s.step().Task
	if s.stage == acting && s.pending <= 0 && (task == nil || s.taskDone) {
		s.stage, s.waiting = observing, now
	}
}

func (s *Script) checkNever(frame Frame) {
	if s.stage != observing && s.stage != acting {
		return
	}
	for _, p := range s.step().never {
		if t, left, _ := p.Eval(frame, s.vars); t == True {
			s.fail(s.sampledAt, Broken, fmt.Sprintf("%s: observed %s, which must never be%s", s.vars.fill(p.Text), left, note(left)))
			return
		}
	}
}

// findHint looks for the last hint whose predicate holds while the step is not over.
func (s *Script) findHint(frame Frame) {
	s.hint = -1
	if s.stage != acting && s.stage != observing {
		return
	}
	for i, p := range s.step().hints {
		if t, _, _ := p.Eval(frame, s.vars); t == True {
			s.hint = i
		}
	}
}

// observe waits for until, for hold, and ends the step.
func (s *Script) observe(now time.Time, frame Frame) {
	s.last = s.last[:0]
	all := true
	for _, p := range s.step().until {
		t, left, right := p.Eval(frame, s.vars)
		s.last = append(s.last, Checked{s.vars.fill(p.Text), t, left, right})
		all = all && t == True
	}
	if !all {
		s.held = time.Time{}
		if within := time.Duration(s.step().Within); now.Sub(s.waiting) > within {
			s.fail(now, TimedOut, s.notSeen(now, within))
		}
		return
	}
	if s.held.IsZero() {
		s.held = now
	}
	if now.Sub(s.held) >= time.Duration(s.step().Hold) {
		s.end(now, frame)
	}
}

// notSeen words a timeout: which predicate stayed false, what was observed instead, and how old that is.
func (s *Script) notSeen(now time.Time, within time.Duration) string {
	var parts []string
	for _, c := range s.last {
		switch c.Truth {
		case False:
			parts = append(parts, fmt.Sprintf("%s did not hold within %v: observed %s, %.1f s ago%s",
				c.Text, within, c.Left, now.Sub(c.Left.At).Seconds(), note(c.Left)))
		case NotObserved:
			parts = append(parts, fmt.Sprintf("%s was not observed within %v%s", c.Text, within, note(c.Left)))
		}
	}
	return strings.Join(parts, "; ")
}

func note(v Value) string {
	if v.Note == "" {
		return ""
	}
	return " (" + v.Note + ")"
}

// end measures, checks what is expected, and closes the step.
func (s *Script) end(now time.Time, frame Frame) {
	measured := map[string]float64{}
	for name, e := range s.step().measure {
		v := e.Eval(frame, s.vars)
		s.vars[name] = v
		if !v.Known {
			s.fail(now, Broken, fmt.Sprintf("%s was not observed%s", e.Text, note(v)))
			return
		}
		measured[name] = v.Number
		if bound := s.step().Measure[name].Max; bound > 0 && v.Number > bound {
			s.fail(now, Broken, fmt.Sprintf("%s: measured %s, at most %g is right", name, v, bound))
			return
		}
	}
	for _, p := range s.step().expect {
		switch t, left, right := p.Eval(frame, s.vars); t {
		case False:
			s.fail(now, Broken, fmt.Sprintf("expected %s: observed %s against %s%s", s.vars.fill(p.Text), left, right, note(left)))
			return
		case NotObserved:
			s.fail(now, Broken, fmt.Sprintf("expected %s: not observed%s", s.vars.fill(p.Text), note(left)))
			return
		}
	}
	s.results = append(s.results, StepResult{ID: s.step().ID, Outcome: Passed.String(), Millis: now.Sub(s.began).Milliseconds(), Measured: measured})
	s.stage, s.over = over, now
	if s.at == len(s.steps)-1 && s.Mode == Headless {
		s.outcome = Passed
	}
}

func (s *Script) fail(now time.Time, outcome Outcome, failure string) {
	s.outcome, s.failure = outcome, fmt.Sprintf("step %s: %s", s.step().ID, failure)
	s.results = append(s.results, StepResult{ID: s.step().ID, Outcome: outcome.String(), Millis: now.Sub(s.began).Milliseconds(), Failure: failure})
}

// mayGoOn says whether the next step begins by itself.
func (s *Script) mayGoOn(now time.Time) bool {
	if s.at == len(s.steps)-1 || s.free {
		return false
	}
	switch s.Mode {
	case Headless:
		return true
	case Auto:
		read := now.Sub(s.began) >= Dwell(s.step().Say.In(s.Lang), s.Lang)
		return read && now.Sub(s.over) >= 2*time.Second // time to see how the step ended
	}
	return false
}

func (s *Script) enter(step int) {
	s.at, s.stage, s.began, s.waiting, s.held, s.over = step, binding, time.Time{}, time.Time{}, time.Time{}, time.Time{}
	s.pending, s.answered, s.hint, s.taskDone, s.last = 0, -1, -1, false, nil
}

// Next is the person's wish to go on: to the next step, or, after the last, out of the lesson.
func (s *Script) Next() {
	if s.outcome != Underway || s.stage != over {
		return
	}
	if s.at == len(s.steps)-1 {
		s.outcome = Passed
		return
	}
	s.enter(s.at + 1)
}

// Answer is a prediction; it is kept beside the right one and never scored.
func (s *Script) Answer(choice int) {
	if choice >= 0 && choice < len(s.step().Ask) {
		s.answered = choice
	}
}

// Press is the key of the step's task; it returns the actions that the key stands for.
func (s *Script) Press(now time.Time, key string) []Action {
	task := s.step().Task
	if s.outcome != Underway || task == nil || s.taskDone || s.stage != acting || !slices.Contains(task.Keys, key) {
		return nil
	}
	s.taskDone = true
	actions := s.fillActions(task.Solution)
	s.pending += len(actions)
	return actions
}

// FreePlay ends the narration; nothing more is asserted and the cluster stays.
func (s *Script) FreePlay() { s.free = true }

// Leave ends the lesson.
func (s *Script) Leave() {
	if s.outcome == Underway {
		s.outcome = Left
	}
}
