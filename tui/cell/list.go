package cell

// List is where a reader is in a sequence of rows: the chosen one and the first one shown. It knows neither
// the rows nor how they look, so a list of 100,000 costs as much as one of ten.
type List struct {
	Cursor int // index of the chosen row; 0 when there is none
	Offset int // index of the first row shown
	count  int
	height int
}

// Fit tells the list how many rows there are and how many can be shown, and keeps the chosen row in sight.
func (l *List) Fit(count, height int) {
	l.count, l.height = max(count, 0), max(height, 1)
	l.Cursor = min(max(l.Cursor, 0), max(l.count-1, 0))
	l.Offset = min(l.Offset, l.Cursor, max(l.count-l.height, 0))
	l.Offset = max(l.Offset, l.Cursor-l.height+1, 0)
}

// Move goes down by n rows, or up if n is negative, and stops at the ends.
func (l *List) Move(n int) {
	l.Cursor += n
	l.Fit(l.count, l.height)
}

// Shift follows n rows leaving the beginning: the same rows stay chosen and shown, as long as they are there.
func (l *List) Shift(n int) {
	l.Cursor, l.Offset = max(l.Cursor-n, 0), max(l.Offset-n, 0)
}

// Page goes down by n screens.
func (l *List) Page(n int) { l.Move(n * max(l.height-1, 1)) }

// Home goes to the first row, End to the last.
func (l *List) Home() { l.Move(-l.count) }

// End goes to the last row.
func (l *List) End() { l.Move(l.count) }

// Visible returns the half-open range of rows shown.
func (l *List) Visible() (from, to int) { return l.Offset, min(l.Offset+l.height, l.count) }

// Complete reports whether every row is shown at once.
func (l *List) Complete() bool { return l.count <= l.height }

// Count is the number of rows.
func (l *List) Count() int { return l.count }
