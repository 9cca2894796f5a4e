package safe

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

func TestCleanShowsWhatATerminalWouldObey(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", `{"id":17,"state":"PAID"}`, `{"id":17,"state":"PAID"}`},
		{"chinese", "订单 17 已付款", "订单 17 已付款"},
		{"colour", "\x1b[31mnot a colour", "␛[31mnot a colour"},
		{"clipboard", "\x1b]52;c;cm0gLXJm\x07", "␛]52;c;cm0gLXJm␇"},
		{"unterminated string", "a\x1b]0;title", "a␛]0;title"},
		{"carriage return", "harmless\rspoofed", "harmless␍spoofed"},
		{"newline and tab", "a\n\tb", "a⏎→ b"},
		{"C1 in UTF-8", "\u009b31m\u009d8;;x", `\u{9b}31m\u{9d}8;;x`},
		{"C1 as a byte", "\x9b31m", `\x9b31m`},
		{"invalid bytes", "\xff\xfe", `\xff\xfe`},
		{"bidi override", "a\u202egnp.exe", `a\u{202e}gnp.exe`},
		{"zero width space", "a\u200bb", `a\u{200b}b`},
		{"byte order mark", "\ufeffa", `\u{feff}a`},
		{"private use", "\ue0b0", `\u{e0b0}`},
		{"line separators", "a\u2028b\u2029", `a\u{2028}b\u{2029}`},
		{"hangul filler", "\u3164", `\u{3164}`},
		{"unassigned", "\U000e0fff", `\u{e0fff}`},
		{"DEL and NUL", "\x7f\x00", "␡␀"},
		{"marks", "e\u0301", "e\u0301"},
		{"a tower of marks", "z" + strings.Repeat("\u0301", 6), "z" + strings.Repeat("\u0301", 4) + `\u{301}\u{301}`},
		{"a mark on nothing", "\u0301a", `\u{301}a`},
		{"joined emoji", "👩\u200d💻", "👩\u200d💻"},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Clean(tt.in).String(); got != tt.want {
				t.Errorf("Clean(%q) = %q, want %q", tt.in, got, tt.want)
			}
			if got := Clean([]byte(tt.in)).String(); got != tt.want {
				t.Errorf("Clean of bytes %q = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestCutting(t *testing.T) {
	tests := []struct {
		name             string
		in               string
		cells            int
		take, drop, fit_ string
	}{
		{"ascii", "abcdef", 4, "abcd", "ef", "abc…"},
		{"fits", "abc", 4, "abc", "", "abc"},
		{"exactly", "abcd", 4, "abcd", "", "abcd"},
		{"half a wide character", "领导者", 3, "领", "者", "领…"},
		{"wide", "领导者", 4, "领导", "者", "领…"},
		{"mark stays with its letter", "ae\u0301b", 2, "ae\u0301", "b", "a…"},
		{"nothing", "abc", 0, "", "abc", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := Clean(tt.in)
			for what, pair := range map[string][2]string{
				"Take": {text.Take(tt.cells).String(), tt.take},
				"Drop": {text.Drop(tt.cells).String(), tt.drop},
				"Fit":  {text.Fit(tt.cells).String(), tt.fit_},
			} {
				if pair[0] != pair[1] {
					t.Errorf("%s(%q, %d) = %q, want %q", what, tt.in, tt.cells, pair[0], pair[1])
				}
			}
		})
	}
}

func TestWrap(t *testing.T) {
	tests := []struct {
		in    string
		cells int
		want  string
	}{
		{"SIGKILL to broker 3. It leads orders/0.", 20, "SIGKILL to broker 3.|It leads orders/0."},
		{"它是领导者。它死了谁能接管？", 12, "它是领导者。|它死了谁能接|管？"},
		{"它是领导者。它死了", 10, "它是领导|者。它死了"},
		{"abcdefghij", 4, "abcd|efgh|ij"},
		{"a", 1, "a"},
		{"", 5, ""},
		{"one two", 3, "one|two"},
	}
	for _, tt := range tests {
		var got []string
		for _, line := range Clean(tt.in).Wrap(tt.cells) {
			got = append(got, line.String())
		}
		if joined := strings.Join(got, "|"); joined != tt.want {
			t.Errorf("Wrap(%q, %d) = %q, want %q", tt.in, tt.cells, joined, tt.want)
		}
	}
}

func TestCleanHeadDoesNotReadTheWholePayload(t *testing.T) {
	long := strings.Repeat("\x1b", 64<<20)
	if got := CleanHead(long, 3).String(); got != "␛␛…" {
		t.Errorf("CleanHead = %q", got)
	}
	if got := CleanHead("领导者上任", 5).String(); got != "领导…" {
		t.Errorf("CleanHead = %q", got)
	}
	if got := CleanHead("abc", 3).String(); got != "abc" {
		t.Errorf("CleanHead = %q", got)
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"", "a", "订单\x00", "\x1b]8;;http://x\x1b\\", "\u009b\xff\u202e", "e\u0301\u0301\u0301\u0301\u0301", "👩\u200d💻", "⚠️"} {
		f.Add([]byte(seed), 7)
	}
	f.Fuzz(func(t *testing.T, in []byte, cells int) {
		text := Clean(in)
		checkSafe(t, text)
		if again := Clean(text.String()); again != text {
			t.Errorf("Clean is not idempotent: %q then %q", text, again)
		}
		cells %= 300
		for _, part := range []Text{text.Take(cells), text.Drop(cells), text.Fit(cells), CleanHead(in, cells)} {
			checkSafe(t, part)
		}
		for _, part := range []Text{text.Take(cells), text.Fit(cells), CleanHead(in, cells)} {
			if part.Width() > max(cells, 0) {
				t.Errorf("%q is %d cells wide, more than %d", part, part.Width(), cells)
			}
		}
		if cells >= 2 {
			for _, line := range text.Wrap(cells) {
				if checkSafe(t, line); line.Width() > cells {
					t.Errorf("line %q is wider than %d", line, cells)
				}
			}
		}
	})
}

func checkSafe(t *testing.T, text Text) {
	t.Helper()
	s := text.String()
	if !utf8.ValidString(s) {
		t.Errorf("%q is not UTF-8", s)
	}
	for _, r := range s {
		if unicode.IsControl(r) || r != zeroWidthJoiner && unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) {
			t.Errorf("%q holds %U", s, r)
		}
	}
	if w := ansi.StringWidth(s); w != text.Width() {
		t.Errorf("%q: width %d, the terminal's is %d", s, text.Width(), w)
	}
}

func BenchmarkClean(b *testing.B) {
	for name, in := range map[string]string{
		"ascii":  strings.Repeat("x", 1024),
		"json":   strings.Repeat(`{"name":"订单","n":1}`, 46),
		"binary": strings.Repeat("\x00\xff\x1b\u009b", 204),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				Clean(in)
			}
		})
	}
}
