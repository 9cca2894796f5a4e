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

func (p *preview) tableColumns(e *env) []cell.Column {
	columns := make([]cell.Column, len(p.columns))
	for i, col := range p.columns {
		columns[i] = cell.Column{Title: e.text(col.title), Width: col.width, Grow: col.grow, Right: col.right}
		if !col.right {
			columns[i].Least = 10
		}
	}
	return columns
}

func (p *preview) row(i int) []cell.Entry {
	row := make([]cell.Entry, 0, len(p.columns))
	for _, text := range p.lines[i] {
		row = append(row, cell.Entry{Text: text})
	}
	return row
}

func (p *preview) draw(c *cell.Canvas, b cell.Box, e *env) {
	width := min(b.W-4, 100)
	box := c.Border(b.Center(width, min(len(p.lines)+8, b.H)))
	c.Text(box.X, box.Y, box.W, cell.Heading, p.heading)
	_, box = box.Top(2)
	box, foot := box.Bottom(3)
	p.rows.Fit(len(p.lines), box.H-1)
	table := cell.Box{X: box.X - 1, Y: box.Y, W: box.W + 2, H: box.H}
	drawTable(c, table, &p.rows, len(p.lines), !p.rows.Complete(), p.tableColumns(e), p.row)
	c.Text(foot.X, foot.Y+1, foot.W, cell.Strong, p.note)
	if !p.why.Empty() {
		c.Text(foot.X, foot.Y+2, foot.W, cell.Bad, p.why)
		return
	}
	c.Text(foot.X, foot.Y+2, foot.W, cell.Muted, e.text(words.YesNo))
}
