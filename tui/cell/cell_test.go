package cell

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"klab/tui/safe"
)

func canvas(w, h int) *Canvas {
	c := &Canvas{}
	c.Resize(w, h)
	return c
}

func plain(t testing.TB) *Theme {
	t.Helper()
	theme, err := NewTheme("mono")
	if err != nil {
		t.Fatal(err)
	}
	return theme
}

func text(t testing.TB, c *Canvas) string {
	t.Helper()
	return ansi.Strip(c.Encode(plain(t)))
}

func TestTextIsClippedAndCounted(t *testing.T) {
	c := canvas(6, 2)
	if n := c.Text(1, 0, 9, Plain, safe.Const("abcdefgh")); n != 5 {
		t.Errorf("used %d cells", n)
	}
	c.Right(0, 1, 6, Plain, safe.Const("领导者上任"))
	if got, want := text(t, c), " abcd…\n 领导…"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, at := range [][2]int{{-1, 0}, {0, -1}, {0, 2}, {6, 0}} {
		if n := c.Text(at[0], at[1], 3, Plain, safe.Const("x")); n != 0 {
			t.Errorf("drew outside at %v", at)
		}
	}
}

func TestOverwritingHalfAWideCharacterLeavesABlank(t *testing.T) {
	c := canvas(6, 1)
	c.Text(0, 0, 6, Plain, safe.Const("领导者"))
	c.Text(1, 0, 2, Plain, safe.Const("ab"))
	if got, want := text(t, c), " ab 者"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEncodeReturnsTheSameStringWhenNothingChanged(t *testing.T) {
	c, theme := canvas(20, 3), plain(t)
	draw := func(s safe.Text) string {
		c.Clear()
		c.Text(0, 0, 20, Strong, s)
		return c.Encode(theme)
	}
	first := draw(safe.Const("a"))
	if allocs := testing.AllocsPerRun(10, func() { draw(safe.Const("a")) }); allocs > 1 { // Const itself allocates nothing; its result is measured
		t.Errorf("an unchanged frame allocates %.0f times", allocs)
	}
	if draw(safe.Const("b")) == first {
		t.Error("a changed frame is the same")
	}
}

func TestStyles(t *testing.T) {
	c := canvas(8, 1)
	c.Text(0, 0, 2, Bad, safe.Const("ab"))
	c.Text(4, 0, 2, Plain, safe.Const("cd"))
	theme, err := NewTheme("auto")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Encode(theme), "\x1b[0;1;31mab  \x1b[mcd"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c.Select(Box{X: 0, Y: 0, W: 8, H: 1})
	if got, want := c.Encode(theme), "\x1b[0;1;7;31mab\x1b[0;7m  cd  \x1b[m"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEveryThemeTellsTheRolesApart(t *testing.T) {
	for _, name := range ThemeNames() {
		theme, err := NewTheme(name)
		if err != nil {
			t.Fatal(err)
		}
		for s := range styles {
			if params := strings.TrimSuffix(theme.sgr[(s|Selected).index()], "m"); !strings.Contains(params+";", ";7;") {
				t.Errorf("%s: style %d looks the same when it is chosen", name, s)
			}
		}
		for _, pair := range [][2]Style{{Plain, Bad}, {Muted, Warn}, {Plain, Strong}} {
			if theme.sgr[pair[0]] == theme.sgr[pair[1]] {
				t.Errorf("%s: styles %v look the same", name, pair)
			}
		}
	}
	if _, err := NewTheme("neon"); err == nil || !strings.Contains(err.Error(), "auto, dark") {
		t.Errorf("unknown theme: %v", err)
	}
}

func TestASCIIGlyphsAreASCII(t *testing.T) {
	c := canvas(80, 1)
	c.ASCII = true
	c.Text(0, 0, 80, Plain, safe.Const("●✗◌✓∅─│┌┐└┘█▉▊▋▌▍▎▏▁▂▃▄▅▆▇░·›▸▾→⏎␛␡…—“”×≤≥"))
	for _, r := range text(t, c) {
		if r > 0x7e {
			t.Errorf("%q is drawn in ASCII mode", r)
		}
	}
}

func TestBarAndSparkline(t *testing.T) {
	c := canvas(8, 2)
	c.Bar(Box{W: 8, H: 1}, Plain, 0.55)
	c.Sparkline(Box{Y: 1, W: 8, H: 1}, Plain, []float64{9, 0, 1, 2, 4, 8})
	if got, want := text(t, c), "████▍\n  █▁▁▂▄█"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c.Clear()
	c.Bar(Box{W: 8, H: 1}, Plain, 7)
	c.Sparkline(Box{Y: 1, W: 3, H: 1}, Plain, []float64{1, 1, 1, 1, 0})
	if got, want := text(t, c), "████████\n██▁"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestColumnsAreDroppedByOrder(t *testing.T) {
	columns := []Column{{Width: 10, Grow: 1}, {Width: 5, Drop: 2}, {Width: 5, Right: true, Drop: 1}}
	for width, want := range map[int][]bool{24: {true, true, true}, 20: {true, false, true}, 12: {true, false, false}} {
		l := Arrange(columns, width)
		for i := range columns {
			if _, shown := l.Shown(i); shown != want[i] {
				t.Errorf("width %d: column %d shown %v", width, i, shown)
			}
		}
	}
}

func TestANoteCoversNoTitle(t *testing.T) {
	columns := []Column{{Title: safe.Const("主题"), Width: 12}, {Title: safe.Const("size"), Width: 4}}
	for i, want := range []string{"主题  1 of 9  size", "主题          size"} {
		c := canvas(18, 1)
		l := Arrange(columns, 18)
		l.Heads(c, Box{W: 18, H: 1}, 0)
		l.Note(c, Box{W: 18, H: 1}, 0, i, Muted, safe.Const("1 of 9"))
		if got := text(t, c); got != want {
			t.Errorf("a note in column %d: %q, want %q", i, got, want)
		}
	}
}

func TestListKeepsTheChosenRowInSight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l List
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				l.Fit(rapid.IntRange(0, 200).Draw(t, "count"), rapid.IntRange(-1, 50).Draw(t, "height"))
			case 1:
				l.Move(rapid.IntRange(-300, 300).Draw(t, "n"))
			case 2:
				l.Page(rapid.IntRange(-3, 3).Draw(t, "pages"))
			case 3:
				l.End()
			}
			from, to := l.Visible()
			if from < 0 || to > l.Count() || l.Count() > 0 && (l.Cursor < from || l.Cursor >= to) {
				t.Fatalf("cursor %d is not in [%d, %d) of %d", l.Cursor, from, to, l.Count())
			}
		}
	})
}

func TestShiftKeepsTheSameRows(t *testing.T) {
	l := List{Cursor: 9}
	l.Fit(20, 5)
	cursor, offset := l.Cursor, l.Offset
	l.Shift(3)
	if l.Fit(17, 5); l.Cursor != cursor-3 || l.Offset != offset-3 {
		t.Errorf("row %d of %d is at the top, %d chosen", l.Offset, l.Count(), l.Cursor)
	}
	l.Shift(100)
	if l.Fit(17, 5); l.Cursor != 0 || l.Offset != 0 {
		t.Errorf("after all have left: %+v", l)
	}
}

func TestInput(t *testing.T) {
	in := NewInput("hello 领导")
	in.Backspace()
	in.Home()
	in.Insert("> ")
	in.Delete()
	in.End()
	in.DeleteWord()
	in.Insert("x\ny")
	if got := in.Value(); got != "> ello x\ny" {
		t.Errorf("value %q", got)
	}
	in.Move(-1)
	in.DeleteToStart()
	if got := in.Value(); got != "y" {
		t.Errorf("value %q", got)
	}
	in.Move(-100)
	in.Backspace()
	in.Move(100)
	in.Delete()
	if got := in.Value(); got != "y" {
		t.Errorf("value %q after edits at the ends", got)
	}
	in.Insert(strings.Repeat("z", 2*maxInput))
	if n := len(in.text); n != maxInput {
		t.Errorf("the field holds %d characters", n)
	}
}

func TestInputScrollsToItsCursor(t *testing.T) {
	c := canvas(6, 1)
	in := NewInput("abcdefghij")
	in.Draw(c, c.Box(), true, safe.Text{})
	if got := text(t, c); got != "fghij" {
		t.Errorf("shows %q", got)
	}
	if x, _, shown := c.Cursor(); !shown || x != 5 {
		t.Errorf("cursor at %d, shown %v", x, shown)
	}
}

// FuzzCanvas draws anything anywhere: no line may get wider than the canvas.
func FuzzCanvas(f *testing.F) {
	f.Add("领导者 orders/0", 3, 0, 5, 10, 2)
	f.Add("e\u0301\u0301", -4, 1, 9, 1, 1)
	f.Fuzz(func(t *testing.T, s string, x, y, limit, w, h int) {
		w, h = w%100, h%20
		c := canvas(w, h)
		style := Style(x & 3)
		c.Text(x%300, y%300, limit%300, style, safe.Clean(s))
		c.Text((x+1)%300, y%300, limit%300, style, safe.Clean(s))
		c.Right(x%300, y%300, limit%300, style, safe.Clean(s))
		c.Border(Box{x % 50, y % 20, limit % 50, h})
		c.Select(Box{x % 50, y % 20, limit % 50, h})
		c.Bar(Box{x % 50, y % 20, limit % 50, 1}, style, float64(x)/7)
		for _, row := range strings.Split(c.Encode(plain(t)), "\n") {
			if n := ansi.StringWidth(row); n > max(w, 0) {
				t.Errorf("%q is %d cells wide on %d", row, n, w)
			}
		}
	})
}

func BenchmarkEncode200x60(b *testing.B) {
	for name, s := range map[string]string{"ascii": strings.Repeat("broker 3 ", 23), "cjk": strings.Repeat("领导者 3 ", 24)} {
		b.Run(name, func(b *testing.B) {
			c, theme, line := canvas(200, 60), plain(b), safe.Clean(s)
			b.ReportAllocs()
			for b.Loop() {
				c.Clear()
				for y := range 60 {
					c.Text(0, y, 200, Style(y%4), line)
				}
				c.Encode(theme)
			}
		})
	}
}

func TestNumbersAreWholeAndTextGivesWay(t *testing.T) {
	columns := []Column{
		{Title: safe.Const("name"), Width: 10, Least: 4, Grow: 1},
		{Title: safe.Const("ids"), Width: 4, Whole: true},
		{Title: safe.Const("end"), Width: 4, Right: true},
		{Title: safe.Const("size"), Width: 4, Right: true, Drop: 1},
	}
	row := func(texts ...safe.Text) []Entry {
		entries := make([]Entry, 0, len(texts))
		for _, text := range texts {
			entries = append(entries, Entry{Text: text})
		}
		return entries
	}
	short := row(safe.Const("payments-settled"), safe.Const("1 2"), safe.Const("7"), safe.Const("9 B"))
	long := row(safe.Const("payments-settled"), safe.Const("1 2"), safe.Const("12,345,678"), safe.Const("9 B"))
	wide := row(safe.Const("payments-settled"), safe.Const("1001 1002"), safe.Const("12,345,678"), safe.Const("9 B"))
	for _, tt := range []struct {
		name string
		row  []Entry
		want string
	}{
		{"as they are", short, "payments-…  1 2      7   9 B"},
		{"the text gives way", long, "pay…  1 2   12,345,678   9 B"},
		{"a column is dropped", wide, "paym…  1001 1002  12,345,678"},
	} {
		c := canvas(28, 1)
		b := Box{W: 28, H: 1}
		l := ArrangeFor(columns, b.W, [][]Entry{tt.row})
		l.Row(c, b, 0, tt.row)
		if got := text(t, c); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestASpareColumnHasAPlaceOnlyWithSomethingToShow(t *testing.T) {
	columns := []Column{{Width: 4}, {Title: safe.Const("age"), Width: 4, Right: true, Spare: true}}
	for text, want := range map[string]bool{"": false, "8 s": true} {
		l := ArrangeFor(columns, 20, [][]Entry{{{}, {Text: safe.Clean(text)}}, {{}, {}}})
		if _, shown := l.Shown(1); shown != want {
			t.Errorf("with %q it is shown: %v", text, shown)
		}
	}
}
