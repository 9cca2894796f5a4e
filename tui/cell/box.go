package cell

// Box is a rectangle of cells. A box may be empty; drawing into an empty box does nothing.
type Box struct{ X, Y, W, H int }

// Top cuts the first n rows off.
func (b Box) Top(n int) (top, rest Box) {
	n = min(max(n, 0), b.H)
	return Box{b.X, b.Y, b.W, n}, Box{b.X, b.Y + n, b.W, b.H - n}
}

// Bottom cuts the last n rows off.
func (b Box) Bottom(n int) (rest, bottom Box) {
	rest, bottom = b.Top(b.H - min(max(n, 0), b.H))
	return rest, bottom
}

// Left cuts the first n columns off.
func (b Box) Left(n int) (left, rest Box) {
	n = min(max(n, 0), b.W)
	return Box{b.X, b.Y, n, b.H}, Box{b.X + n, b.Y, b.W - n, b.H}
}

// Inset takes x columns off both sides and y rows off top and bottom.
func (b Box) Inset(x, y int) Box {
	return Box{b.X + min(x, b.W/2), b.Y + min(y, b.H/2), max(b.W-2*x, 0), max(b.H-2*y, 0)}
}

// Center returns a box of at most w x h in the middle of b.
func (b Box) Center(w, h int) Box {
	w, h = min(w, b.W), min(h, b.H)
	return Box{b.X + (b.W-w)/2, b.Y + (b.H-h)/2, w, h}
}

// Contains reports whether the cell at x, y is in the box.
func (b Box) Contains(x, y int) bool {
	return x >= b.X && x < b.X+b.W && y >= b.Y && y < b.Y+b.H
}
