package safe

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks one character may carry; more would climb over the rows above.
const maxMarks = 4

const zeroWidthJoiner = '\u200d' // joins emoji and shapes Indic letters: the one format character that is text

// Clean makes text of any bytes safe to draw on one line:
//
//	C0 controls          their picture: ␛ ␇ ␍
//	DEL                  ␡
//	tab, newline         → and ⏎
//	C1 controls, format characters (bidi overrides, zero width), private use,
//	line separators      \u{9b}
//	bytes not UTF-8      \xff
//	combining marks      at most four on a character, the rest as \u{301}
//
// Clean of cleaned text changes nothing. Cleaning takes time in proportion to the input: for a long
// payload of which only the start is shown use [CleanHead].
func Clean[S ~string | ~[]byte](s S) Text {
	if printableASCII(s) {
		return Text{s: string(s), width: len(s), ascii: true}
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	clean(&b, string(s), -1)
	return measured(b.String())
}

// CleanHead is Clean of only as much of s as fills the given number of cells; what follows is shown as an
// ellipsis. Its cost does not depend on the length of s.
func CleanHead[S ~string | ~[]byte](s S, cells int) Text {
	if len(s) <= cells {
		return Clean(s).Fit(cells)
	}
	// A character of the input may be wider on screen than in bytes, never the reverse beyond
	// its marks; 4+4*maxMarks bytes hold the longest character that Clean leaves whole.
	head := s[:min(len(s), max(cells, 0)*(4+4*maxMarks))]
	var b strings.Builder
	clean(&b, string(head), cells+1)
	t := measured(b.String())
	if len(head) < len(s) && t.width <= cells {
		t = measured(t.s + "…")
	}
	return t.Fit(cells)
}

func printableASCII[S ~string | ~[]byte](s S) bool {
	for i := range len(s) {
		if s[i]-0x20 > 0x7e-0x20 {
			return false
		}
	}
	return true
}

// clean writes s to b; with limit >= 0 it stops after at least that many characters with a width.
func clean(b *strings.Builder, s string, limit int) {
	marks := 0
	for len(s) > 0 && limit != 0 {
		r, size := utf8.DecodeRuneInString(s)
		mark := r >= 0x300 && unicode.In(r, unicode.Mn, unicode.Me)
		switch {
		case r == utf8.RuneError && size <= 1:
			fmt.Fprintf(b, `\x%02x`, s[0])
		case mark && marks < maxMarks && b.Len() > 0:
			b.WriteString(s[:size])
		case mark, hidden(r):
			fmt.Fprintf(b, `\u{%x}`, r)
		default:
			b.WriteString(sign(r, s[:size]))
		}
		if mark {
			marks++
		} else {
			marks = 0
			limit--
		}
		s = s[size:]
	}
}

// sign returns what is drawn for a character that is not hidden: itself, or the picture of a control.
func sign(r rune, self string) string {
	switch {
	case r == '\t':
		return "→ "
	case r == '\n':
		return "⏎"
	case r < 0x20:
		return string(0x2400 + r)
	case r == 0x7f:
		return "␡"
	}
	return self
}

// hidden reports whether a terminal would show nothing for r, or would act on it.
func hidden(r rune) bool {
	switch {
	case r < 0x80:
		return false
	case r < 0xa0: // C1
		return true
	case r == 0xad, r == 0x34f, r == 0x115f, r == 0x1160, r == 0x3164, r == 0xffa0: // soft hyphen, joiner, Hangul fillers
		return true
	case r == zeroWidthJoiner:
		return false
	case r < 0x600:
		return false
	case r >= 0x3000 && r <= 0x9fff: // most of CJK, by far the commonest text beyond ASCII
		return false
	}
	return unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) || !assigned(r)
}

func assigned(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cf)
}
