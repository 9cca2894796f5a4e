package cell

import "github.com/charmbracelet/x/ansi"

// asciiOf returns the ASCII sign of one of the program's glyphs, and any other character as it is. Each sign
// is one cell, as its glyph is, so a screen has one layout in both modes.
func asciiOf(r rune) rune {
	switch r {
	case '●':
		return '*'
	case '✗':
		return 'x'
	case '✓':
		return '+'
	case '◌', '○':
		return 'o'
	case '∅':
		return '@'
	case '…':
		return '~'
	case '─', '═':
		return '-'
	case '│', '▏':
		return '|'
	case '┌', '┐', '└', '┘', '├', '┬', '┴', '┤', '┼':
		return '+'
	case '█', '▉', '▊', '▋', '▇':
		return '#'
	case '▌', '▍', '▅', '▆':
		return '='
	case '▎', '▃', '▄':
		return '-'
	case '▂', '░':
		return '.'
	case '▁':
		return '_'
	case '·', '•':
		return '-'
	case '›', '▸', '→', '⏵':
		return '>'
	case '‹', '←':
		return '<'
	case '▾', '↓':
		return 'v'
	case '↑':
		return '^'
	case '⏎':
		return '$'
	case '␡':
		return '?'
	case '—', '–':
		return '-'
	case '“', '”':
		return '"'
	case '×':
		return 'x'
	case '≤':
		return '<'
	case '≥':
		return '>'
	}
	if r >= 0x2400 && r < 0x2420 { // pictures of control characters
		return '^'
	}
	return r
}

// GlyphsFit reports whether this process's terminal shows the program's glyphs one cell wide. It is false
// where RUNEWIDTH_EASTASIAN=1 says that ambiguous characters are wide; ASCII mode is right there.
func GlyphsFit() bool { return ansi.StringWidth("─●█·") == 4 }
