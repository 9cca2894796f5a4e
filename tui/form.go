package tui

import (
	"context"
	"strconv"
	"strings"

	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/safe"
	"klab/tui/words"
)

// form is a dialog with fields. What it does when it is complete is up to who made it.
type form struct {
	heading words.ID
	fields  []field
	current int
	note    safe.Text // what the last submission did
	bad     bool      // note is an error
	busy    bool      // what was submitted last is still being done
	// submit does what the form is for. An error of a field is returned as its index and a text.
	submit func(e *env, f *form) effect
}

// field is one line of a form: free text, or one of a few choices.
type field struct {
	label    words.ID
	hint     words.ID // 0: none
	line     cell.Input
	nullable bool     // null is another value than nothing typed
	null     bool     // it is null; the line is empty
	choices  []string // nil: free text
	choice   int
	wrong    safe.Text // why the value is not accepted; empty: it is, as far as it is known
}

func (f *field) value() string {
	if f.choices != nil {
		return f.choices[f.choice]
	}
	return strings.TrimSpace(f.line.Value())
}

// payload is what was typed, byte for byte, or nil for null.
func (f *field) payload() []byte {
	if f.null {
		return nil
	}
	return []byte(f.line.Value())
}

// textsOf are the texts of all fields, for comparing them with later ones.
func textsOf(fields []field) []string {
	texts := make([]string, 0, len(fields))
	for i := range fields {
		texts = append(texts, strconv.FormatBool(fields[i].null)+fields[i].line.Value())
	}
	return texts
}

func (f *form) overlays() {}

func (f *form) scope() keymap.Scope { return keymap.Form }

func (f *form) input() *cell.Input {
	if f.fields[f.current].choices != nil {
		return nil
	}
	return &f.fields[f.current].line
}

func (f *form) typed(e *env) effect {
	at := &f.fields[f.current]
	at.wrong = safe.Text{}
	at.null = at.null && at.line.Value() == ""
	return nil
}

func (f *form) can(e *env, intent keymap.Intent) safe.Text {
	switch intent {
	case keymap.Submit:
		if f.busy {
			return e.text(words.WhyBusy)
		}
		return possible()
	case keymap.ToggleNull:
		if !f.fields[f.current].nullable {
			return e.text(words.WhyNotNull)
		}
		return possible()
	case keymap.NextField, keymap.PreviousField, keymap.CursorLeft, keymap.CursorRight:
		return possible()
	}
	return e.otherwise()
}

func (f *form) act(e *env, intent keymap.Intent) effect {
	switch intent {
	case keymap.NextField:
		f.current = (f.current + 1) % len(f.fields)
	case keymap.PreviousField:
		f.current = (f.current + len(f.fields) - 1) % len(f.fields)
	case keymap.CursorLeft:
		f.choose(-1)
	case keymap.CursorRight:
		f.choose(1)
	case keymap.ToggleNull:
		at := &f.fields[f.current]
		at.null = !at.null
		at.line.Clear()
	case keymap.Submit:
		return f.alone(f.submit(e, f))
	}
	return nil
}

// alone keeps the form from being submitted again while an operation of its own is under way.
func (f *form) alone(ef effect) effect {
	op, ok := ef.(operate)
	if !ok {
		return ef
	}
	f.busy = true
	do := op.do
	op.do = func(ctx context.Context) effect {
		over := update(func() effect {
			f.busy = false
			return nil
		})
		return all{over, do(ctx)}
	}
	return op
}

func (f *form) choose(step int) {
	at := &f.fields[f.current]
	if n := len(at.choices); n > 0 {
		at.choice = (at.choice + step + n) % n
	}
}

// refuse marks a field as wrong and goes to it.
func (f *form) refuse(i int, why safe.Text) effect {
	f.fields[i].wrong, f.current = why, i
	return nil
}

func (f *form) draw(c *cell.Canvas, b cell.Box, e *env) {
	label := 0
	for i := range f.fields {
		label = max(label, e.text(f.fields[i].label).Width())
	}
	rows := len(f.fields) + 5 // heading, gap, gap, two for the note
	box := c.Border(b.Center(min(max(b.W*3/5, 58), 100), rows+2))
	c.Text(box.X, box.Y, box.W, cell.Heading, e.text(f.heading))
	_, box = box.Top(2)
	for i := range f.fields {
		var row cell.Box
		row, box = box.Top(1)
		f.drawField(c, row, label, i, e)
	}
	_, box = box.Top(1)
	f.drawNote(c, box, e)
}

func (f *form) drawField(c *cell.Canvas, row cell.Box, label, i int, e *env) {
	at, focus := &f.fields[i], i == f.current
	style := cell.Muted
	if focus {
		style = cell.Strong
		c.Text(row.X, row.Y, 1, cell.Key, safe.Const("›"))
	}
	c.Text(row.X+2, row.Y, label, style, e.text(at.label))
	_, value := row.Left(label + 4)
	if at.choices == nil {
		at.line.Draw(c, value, focus, at.whenEmpty(e))
		return
	}
	x := value.X
	for j, choice := range at.choices {
		style := cell.Muted
		if j == at.choice {
			style = cell.Strong
			if focus {
				style |= cell.Selected
			}
		}
		x += c.Text(x, row.Y, value.X+value.W-x, style, clean(choice)) + 2
	}
}

// whenEmpty is what stands in the field while nothing is typed.
func (f *field) whenEmpty(e *env) safe.Text {
	switch {
	case f.null:
		return e.text(words.HintNull)
	case f.hint == 0:
		return safe.Text{}
	}
	return e.text(f.hint)
}

// drawNote says what is wrong with the field one is in, else what the form did, else what the field is for.
func (f *form) drawNote(c *cell.Canvas, b cell.Box, e *env) {
	text, style := f.note, cell.Plain
	if f.bad {
		style = cell.Bad
	}
	if wrong := f.fields[f.current].wrong; !wrong.Empty() {
		text, style = wrong, cell.Bad
	}
	if text.Empty() && f.fields[f.current].choices != nil {
		text, style = e.text(words.ChooseHint), cell.Muted
	}
	lines := text.Wrap(max(b.W, 1))
	for i, line := range lines {
		if i < b.H {
			c.Text(b.X, b.Y+i, b.W, style, line)
		}
	}
}
