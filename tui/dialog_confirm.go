package tui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/safe"
	"klab/tui/words"
)

// confirm asks before something that cannot be undone. With a name, that name has to be typed.
type confirm struct {
	question, more safe.Text
	word           string // what has to be typed; empty: y is enough
	line           cell.Input
	do             func() effect
}

func newConfirm(question, more safe.Text, name string, do func() effect) *confirm {
	d := &confirm{question: question, more: more, word: name, do: do}
	if !typable(name) {
		d.word = anyName
	}
	return d
}

const (
	anyName = "confirm" // typed in place of a name that cannot be
	longest = 100       // from here on a name is no longer typed
)

// typable reports whether a person can type a name from how it is shown: no character of it is shown as something else, is
// invisible or can be typed in two ways, and it leaves the dialog room for the question on the smallest terminal.
func typable(name string) bool {
	hidden := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) || unicode.IsMark(r) }
	return len(name) <= longest && !strings.ContainsFunc(name, hidden) && strings.Join(strings.Fields(name), " ") == name
}

func (d *confirm) overlays() {}

func (d *confirm) scope() keymap.Scope {
	if d.word != "" {
		return keymap.Form
	}
	return keymap.Confirm
}

func (d *confirm) input() *cell.Input {
	if d.word == "" {
		return nil
	}
	return &d.line
}

func (d *confirm) typed(e *env) effect { return nil }

func (d *confirm) can(e *env, intent keymap.Intent) safe.Text {
	switch intent {
	case keymap.Yes, keymap.No:
		return possible()
	case keymap.Submit:
		if strings.TrimSpace(d.line.Value()) != d.word {
			return d.prompt(e)
		}
		return possible()
	}
	return e.otherwise()
}

func (d *confirm) act(e *env, intent keymap.Intent) effect {
	if intent == keymap.No {
		return goBack{}
	}
	return all{goBack{}, d.do()}
}

// prompt says how to go on.
func (d *confirm) prompt(e *env) safe.Text {
	if d.word == "" {
		return e.text(words.YesNo)
	}
	return e.format(words.TypeToConfirm, d.word)
}

// draw keeps the last rows for what is typed and how to go on, whatever else finds room above them.
func (d *confirm) draw(c *cell.Canvas, b cell.Box, e *env) {
	width := min(b.W-4, 66)
	question, more, prompt := d.question.Wrap(width-4), d.more.Wrap(width-4), d.prompt(e).Wrap(width-4)
	foot := len(prompt)
	if d.word != "" {
		foot++
	}
	box := c.Border(b.Center(width, len(question)+len(more)+1+foot+2))
	box, low := box.Bottom(foot)
	box = drawPlain(c, box, cell.Strong, question)
	drawPlain(c, box, cell.Plain, more)
	low = drawPlain(c, low, cell.Muted, prompt)
	if d.word != "" {
		d.line.Draw(c, low, true, safe.Text{})
	}
}

// drawPlain draws lines without a margin and returns the rest of the box.
func drawPlain(c *cell.Canvas, b cell.Box, style cell.Style, lines []safe.Text) cell.Box {
	for _, line := range lines {
		var row cell.Box
		if row, b = b.Top(1); row.H > 0 {
			c.Text(row.X, row.Y, row.W, style, line)
		}
	}
	return b
}
