package cell

import "unicode/utf8"

const reset = "\x1b[m"

// Encode returns the grid as the string a terminal gets: rows divided by newlines, without trailing blanks.
// When it equals the former result, that very string is returned and nothing is allocated.
func (c *Canvas) Encode(theme *Theme) string {
	c.out = c.out[:0]
	for y := range c.h {
		if y > 0 {
			c.out = append(c.out, '\n')
		}
		c.encodeRow(c.cells[y*c.w:(y+1)*c.w], theme)
	}
	if string(c.out) != c.frame { // the comparison does not allocate
		c.frame = string(c.out)
	}
	return c.frame
}

func (c *Canvas) encodeRow(row []one, theme *Theme) {
	for len(row) > 0 && row[len(row)-1].invisible() {
		row = row[:len(row)-1]
	}
	style := Plain
	for _, v := range row {
		if v.width == 0 {
			continue
		}
		if v.style != style && !(v.invisible() && style&Selected == 0) {
			c.out = append(c.out, theme.sgr[v.style.index()]...)
			style = v.style
		}
		c.appendRune(v)
	}
	if style != Plain {
		c.out = append(c.out, reset...)
	}
}

// invisible reports whether the cell looks like an untouched one in any style.
func (v one) invisible() bool { return v.r == ' ' && v.style&Selected == 0 }

func (c *Canvas) appendRune(v one) {
	switch {
	case v.r < 0:
		c.out = append(c.out, c.clusters[-v.r-1]...)
	case v.r < utf8.RuneSelf:
		c.out = append(c.out, byte(v.r))
	case c.ASCII && v.width == 1:
		c.out = utf8.AppendRune(c.out, asciiOf(v.r))
	default:
		c.out = utf8.AppendRune(c.out, v.r)
	}
}
