package cell

import (
	"slices"
	"unicode/utf8"

	"klab/tui/safe"
)

// one is a cell: a character, and how many cells it takes from here (0: covered by the one on its left).
type one struct {
	r     rune // negative: index -r-1 into Canvas.clusters
	style Style
	width uint8
}

var blank = one{r: ' ', width: 1}

// Canvas is a grid of cells. The zero value is an empty grid in Unicode; see [Canvas.Resize].
type Canvas struct {
	ASCII bool // draw the program's own glyphs as ASCII

	w, h     int
	cells    []one
	clusters []string // characters of more than one rune, of this frame
	cursorX  int      // -1: no text cursor
	cursorY  int
	out      []byte
	frame    string // what Encode returned last
}

// Resize sets the grid's size in cells and clears it.
func (c *Canvas) Resize(w, h int) {
	c.w, c.h = max(w, 0), max(h, 0)
	c.cells = slices.Grow(c.cells[:0], c.w*c.h)[:c.w*c.h]
	c.Clear()
}

// Clear blanks every cell and takes the text cursor away.
func (c *Canvas) Clear() {
	for i := range c.cells {
		c.cells[i] = blank
	}
	clear(c.clusters)
	c.clusters = c.clusters[:0]
	c.cursorX, c.cursorY = -1, -1
}

// Box is the whole canvas.
func (c *Canvas) Box() Box { return Box{W: c.w, H: c.h} }

// SetCursor shows the terminal's cursor at x, y.
func (c *Canvas) SetCursor(x, y int) { c.cursorX, c.cursorY = x, y }

// Cursor returns where the terminal's cursor is to be shown, if it is.
func (c *Canvas) Cursor() (x, y int, shown bool) {
	return c.cursorX, c.cursorY, c.Box().Contains(c.cursorX, c.cursorY)
}

// Text draws t at x, y in at most limit cells, ending with an ellipsis where it does not fit, and returns
// the cells used.
func (c *Canvas) Text(x, y, limit int, style Style, t safe.Text) int {
	limit = min(limit, c.w-x)
	if limit <= 0 || x < 0 || y < 0 || y >= c.h {
		return 0
	}
	t = t.Fit(limit)
	row := c.cells[y*c.w : (y+1)*c.w]
	if s := t.String(); t.ASCII() {
		for i := range len(s) {
			c.set(row, x+i, one{r: rune(s[i]), style: style, width: 1})
		}
		return len(s)
	}
	return c.clustersInto(row, x, style, t.String())
}

func (c *Canvas) clustersInto(row []one, x int, style Style, s string) int {
	start := x
	for len(s) > 0 {
		size, width := safe.Cluster(s)
		r, n := utf8.DecodeRuneInString(s)
		if n < size {
			c.clusters = append(c.clusters, s[:size])
			r = rune(-len(c.clusters))
		}
		if width > 0 {
			c.set(row, x, one{r: r, style: style, width: uint8(width)})
		}
		x, s = x+width, s[size:]
	}
	return x - start
}

// set writes one character and blanks the halves of wide characters that it cuts.
func (c *Canvas) set(row []one, x int, v one) {
	if x+int(v.width) > len(row) {
		return
	}
	if row[x].width == 0 && x > 0 {
		row[x-1].r, row[x-1].width = ' ', 1
	}
	if last := x + int(v.width) - 1; row[last].width == 2 {
		row[last+1].r, row[last+1].width = ' ', 1
	}
	row[x] = v
	if v.width == 2 {
		row[x+1] = one{style: v.style}
	}
}

// Right draws t so that it ends at the right edge of the limit cells that begin at x.
func (c *Canvas) Right(x, y, limit int, style Style, t safe.Text) {
	t = t.Fit(limit)
	c.Text(x+limit-t.Width(), y, t.Width(), style, t)
}

// Fill draws the glyph r, which is one cell wide, on every cell of the box.
func (c *Canvas) Fill(b Box, style Style, r rune) {
	for y := max(b.Y, 0); y < min(b.Y+b.H, c.h); y++ {
		row := c.cells[y*c.w : (y+1)*c.w]
		for x := max(b.X, 0); x < min(b.X+b.W, c.w); x++ {
			c.set(row, x, one{r: r, style: style, width: 1})
		}
	}
}

// Rule draws a horizontal line through the first row of the box.
func (c *Canvas) Rule(b Box) { c.Fill(Box{b.X, b.Y, b.W, min(b.H, 1)}, Muted, '─') }

// Select shows every cell of the box as chosen, whatever else its style says.
func (c *Canvas) Select(b Box) {
	for y := max(b.Y, 0); y < min(b.Y+b.H, c.h); y++ {
		for x := max(b.X, 0); x < min(b.X+b.W, c.w); x++ {
			c.cells[y*c.w+x].style |= Selected
		}
	}
}

// Dim shows every cell of the canvas as out of reach; a dialog is drawn over it.
func (c *Canvas) Dim() {
	for i := range c.cells {
		c.cells[i].style = Muted
	}
}

// Border draws a border round the box, clears its inside and returns the inside.
func (c *Canvas) Border(b Box) Box {
	if b.W < 2 || b.H < 2 {
		return Box{}
	}
	c.Fill(b, Plain, ' ')
	right, bottom := b.X+b.W-1, b.Y+b.H-1
	c.Fill(Box{b.X, b.Y, b.W, 1}, Muted, '─')
	c.Fill(Box{b.X, bottom, b.W, 1}, Muted, '─')
	c.Fill(Box{b.X, b.Y, 1, b.H}, Muted, '│')
	c.Fill(Box{right, b.Y, 1, b.H}, Muted, '│')
	for _, corner := range [...]struct {
		x, y int
		r    rune
	}{{b.X, b.Y, '┌'}, {right, b.Y, '┐'}, {b.X, bottom, '└'}, {right, bottom, '┘'}} {
		c.Fill(Box{corner.x, corner.y, 1, 1}, Muted, corner.r)
	}
	return b.Inset(2, 1)
}
