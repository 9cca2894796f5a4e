package demos

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Value is what an observable showed: a number or a set of broker ids, when it was sampled, or that it is unknown.
type Value struct {
	Known  bool
	Number float64
	Set    []int32
	IsSet  bool
	At     time.Time // of the sample; zero for a literal
	Note   string    // what a person should know beside the value ("broker 3 is dead since 12:03:11")
}

// Number is a known number without a time: a literal.
func number(n float64) Value { return Value{Known: true, Number: n} }

// String shows the value as a pin or a message does.
func (v Value) String() string {
	switch {
	case !v.Known:
		return "unknown"
	case v.IsSet:
		ids := make([]string, len(v.Set))
		for i, id := range v.Set {
			ids[i] = strconv.Itoa(int(id))
		}
		return strings.Join(ids, " ")
	}
	return strconv.FormatFloat(v.Number, 'f', -1, 64)
}

// equal compares what is shown, not when it was sampled.
func (v Value) equal(w Value) bool {
	if v.IsSet != w.IsSet || v.Known != w.Known {
		return false
	}
	if v.IsSet {
		return slices.Equal(slices.Sorted(slices.Values(v.Set)), slices.Sorted(slices.Values(w.Set)))
	}
	return v.Number == w.Number
}

// Truth is the outcome of a predicate: an observable without a fresh sample makes it unknown.
type Truth int

// Truths.
const (
	NotObserved Truth = iota
	False
	True
)

func truth(b bool) Truth {
	if b {
		return True
	}
	return False
}

func compare(left Value, op string, right Value) (Truth, error) {
	if !left.Known || !right.Known {
		return NotObserved, nil
	}
	if left.IsSet || right.IsSet {
		switch op {
		case "==":
			return truth(left.equal(right)), nil
		case "!=":
			return truth(!left.equal(right)), nil
		}
		return False, fmt.Errorf("a set has no %s; use size(…)", op)
	}
	a, b := left.Number, right.Number
	switch op {
	case "==":
		return truth(a == b), nil
	case "!=":
		return truth(a != b), nil
	case "<":
		return truth(a < b), nil
	case "<=":
		return truth(a <= b), nil
	case ">":
		return truth(a > b), nil
	case ">=":
		return truth(a >= b), nil
	}
	return False, fmt.Errorf("unknown comparison %s", op)
}
