package demos

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// Narration is at most this large, in either language, so that it fits an 80x24 screen.
const (
	narrationLines   = 3
	narrationColumns = 76
)

// Lint returns everything that is wrong with a lesson, each as one sentence that names the step.
func Lint(f *File) []error {
	l := linter{file: f, vars: map[string]bool{}, actors: map[string]string{}, topics: map[string]int{}}
	l.head()
	for i := range f.Steps {
		l.step(&f.Steps[i])
	}
	l.pacing()
	return l.errs
}

type linter struct {
	file   *File
	where  string
	vars   map[string]bool   // bound so far
	actors map[string]string // id -> kind
	topics map[string]int    // name -> partitions
	errs   []error
}

func (l *linter) fail(format string, args ...any) {
	l.errs = append(l.errs, fmt.Errorf("%s: %s", l.where, fmt.Sprintf(format, args...)))
}

var idShape = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

func (l *linter) head() {
	f := l.file
	l.where = "lesson " + f.ID
	if !idShape.MatchString(f.ID) {
		l.fail("id %q is not lower-case letters, digits and dashes", f.ID)
	}
	if f.Minutes < 1 || f.Minutes > 15 {
		l.fail("minutes is %d; a lesson takes 1 to 15", f.Minutes)
	}
	if len(f.Steps) < 1 || len(f.Steps) > 12 {
		l.fail("has %d steps; 1 to 12 are taken", len(f.Steps))
	}
	l.text("title", f.Title, 1)
	for _, t := range f.Cluster.Topics {
		if _, twice := l.topics[t.Name]; twice || t.Name == "" || t.Partitions < 1 || t.Replication < 1 {
			l.fail("topic %q is there twice, or lacks name, partitions or replication", t.Name)
		}
		l.topics[t.Name] = t.Partitions
	}
	for _, a := range f.Actors {
		l.actor(a)
	}
	for _, need := range f.Needs {
		if _, ok := verbs()[need]; !ok && need != "replica.offsets" {
			l.fail("needs %q, which is neither a verb nor replica.offsets", need)
		}
	}
	for _, pin := range f.Screen.Pin {
		l.expr(pin)
	}
}

func (l *linter) actor(a ActorSpec) {
	if _, twice := l.actors[a.ID]; twice || !idShape.MatchString(a.ID) {
		l.fail("actor id %q is there twice or not lower-case letters, digits and dashes", a.ID)
	}
	if a.Kind != "producer" && a.Kind != "reader" {
		l.fail("actor %s is a %q; producer and reader are known", a.ID, a.Kind)
	}
	if _, ok := l.topics[a.Topic]; !ok {
		l.fail("actor %s uses topic %q, which is not in [cluster]", a.ID, a.Topic)
	}
	l.actors[a.ID] = a.Kind
	if _, err := actorSettings(a); err != nil {
		l.fail("actor %s: %v", a.ID, err)
	}
}

func (l *linter) step(s *Step) {
	l.where = fmt.Sprintf("lesson %s, step %s", l.file.ID, s.ID)
	twice := slices.IndexFunc(l.file.Steps, func(o Step) bool { return o.ID == s.ID })
	if !idShape.MatchString(s.ID) || &l.file.Steps[twice] != s {
		l.fail("id %q is there twice or not lower-case letters, digits and dashes", s.ID)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Save)) {
		l.expr(s.Save[name])
		l.vars[name] = true
	}
	for _, text := range slices.Concat(s.Until, s.Never) {
		l.predicate(text)
	}
	for _, h := range s.Hint {
		l.predicate(h.When)
		l.text("hint", h.Text, 1)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Measure)) {
		l.expr(s.Measure[name].Of)
		l.vars[name] = true
	}
	for _, text := range s.Expect {
		l.predicate(text)
	}
	l.actions(s)
	l.texts(s)
	if len(s.Until) > 0 && s.Within == 0 {
		l.fail("has until without within: nothing bounds the wait")
	}
}

func (l *linter) actions(s *Step) {
	acts := s.Do
	if s.Task != nil {
		if len(s.Task.Solution) == 0 {
			l.fail("has a task without a solution: it cannot run headless")
		}
		acts = slices.Concat(acts, s.Task.Solution)
	}
	for _, a := range acts {
		if err := a.check(); err != nil {
			l.fail("%v", err)
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(a.Args)) {
			l.bound(a.Args[name])
			if name == "actor" && l.actors[a.Args[name]] == "" {
				l.fail("%s names actor %q, which there is not", a.Act, a.Args[name])
			}
		}
		if verbs()[a.Act].observed && len(s.Until)+len(s.Expect) == 0 {
			l.fail("does %s and observes nothing after it", a.Act)
		}
	}
}

func (l *linter) texts(s *Step) {
	l.text("say", s.Say, narrationLines)
	if s.Why != (Text{}) {
		l.text("why", s.Why, 2*narrationLines)
	}
	right := 0
	for _, c := range s.Ask {
		l.text("answer", c.Text, 1)
		if c.Right {
			right++
		}
	}
	if len(s.Ask) > 0 && (right != 1 || len(s.Ask) < 2) {
		l.fail("asks with %d answers of which %d are right; one of at least two is", len(s.Ask), right)
	}
}

// text holds a wording to be there in both languages, with the same variables, and to fit.
func (l *linter) text(what string, t Text, lines int) {
	if t.En == "" || t.Zh == "" {
		l.fail("%s lacks English or Chinese", what)
		return
	}
	if en, zh := variablesIn(t.En), variablesIn(t.Zh); !slices.Equal(en, zh) {
		l.fail("%s has variables %v in English and %v in Chinese", what, en, zh)
	}
	l.bound(t.En)
	for _, wording := range []string{t.En, t.Zh} {
		if i := strings.IndexFunc(wording, func(r rune) bool { return r != '\n' && unicode.IsControl(r) }); i >= 0 {
			l.fail("%s has a control character: %q", what, wording)
		}
		if wrapped := strings.Count(Wrap(wording, narrationColumns), "\n") + 1; wrapped > lines {
			l.fail("%s takes %d lines of %d columns, %d fit: %q", what, wrapped, narrationColumns, lines, wording)
		}
	}
}

// Wrap breaks a wording into lines of at most columns cells; Chinese breaks anywhere, English between words.
func Wrap(text string, columns int) string { return ansi.Wrap(text, columns, "") }

func (l *linter) predicate(text string) {
	p, err := ParsePredicate(text)
	if err != nil {
		l.fail("%v", err)
		return
	}
	l.checkExpr(p.Left)
	l.checkExpr(p.Right)
}

func (l *linter) expr(text string) {
	e, err := ParseExpr(text)
	if err != nil {
		l.fail("%v", err)
		return
	}
	l.checkExpr(e)
}

func (l *linter) checkExpr(e Expr) {
	if e.Variable != "" {
		l.bound("$" + e.Variable)
		return
	}
	if e.Inner != nil {
		l.checkExpr(*e.Inner)
		return
	}
	for i, kind := range observables()[e.Name].args {
		arg := e.Args[i]
		l.bound(arg)
		topic, partition, _ := splitPartition(arg)
		switch {
		case kind == argPartition && int(partition) >= l.topics[topic]:
			l.fail("%s: there is no partition %s in [cluster]", e.Text, arg)
		case kind == argActor && l.actors[arg] == "":
			l.fail("%s: there is no actor %q", e.Text, arg)
		}
	}
}

// bound holds every variable of a text to be bound by a step up to here.
func (l *linter) bound(text string) {
	for _, name := range variablesIn(text) {
		if !l.vars[name[1:]] {
			l.fail("%s is used before a step saved or measured it", name)
		}
	}
}

// pacing holds the reading time against the minutes that the lesson promises.
func (l *linter) pacing() {
	l.where = "lesson " + l.file.ID
	var reading time.Duration
	for _, s := range l.file.Steps {
		reading += max(Dwell(s.Say.En, "en"), Dwell(s.Say.Zh, "zh"))
	}
	if promised := time.Duration(l.file.Minutes) * time.Minute; reading > promised {
		l.fail("takes %v to read and promises %d minutes", reading.Round(time.Second), l.file.Minutes)
	}
}

// Dwell is how long a wording stays when a lesson goes on by itself: 12 characters a second in English, 5 in Chinese, and
// never less than two seconds.
func Dwell(text, lang string) time.Duration {
	perSecond := 12
	if lang == "zh" {
		perSecond = 5
	}
	return max(2*time.Second, time.Duration(len([]rune(text)))*time.Second/time.Duration(perSecond))
}
