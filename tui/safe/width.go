package safe

import (
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Cluster returns the bytes and cells of the first character of clean text, as a person sees one: a
// letter with its marks, or a joined emoji. s must not be empty.
func Cluster(s string) (size, width int) {
	if s[0] < utf8.RuneSelf {
		if len(s) == 1 || s[1] < utf8.RuneSelf {
			return 1, 1
		}
	} else if r, n := utf8.DecodeRuneInString(s); wide(r) && standsAlone(s[n:]) {
		return n, 2
	}
	cluster, w := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
	return len(cluster), w
}

// wide reports whether r is certainly two cells, without a table: ideographs and full-width forms.
func wide(r rune) bool {
	return r >= 0x4e00 && r <= 0x9fff || r >= 0x3001 && r <= 0x3029 || r >= 0xff01 && r <= 0xff60
}

// standsAlone reports whether the character before s cannot be joined by what s begins with.
func standsAlone(s string) bool {
	if s == "" || s[0] < utf8.RuneSelf {
		return true
	}
	r, _ := utf8.DecodeRuneInString(s)
	return wide(r)
}

// measured makes a Text of clean text.
func measured(s string) Text {
	if printableASCII(s) {
		return Text{s: s, width: len(s), ascii: true}
	}
	width := 0
	for i := 0; i < len(s); {
		n, w := Cluster(s[i:])
		i, width = i+n, width+w
	}
	return Text{s: s, width: width}
}
