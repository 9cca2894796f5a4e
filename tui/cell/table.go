package cell

import "klab/tui/safe"

// Column is one column of a table.
type Column struct {
	Title safe.Text
	Width int  // cells, without the gap to the next column
	Grow  int  // share of the cells left over; 0: none
	Right bool // numbers: at the right edge, and whole
	Whole bool // as wide as what it shows, whatever Width says: ids and numbers that would mean something else when cut
	Least int  // width down to which it gives way to whole columns; 0: Width
	Drop  int  // 0: always shown; else the column with the highest Drop goes first when space is short
	Spare bool // has a place only while a row has something to show in it
}

// Entry is what one row shows in one column.
type Entry struct {
	Style Style
	Text  safe.Text
}

const gap = 2 // cells between columns

// Layout is where the columns of a table are for one width. It changes with a resize, or when a number gets longer.
type Layout struct {
	columns []Column
	x       []int // -1: dropped
	width   []int
}

// Arrange fits columns into width cells: it drops columns by their order of Drop until the others fit, then
// shares out what is left over.
func Arrange(columns []Column, width int) Layout { return ArrangeFor(columns, width, nil) }

// ArrangeFor is Arrange for the rows that are going to be shown. Columns that must be whole get what their longest entry
// needs: others give way first, then more are dropped.
func ArrangeFor(columns []Column, width int, rows [][]Entry) Layout {
	l := Layout{columns: columns, x: make([]int, len(columns)), width: make([]int, len(columns))}
	for i, c := range columns {
		l.width[i] = max(c.Width, min(c.Title.Width(), c.Width+8))
		if c.Spare && longest(rows, i) == 0 {
			l.x[i] = -1
		}
	}
	for l.used() > width && l.drop() {
	}
	for i, c := range columns {
		if c.Right || c.Whole {
			l.width[i] = max(l.width[i], longest(rows, i))
		}
	}
	for l.used()-l.slack() > width && l.drop() {
	}
	l.giveWay(l.used() - width)
	l.place(max(width-l.used(), 0))
	return l
}

// longest is the width of the longest entry of a column.
func longest(rows [][]Entry, column int) int {
	width := 0
	for _, row := range rows {
		if column < len(row) {
			width = max(width, row[column].Text.Width())
		}
	}
	return width
}

// used is the width of the shown columns with the gaps between them.
func (l *Layout) used() int {
	used := -gap
	for i, width := range l.width {
		if l.x[i] >= 0 {
			used += width + gap
		}
	}
	return used
}

// drop takes the shown column with the highest Drop away; false: every one has to stay.
func (l *Layout) drop() bool {
	worst := -1
	for i, c := range l.columns {
		if l.x[i] >= 0 && c.Drop > 0 && (worst < 0 || c.Drop > l.columns[worst].Drop) {
			worst = i
		}
	}
	if worst < 0 {
		return false
	}
	l.x[worst] = -1
	return true
}

// gives is by how much column i can give way.
func (l *Layout) gives(i int) int {
	if least := l.columns[i].Least; l.x[i] >= 0 && least > 0 {
		return max(l.width[i]-least, 0)
	}
	return 0
}

// slack is by how much all columns together can give way.
func (l *Layout) slack() int {
	slack := 0
	for i := range l.columns {
		slack += l.gives(i)
	}
	return slack
}

// giveWay takes n cells away, each from the column that can give most.
func (l *Layout) giveWay(n int) {
	for ; n > 0; n-- {
		most := 0
		for i := range l.columns {
			if l.gives(i) > l.gives(most) {
				most = i
			}
		}
		if l.gives(most) == 0 {
			return
		}
		l.width[most]--
	}
}

// place puts the shown columns side by side and shares spare cells out among those that grow.
func (l *Layout) place(spare int) {
	grow := 0
	for i, c := range l.columns {
		if l.x[i] >= 0 {
			grow += c.Grow
		}
	}
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

// Box is the part of b's row y in which column i is drawn; empty if the column is dropped.
func (l *Layout) Box(b Box, y, i int) Box {
	if l.x[i] < 0 {
		return Box{}
	}
	return Box{X: b.X + l.x[i], Y: y, W: max(min(l.width[i], b.W-l.x[i]), 0), H: 1}
}

// Row draws the entries of one row on row y of the box.
func (l *Layout) Row(c *Canvas, b Box, y int, row []Entry) {
	for i, entry := range row {
		l.Put(c, b, y, i, entry.Style, entry.Text)
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
