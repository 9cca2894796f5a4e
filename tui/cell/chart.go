package cell

// levels are the eighths of a cell from below.
var levels = [...]rune{'▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'}

// eighths are the eighths of a cell from the left; index 0 is nothing.
var eighths = [...]rune{' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'}

// Sparkline draws the newest values that fit in the first row of the box, scaled to the highest of them, so
// that the newest is at the right edge. A value of 0 or less is drawn as the lowest level.
func (c *Canvas) Sparkline(b Box, style Style, values []float64) {
	if b.W <= 0 || b.H <= 0 {
		return
	}
	values = values[max(len(values)-b.W, 0):]
	top := 0.0
	for _, v := range values {
		top = max(top, v)
	}
	x := b.X + b.W - len(values)
	for i, v := range values {
		level := 0
		if top > 0 && v > 0 {
			level = min(int(v/top*float64(len(levels))), len(levels)-1)
		}
		c.Fill(Box{x + i, b.Y, 1, 1}, style, levels[level])
	}
}

// Bar draws a bar of share (0 to 1) of the box's first row, to an eighth of a cell.
func (c *Canvas) Bar(b Box, style Style, share float64) {
	if b.W <= 0 || b.H <= 0 {
		return
	}
	n := int(min(max(share, 0), 1)*float64(b.W)*8 + 0.5)
	c.Fill(Box{b.X, b.Y, n / 8, 1}, style, eighths[8])
	if rest := n % 8; rest > 0 {
		c.Fill(Box{b.X + n/8, b.Y, 1, 1}, style, eighths[rest])
	}
}
