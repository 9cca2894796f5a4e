package safe

import (
	"strings"
	"unicode/utf8"
)

// Text is one line of text that is safe to print: no control characters, no invisible characters, valid
// UTF-8. The zero value is empty. Its width is known, so drawing and cutting do not measure it again.
type Text struct {
	s     string
	width int
	ascii bool // every byte is printable ASCII: one byte is one cell
}

// literal can only be written as a constant by other packages, so that no run-time string gets around Clean.
type literal string

// Const makes a Text of a constant of the program's source. The constant must be printable.
func Const(s literal) Text { return Clean(string(s)) }

// Join puts the texts one after the other with sep between them.
func Join(sep Text, texts ...Text) Text {
	parts := make([]string, len(texts))
	for i, t := range texts {
		parts[i] = t.s
	}
	return measured(strings.Join(parts, sep.s))
}

// String returns the cleaned text. It is safe to print on a terminal.
func (t Text) String() string { return t.s }

// Width returns how many terminal cells the text takes.
func (t Text) Width() int { return t.width }

// Empty reports whether there is nothing to draw.
func (t Text) Empty() bool { return t.s == "" }

// ASCII reports whether every byte of the text is one cell.
func (t Text) ASCII() bool { return t.ascii }

// Take returns the longest start of the text that fits in cells.
func (t Text) Take(cells int) Text {
	if t.width <= cells {
		return t
	}
	n, w := t.prefix(cells)
	return Text{s: t.s[:n], width: w, ascii: t.ascii}
}

// Drop returns the text without its first cells. A wide character that is cut in half goes entirely.
func (t Text) Drop(cells int) Text {
	if cells <= 0 {
		return t
	}
	if t.width <= cells {
		return Text{}
	}
	n, w := t.prefix(cells)
	if w < cells {
		size, width := Cluster(t.s[n:])
		n, w = n+size, w+width
	}
	return Text{s: t.s[n:], width: t.width - w, ascii: t.ascii}
}

// Fit returns the text if it fits in cells, else its start and an ellipsis.
func (t Text) Fit(cells int) Text {
	if t.width <= cells {
		return t
	}
	if cells <= 0 {
		return Text{}
	}
	head := t.Take(cells - 1)
	return Text{s: head.s + "…", width: head.width + 1}
}

// prefix returns the bytes and cells of the longest start that fits in cells.
func (t Text) prefix(cells int) (size, width int) {
	if cells <= 0 {
		return 0, 0
	}
	if t.ascii {
		return min(cells, len(t.s)), min(cells, len(t.s))
	}
	for size < len(t.s) {
		n, w := Cluster(t.s[size:])
		if width+w > cells {
			break
		}
		size, width = size+n, width+w
	}
	return size, width
}

// Wrap breaks the text into lines of at most cells, between words where it can, else between characters.
// Between two wide characters a line may always break, as Chinese is written.
func (t Text) Wrap(cells int) []Text {
	if cells <= 0 {
		return nil
	}
	var lines []Text
	for rest := t; ; {
		if rest.width <= cells {
			return append(lines, rest)
		}
		size, width := rest.breakAt(cells)
		head := Text{s: rest.s[:size], width: width, ascii: rest.ascii}
		lines = append(lines, head.trimRight())
		rest = Text{s: rest.s[size:], width: rest.width - width, ascii: rest.ascii}.trimLeft()
	}
}

func (t Text) trimRight() Text {
	s := strings.TrimRight(t.s, " ")
	return Text{s: s, width: t.width - (len(t.s) - len(s)), ascii: t.ascii}
}

// trimLeft drops spaces from the start, but not one that carries a mark.
func (t Text) trimLeft() Text {
	for t.s != "" && t.s[0] == ' ' && (len(t.s) == 1 || t.s[1] < utf8.RuneSelf || standsAlone(t.s[1:])) {
		t.s, t.width = t.s[1:], t.width-1
	}
	return t
}

// breakAt returns the bytes and cells of the line of at most cells that the text should begin with; it is
// never empty.
func (t Text) breakAt(cells int) (size, width int) {
	var lastSize, lastWidth int
	for size < len(t.s) {
		n, w := Cluster(t.s[size:])
		if width+w > cells && size > 0 {
			if t.s[size] == ' ' || lastSize == 0 {
				return size, width
			}
			return lastSize, lastWidth
		}
		space := n == 1 && t.s[size] == ' '
		size, width = size+n, width+w
		if space || (w == 2 || t.wideAt(size)) && !closing(t.s[size:]) {
			lastSize, lastWidth = size, width
		}
	}
	return size, width
}

func (t Text) wideAt(i int) bool {
	r, _ := utf8.DecodeRuneInString(t.s[i:])
	return wide(r)
}

// closing reports whether s begins with a mark that must not begin a line.
func closing(s string) bool {
	for _, mark := range [...]string{"，", "。", "、", "；", "：", "？", "！", "）", "」", "”", ".", ",", ";", ":", "?", "!", ")"} {
		if strings.HasPrefix(s, mark) {
			return true
		}
	}
	return false
}
