package cell

import "klab/tui/safe"

// Column is one column of a table.
type Column struct {
	Title safe.Text
	Width int  // cells, without the gap to the next column
	Grow  int  // share of the cells left over; 0: none
	Right bool // numbers
	Drop  int  // 0: always shown; else the column with the highest Drop goes first when space is short
}

const gap = 2 // cells between columns

// Layout is where the columns of a table are for one width. Between resizes it does not change.
type Layout struct {
	columns []Column
	x       []int // -1: dropped
	width   []int
}

// Arrange fits columns into width cells: it drops columns by their order of Drop until the others fit, then
// shares out what is left over.
func Arrange(columns []Column, width int) Layout {
	l := Layout{columns: columns, x: make([]int, len(columns)), width: make([]int, len(columns))}
	used, grow := -gap, 0
	for i, c := range columns {
		l.width[i] = max(c.Width, min(c.Title.Width(), c.Width+8))
		used += l.width[i] + gap
		grow += c.Grow
	}
	for used > width {
		i := l.expendable()
		if i < 0 {
			break
		}
		used -= l.width[i] + gap
		grow -= columns[i].Grow
		l.x[i] = -1
	}
	l.place(max(width-used, 0), grow)
	return l
}

// expendable returns the shown column with the highest Drop, or -1.
func (l *Layout) expendable() int {
	worst := -1
	for i, c := range l.columns {
		if l.x[i] >= 0 && c.Drop > 0 && (worst < 0 || c.Drop > l.columns[worst].Drop) {
			worst = i
		}
	}
	return worst
}

func (l *Layout) place(spare, grow int) {
	x := 0
	for i, c := range l.columns {
		if l.x[i] < 0 {
			continue
		}
		if c.Grow > 0 && grow > 0 {
			share := spare * c.Grow / grow
			l.width[i] += share
			spare, grow = spare-share, grow-c.Grow
		}
		l.x[i] = x
		x += l.width[i] + gap
	}
}

// Shown reports whether column i has a place, and how wide it is.
func (l *Layout) Shown(i int) (width int, ok bool) { return l.width[i], l.x[i] >= 0 }

// Heads draws the titles of the columns on row y of the box.
func (l *Layout) Heads(c *Canvas, b Box, y int) {
	for i, col := range l.columns {
		l.Put(c, b, y, i, Muted, col.Title)
	}
}

// Note draws a note right of the title of column i, as far as it fits there, on row y of the box.
func (l *Layout) Note(c *Canvas, b Box, y, i int, style Style, note safe.Text) {
	if title := l.columns[i].Title.Width() + 1; l.x[i] >= 0 && title < l.width[i] {
		c.Right(b.X+l.x[i]+title, y, min(l.width[i], b.W-l.x[i])-title, style, note)
	}
}

// Put draws t in column i on row y of the box; nothing if the column is dropped.
func (l *Layout) Put(c *Canvas, b Box, y, i int, style Style, t safe.Text) {
	if l.x[i] < 0 {
		return
	}
	limit := min(l.width[i], b.W-l.x[i])
	if l.columns[i].Right {
		c.Right(b.X+l.x[i], y, limit, style, t)
		return
	}
	c.Text(b.X+l.x[i], y, limit, style, t)
}
