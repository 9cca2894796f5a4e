package demos

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Expr is an observable with its arguments, a number, or a variable.
type Expr struct {
	Text     string
	Name     string   // of the observable; empty: a literal or a variable
	Args     []string // an actor, a broker id or $variable, a topic or topic/partition
	Inner    *Expr    // size(…) of it
	Variable string   // without its $
	Literal  Value
}

// Predicate is a comparison of two expressions.
type Predicate struct {
	Text        string
	Left, Right Expr
	Op          string
}

// The shape of an argument of an observable.
type argKind int

const (
	argPartition argKind = iota // topic/partition
	argTopic
	argBroker // a number or $variable
	argActor
)

func (k argKind) String() string {
	return [...]string{"topic/partition", "topic", "broker", "actor"}[k]
}

// observable is one entry of the closed list of what lessons can observe.
type observable struct {
	args []argKind
	doc  string // what it is, with its unit and its source
}

// observables returns the closed list. Screen, waits and assertions share the one implementation in sample.go.
func observables() map[string]observable {
	partition, broker, actor := []argKind{argPartition}, []argKind{argBroker}, []argKind{argActor}
	return map[string]observable{
		"leader":     {partition, "broker id of the leader, -1 without one; metadata"},
		"isr":        {partition, "broker ids of the in-sync replicas; metadata"},
		"epoch":      {partition, "leader epoch; metadata"},
		"hw":         {partition, "high watermark, an offset; the leader"},
		"log_start":  {partition, "first offset that can be read; the leader"},
		"leo":        {[]argKind{argPartition, argBroker}, "log end offset of one replica; that broker"},
		"log_bytes":  {[]argKind{argPartition, argBroker}, "size of one replica in bytes; that broker"},
		"preferred":  {partition, "broker id of the first replica; metadata"},
		"alive":      {broker, "1 while the broker's process runs and is registered, else 0; the supervisor and metadata"},
		"controller": {nil, "broker id of the active controller; metadata"},
		"acked":      {actor, "records that were acknowledged to a producer"},
		"refused":    {actor, "records of a producer that failed"},
		"silent_ms":  {actor, "milliseconds since a producer's last acknowledgement"},
		"gap_ms":     {actor, "longest silence of a producer's acknowledgements in this step, in milliseconds"},
		"read":       {actor, "records that a reader has read, again counted when read again"},
		"position":   {actor, "offset that a reader reads next"},
		"lost":       {[]argKind{argActor, argActor}, "records acknowledged to a producer that a reader past them did not read"},
		"repeats":    {[]argKind{argActor, argActor}, "records of a producer that stand in the log more than once, as a reader saw it"},
		"disorder":   {[]argKind{argActor, argActor}, "records of a producer that a reader saw after a later one"},
	}
}

var (
	callShape = regexp.MustCompile(`^([a-z_]+)(?:\(([^()]*(?:\([^()]*\))?)\))?$`)
	opShape   = regexp.MustCompile(`^(.+?)\s*(==|!=|<=|>=|<|>)\s*(.+)$`)
)

// ParsePredicate reads "observable op literal|observable|$variable".
func ParsePredicate(text string) (Predicate, error) {
	m := opShape.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return Predicate{}, fmt.Errorf("%q is no comparison such as leader(orders/0) != $old", text)
	}
	left, err := ParseExpr(m[1])
	if err != nil {
		return Predicate{}, err
	}
	right, err := ParseExpr(m[3])
	if err != nil {
		return Predicate{}, err
	}
	return Predicate{Text: text, Left: left, Op: m[2], Right: right}, nil
}

// ParseExpr reads one side of a predicate.
func ParseExpr(text string) (Expr, error) {
	text = strings.TrimSpace(text)
	if name, ok := strings.CutPrefix(text, "$"); ok {
		return Expr{Text: text, Variable: name}, nil
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return Expr{Text: text, Literal: number(n)}, nil
	}
	m := callShape.FindStringSubmatch(text)
	if m == nil {
		return Expr{}, fmt.Errorf("%q is neither a number, a $variable nor an observable such as leader(orders/0)", text)
	}
	if m[1] == "size" {
		inner, err := ParseExpr(m[2])
		if err != nil {
			return Expr{}, err
		}
		return Expr{Text: text, Name: "size", Inner: &inner}, nil
	}
	return parseCall(text, m[1], m[2])
}

func parseCall(text, name, argument string) (Expr, error) {
	known := observables()
	want, ok := known[name]
	if !ok {
		names := make([]string, 0, len(known))
		for n := range known {
			names = append(names, n)
		}
		slices.Sort(names)
		return Expr{}, fmt.Errorf("unknown observable %s; %s", name, nearest(name, names))
	}
	var args []string
	for arg := range strings.SplitSeq(argument, ",") {
		if arg = strings.TrimSpace(arg); arg != "" {
			args = append(args, arg)
		}
	}
	if len(args) != len(want.args) {
		return Expr{}, fmt.Errorf("%s takes %v, not %q", name, want.args, argument)
	}
	for i, kind := range want.args {
		if kind == argPartition {
			if _, _, err := splitPartition(args[i]); err != nil {
				return Expr{}, fmt.Errorf("%s: %w", text, err)
			}
		}
	}
	return Expr{Text: text, Name: name, Args: args}, nil
}

func splitPartition(text string) (topic string, partition int32, err error) {
	topic, id, ok := strings.Cut(text, "/")
	n, parseErr := strconv.ParseInt(id, 10, 32)
	if !ok || topic == "" || parseErr != nil || n < 0 {
		return "", 0, fmt.Errorf("%q is not topic/partition", text)
	}
	return topic, int32(n), nil
}

// Frame is one sample of everything: what expressions are evaluated in.
type Frame interface {
	// Value returns an observable; arguments have their variables filled in.
	Value(name string, args []string) Value
}

// Variables are what save and measure bound.
type Variables map[string]Value

// Eval evaluates e. A variable that is not bound is unknown.
func (e Expr) Eval(frame Frame, vars Variables) Value {
	switch {
	case e.Variable != "":
		return vars[e.Variable]
	case e.Name == "":
		return e.Literal
	case e.Inner != nil:
		v := e.Inner.Eval(frame, vars)
		return Value{Known: v.Known, Number: float64(len(v.Set)), At: v.At, Note: v.Note}
	}
	args := make([]string, len(e.Args))
	for i, arg := range e.Args {
		args[i] = vars.fill(arg)
	}
	return frame.Value(e.Name, args)
}

// Eval evaluates p and returns both sides for the message.
func (p Predicate) Eval(frame Frame, vars Variables) (t Truth, left, right Value) {
	left, right = p.Left.Eval(frame, vars), p.Right.Eval(frame, vars)
	t, err := compare(left, p.Op, right)
	if err != nil {
		return NotObserved, left, right
	}
	return t, left, right
}

var variableShape = regexp.MustCompile(`\$[a-z][a-z0-9_]*`)

// fill replaces the variables in a text by their values.
func (v Variables) fill(text string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	return variableShape.ReplaceAllStringFunc(text, func(name string) string {
		if value, ok := v[name[1:]]; ok {
			return value.String()
		}
		return name
	})
}

func variablesIn(text string) []string {
	names := variableShape.FindAllString(text, -1)
	slices.Sort(names)
	return slices.Compact(names)
}
