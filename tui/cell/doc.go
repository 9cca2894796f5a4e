// Package cell draws text into a grid of terminal cells.
//
// A [Canvas] is what a screen draws into, box by box; it clips, pads and counts in cells, so no line can be
// wider than the terminal. It takes only [safe.Text]. When everything is drawn, [Canvas.Encode] turns the grid
// into the string that the terminal gets, and returns the former string if nothing changed, which tells the
// renderer to do nothing.
//
// Styles are roles ([OK], [Warn], [Leader], …), not colours; a [Theme] gives each role its escape sequence
// once. In ASCII mode every glyph of the program is replaced by the ASCII sign of one table.
//
// Nothing here is safe for concurrent use: a program has one canvas, drawn by its event loop.
package cell
