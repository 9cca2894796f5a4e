package demos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// View is a lesson at one moment, in one language.
type View struct {
	At          time.Time
	Title       string
	Step, Steps int // from 1
	Left        time.Duration
	Say, Why    string
	Choices     []string
	Answered    int // -1: not yet
	Right       int // -1: not shown before an answer
	Pins        []Pin
	Waiting     string // the predicates that are waited for; empty: nothing
	Elapsed     time.Duration
	Within      time.Duration
	Holding     bool
	TaskKeys    []string
	Hint        string
	Measured    []string // name and value, of all steps so far
	Outcome     Outcome
	Failure     string
	Auto        bool
	StepOver    bool
	LastStep    bool
	Free        bool
	Preparing   bool
	Stale       time.Duration // age of a former step that is read again
}

// Pin is one observed value.
type Pin struct {
	Name    string
	Value   Value
	Age     time.Duration
	Changed bool // within this step
}

func (s *Script) view(now time.Time) View {
	step := s.step()
	v := View{
		At: now, Title: s.file.Title.In(s.Lang), Step: s.at + 1, Steps: len(s.steps), Left: s.left(),
		Say: s.vars.fill(step.Say.In(s.Lang)), Why: s.vars.fill(step.Why.In(s.Lang)),
		Answered: s.answered, Right: -1, Outcome: s.outcome, Failure: s.failure, Auto: s.Mode == Auto,
		StepOver: s.stage == over, LastStep: s.at == len(s.steps)-1, Free: s.free,
	}
	for i, c := range step.Ask {
		v.Choices = append(v.Choices, c.In(s.Lang))
		if c.Right && s.answered >= 0 {
			v.Right = i
		}
	}
	v.Pins = s.pins(now)
	if s.hint >= 0 {
		v.Hint = s.vars.fill(step.Hint[s.hint].In(s.Lang))
	}
	s.viewWait(&v, now)
	if step.Task != nil && !s.taskDone && s.stage == acting {
		v.TaskKeys = step.Task.Keys
	}
	for _, r := range s.results {
		for _, name := range slices.Sorted(maps.Keys(r.Measured)) {
			v.Measured = append(v.Measured, fmt.Sprintf("%s %g", name, r.Measured[name]))
		}
	}
	return v
}

func (s *Script) pins(now time.Time) []Pin {
	var pins []Pin
	for _, name := range s.file.Screen.Pin {
		value := s.saw[name]
		before, had := s.previous[name]
		pins = append(pins, Pin{Name: s.onCluster(name), Value: value, Age: now.Sub(value.At), Changed: had && value.Known && before.Known && !value.equal(before)})
	}
	return pins
}

// onCluster is an observable's name with the topics as they are called on the cluster, where the timeline names them too.
func (s *Script) onCluster(name string) string {
	for _, t := range s.file.Cluster.Topics {
		for _, end := range []string{"/", ")", ","} {
			for _, begin := range []string{"(", " "} {
				name = strings.ReplaceAll(name, begin+t.Name+end, begin+topicPrefix+t.Name+end)
			}
		}
	}
	return name
}

func (s *Script) viewWait(v *View, now time.Time) {
	if s.stage != observing || len(s.step().until) == 0 {
		return
	}
	var open []string
	for _, c := range s.last {
		if c.Truth != True {
			open = append(open, c.Text)
		}
	}
	v.Holding = len(open) == 0
	if v.Holding {
		for _, c := range s.last {
			open = append(open, c.Text)
		}
	}
	v.Waiting, v.Elapsed, v.Within = strings.Join(open, ", "), now.Sub(s.waiting), time.Duration(s.step().Within)
}

// left is about how long the rest takes: the steps not begun, at the lesson's own pace.
func (s *Script) left() time.Duration {
	share := time.Duration(s.file.Minutes) * time.Minute / time.Duration(len(s.steps))
	return share * time.Duration(len(s.steps)-s.at)
}
