package tui

import (
	"strings"

	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/words"
)

// filter narrows a list to what contains a text, in any case of letters. It is part of a screen: while it is being
// typed the screen's scope is Search.
type filter struct {
	line    cell.Input
	typing  bool
	version int // grows with every change
}

func (f *filter) text() string { return strings.TrimSpace(f.line.Value()) }

// active reports whether the filter has a place on the screen.
func (f *filter) active() bool { return f.typing || f.text() != "" }

// matches reports whether one of the texts contains the filter's.
func (f *filter) matches(texts ...string) bool {
	wanted := f.text()
	if wanted == "" {
		return true
	}
	for _, t := range texts {
		if containsFold(t, wanted) {
			return true
		}
	}
	return false
}

func containsFold(s, part string) bool {
	if strings.Contains(s, part) {
		return true
	}
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

func (f *filter) input() *cell.Input {
	if f.typing {
		return &f.line
	}
	return nil
}

func (f *filter) changed() { f.version++ }

// act does the intents of a filter and reports whether it was one.
func (f *filter) act(intent keymap.Intent) bool {
	switch {
	case intent == keymap.Filter:
		f.typing = true
	case f.typing && intent == keymap.Submit:
		f.typing = false
	case f.typing && intent == keymap.Back:
		f.drop()
	default:
		return false
	}
	return true
}

func (f *filter) drop() {
	f.typing = false
	f.line.Clear()
	f.changed()
}

// draw draws the filter in the first row of the box, if it is active, and returns the rest.
func (f *filter) draw(c *cell.Canvas, b cell.Box, e *env) cell.Box {
	if !f.active() {
		return b
	}
	row, rest := b.Top(1)
	row = inner(row)
	x := c.Text(row.X, row.Y, row.W, cell.Key, e.text(words.FilterIs)) + 1
	f.line.Draw(c, cell.Box{X: row.X + x, Y: row.Y, W: row.W - x, H: 1}, f.typing, e.text(words.FilterHint))
	return rest
}
