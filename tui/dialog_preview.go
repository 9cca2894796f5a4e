package tui

import (
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/safe"
	"klab/tui/words"
)

// preview shows what an operation would do, line by line, before it is done.
type preview struct {
	heading safe.Text
	note    safe.Text // what it comes to
	columns []previewColumn
	lines   [][]safe.Text
	rows    cell.List
	why     safe.Text // why it cannot be done; empty: it can
	do      func(e *env) effect
}

// previewColumn is a column of a preview: its title, width, share of what is left over, and whether it holds numbers.
type previewColumn struct {
	title       words.ID
	width, grow int
	right       bool
}

func (p *preview) overlays() {}

func (p *preview) scope() keymap.Scope { return keymap.Preview }

func (p *preview) can(e *env, intent keymap.Intent) safe.Text {
	switch {
	case isMove(intent), intent == keymap.No:
		return possible()
	case intent == keymap.Yes:
		return p.why
	}
	return e.otherwise()
}

func (p *preview) act(e *env, intent keymap.Intent) effect {
	switch {
	case moveRows(&p.rows, intent):
		return nil
	case intent == keymap.Yes:
		return p.do(e)
	}
	return goBack{}
}

func (p *preview) draw(c *cell.Canvas, b cell.Box, e *env) {
	width := min(b.W-4, 100)
	box := c.Border(b.Center(width, min(len(p.lines)+8, b.H)))
	c.Text(box.X, box.Y, box.W, cell.Heading, p.heading)
	_, box = box.Top(2)
	box, foot := box.Bottom(3)
	columns := make([]cell.Column, len(p.columns))
	for i, col := range p.columns {
		columns[i] = cell.Column{Title: e.text(col.title), Width: col.width, Grow: col.grow, Right: col.right}
	}
	l := cell.Arrange(columns, box.W)
	head, rows := box.Top(1)
	l.Heads(c, head, head.Y)
	p.rows.Fit(len(p.lines), rows.H)
	from, to := p.rows.Visible()
	for i := from; i < to; i++ {
		for j, text := range p.lines[i] {
			l.Put(c, rows, rows.Y+i-from, j, cell.Plain, text)
		}
		if !p.rows.Complete() && i == p.rows.Cursor {
			c.Select(cell.Box{X: rows.X, Y: rows.Y + i - from, W: rows.W, H: 1})
		}
	}
	c.Text(foot.X, foot.Y+1, foot.W, cell.Strong, p.note)
	if !p.why.Empty() {
		c.Text(foot.X, foot.Y+2, foot.W, cell.Bad, p.why)
		return
	}
	c.Text(foot.X, foot.Y+2, foot.W, cell.Muted, e.text(words.YesNo))
}
