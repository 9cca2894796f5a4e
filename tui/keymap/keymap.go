// Package keymap says which key means what, in one table.
//
// A key becomes an [Intent] in a [Scope]; screens handle intents and never see keys. The same table draws the
// hint line, the help page and the palette, so an action cannot exist without a word for it, and a test holds
// that no two meanings share a key.
package keymap

import (
	"iter"

	"klab/tui/words"
)

// Scope is where a key was pressed.
type Scope uint8

// Scopes. Each looks a key up in its own part of the table, then in those of [Scope.outer].
const (
	Global Scope = iota
	Tabs         // the six main screens
	Rows         // whatever has a chosen row
	Broker       // whatever has a chosen broker
	Topic        // whatever has a chosen topic
	Welcome
	Overview
	BrokerDetail
	Topics
	Partitions // of one topic
	Replicas   // of one partition
	Config
	Tail
	Record
	Timeline
	ZooKeeper
	Groups
	GroupDetail
	Transactions
	Lessons
	Lesson
	Typing  // editing one line of text
	Search  // a filter
	Form    // the fields of a form
	Palette // finding an action by its name
	Confirm
	Preview // what an operation would do
	Page    // help and command log
	scopes
)

// outer returns the scopes that a key of s leaks to, innermost first. A scope where text is typed leaks to
// none but [Typing], so that letters stay letters.
func (s Scope) outer() []Scope {
	switch s {
	case Overview:
		return []Scope{Broker, Topic, Rows, Global, Tabs}
	case BrokerDetail:
		return []Scope{Broker, Rows, Global, Tabs}
	case Topics:
		return []Scope{Topic, Rows, Global, Tabs}
	case Partitions:
		return []Scope{Topic, Broker, Rows, Global, Tabs}
	case Replicas:
		return []Scope{Broker, Topic, Rows, Global, Tabs}
	case Tail, Config, Timeline, ZooKeeper, Groups, GroupDetail, Transactions, Lessons, Record:
		return []Scope{Rows, Global, Tabs}
	case Welcome:
		return []Scope{Global}
	case Lesson:
		return []Scope{Global}
	case Page, Preview:
		return []Scope{Rows}
	case Search, Form, Palette:
		return []Scope{Typing}
	}
	return nil
}

// Types reports whether printable keys of the scope are text.
func (s Scope) Types() bool { return s == Search || s == Form || s == Palette }

// Binding is one line of the table.
type Binding struct {
	Scope  Scope
	Intent Intent
	Keys   []string // as Bubble Tea names them; empty: only in the palette
	Word   words.ID // what it does, in two or three words
	Hint   bool     // worth a place in the hint line
}

// Lookup returns what a key means in a scope.
func Lookup(scope Scope, key string) (Binding, bool) {
	for b := range Of(scope) {
		for _, k := range b.Keys {
			if k == key {
				return b, true
			}
		}
	}
	return Binding{}, false
}

// KeyOf returns how the hint line writes the key of an intent in a scope; empty if there is none.
func KeyOf(scope Scope, intent Intent) string {
	for b := range Of(scope) {
		if b.Intent == intent && len(b.Keys) > 0 {
			return b.Keys[0]
		}
	}
	return ""
}

// Of yields the bindings that work in a scope, innermost first. An intent that an inner scope binds is not
// repeated by an outer one.
func Of(scope Scope) iter.Seq[Binding] {
	return func(yield func(Binding) bool) {
		var seen [intents]bool
		for _, s := range append([]Scope{scope}, scope.outer()...) {
			for i := range table {
				b := table[i]
				if b.Scope != s || seen[b.Intent] {
					continue
				}
				seen[b.Intent] = true
				if !yield(b) {
					return
				}
			}
		}
	}
}
