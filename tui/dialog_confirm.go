package tui

import (
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/safe"
	"klab/tui/words"
)

// confirm asks before something that cannot be undone. With a name, that name has to be typed.
type confirm struct {
	question, more safe.Text
	name           string // empty: y is enough
	line           cell.Input
	do             func() effect
}

func newConfirm(question, more safe.Text, name string, do func() effect) *confirm {
	return &confirm{question: question, more: more, name: name, do: do}
}

func (d *confirm) overlays() {}

func (d *confirm) scope() keymap.Scope {
	if d.name != "" {
		return keymap.Form
	}
	return keymap.Confirm
}

func (d *confirm) input() *cell.Input {
	if d.name == "" {
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
		if d.line.Value() != d.name {
			return e.format(words.TypeToConfirm, d.name)
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

func (d *confirm) draw(c *cell.Canvas, b cell.Box, e *env) {
	width := min(b.W-4, 66)
	more := d.more.Wrap(width - 4)
	box := c.Border(b.Center(width, len(more)+5))
	c.Text(box.X, box.Y, box.W, cell.Strong, d.question)
	_, box = box.Top(1)
	box = drawPlain(c, box, cell.Plain, more)
	_, box = box.Top(1)
	if d.name == "" {
		c.Text(box.X, box.Y, box.W, cell.Muted, e.text(words.YesNo))
		return
	}
	x := c.Text(box.X, box.Y, box.W, cell.Muted, e.format(words.TypeToConfirm, d.name)) + 2
	d.line.Draw(c, cell.Box{X: box.X + x, Y: box.Y, W: box.W - x, H: 1}, true, safe.Text{})
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
