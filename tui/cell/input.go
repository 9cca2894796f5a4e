package cell

import (
	"slices"

	"klab/tui/safe"
)

// maxInput bounds what a field holds, in characters; a paste is cut there.
const maxInput = 64 << 10

// Input is one line of text that a person edits. Newlines may be pasted into it and are shown as ⏎.
type Input struct {
	text   []rune
	cursor int // index into text of the character after the cursor
}

// NewInput returns an input that holds s, with the cursor at its end.
func NewInput(s string) Input {
	in := Input{}
	in.Insert(s)
	return in
}

// Value returns what was typed.
func (in *Input) Value() string { return string(in.text) }

// Insert puts s at the cursor.
func (in *Input) Insert(s string) {
	r := []rune(s)
	r = r[:min(len(r), max(maxInput-len(in.text), 0))]
	in.text = slices.Insert(in.text, in.cursor, r...)
	in.cursor += len(r)
}

// Clear empties the field.
func (in *Input) Clear() { in.text, in.cursor = nil, 0 }

// Move moves the cursor by n characters.
func (in *Input) Move(n int) { in.cursor = min(max(in.cursor+n, 0), len(in.text)) }

// Home moves the cursor to the start.
func (in *Input) Home() { in.cursor = 0 }

// End moves the cursor to the end.
func (in *Input) End() { in.cursor = len(in.text) }

// Backspace deletes the character before the cursor.
func (in *Input) Backspace() { in.remove(in.cursor-1, in.cursor) }

// Delete deletes the character at the cursor.
func (in *Input) Delete() { in.remove(in.cursor, in.cursor+1) }

// DeleteToStart deletes everything before the cursor.
func (in *Input) DeleteToStart() { in.remove(0, in.cursor) }

// DeleteWord deletes the word before the cursor and the spaces after it.
func (in *Input) DeleteWord() {
	from := in.cursor
	for from > 0 && in.text[from-1] == ' ' {
		from--
	}
	for from > 0 && in.text[from-1] != ' ' {
		from--
	}
	in.remove(from, in.cursor)
}

func (in *Input) remove(from, to int) {
	if from < 0 || to > len(in.text) || from == to {
		return
	}
	in.text = slices.Delete(in.text, from, to)
	in.cursor = from
}

// Draw draws the field in the first row of the box, so scrolled that the cursor is in sight. With focus it
// shows the terminal's cursor; an empty field shows hint.
func (in *Input) Draw(c *Canvas, b Box, focus bool, hint safe.Text) {
	if b.W <= 0 || b.H <= 0 {
		return
	}
	if len(in.text) == 0 {
		c.Text(b.X, b.Y, b.W, Muted, hint)
	}
	before := safe.Clean(string(in.text[:in.cursor]))
	skip := max(before.Width()-b.W+1, 0)
	shown := before.Drop(skip)
	x := c.Text(b.X, b.Y, b.W, Plain, shown)
	// At most b.W characters after the cursor can be seen.
	after := string(in.text[in.cursor:min(in.cursor+b.W, len(in.text))])
	c.Text(b.X+x, b.Y, b.W-x, Plain, safe.Clean(after).Take(b.W-x))
	if focus {
		c.SetCursor(b.X+min(shown.Width(), b.W-1), b.Y)
	}
}
