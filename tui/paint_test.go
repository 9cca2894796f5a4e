package tui

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"
)

func TestPainterSendsOnlyTheRowsThatDiffer(t *testing.T) {
	var out bytes.Buffer
	p := &painter{out: &out, x: -1, y: -1}
	sent := func(frame string) string {
		out.Reset()
		p.paint(tea.NewView(frame), 10, 3)
		return out.String()
	}
	sent("one\ntwo\n0123456789")
	if got := sent("one\ntwo\n0123456789"); got != "" {
		t.Errorf("an equal frame sends %q", got)
	}
	if got, want := sent("one\n2\n0123456789"), "\x1b[?2026h\x1b[2;1H2\x1b[K\x1b[?2026l"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := sent("one\n2\n01234领789"); strings.Contains(got, "\x1b[K") {
		t.Errorf("a full row is erased at its end: %q", got)
	}
}

func TestPainterShowsTheCursor(t *testing.T) {
	var out bytes.Buffer
	p := &painter{out: &out, x: -1, y: -1}
	v := tea.NewView("a")
	v.Cursor = tea.NewCursor(2, 0)
	p.paint(v, 10, 1)
	if !strings.HasSuffix(out.String(), "\x1b[?25h\x1b[1;3H\x1b[?2026l") {
		t.Errorf("got %q", out.String())
	}
	out.Reset()
	p.paint(tea.NewView("a"), 10, 1)
	if got, want := out.String(), "\x1b[?2026h\x1b[?25l\x1b[?2026l"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestPaintedFramesArriveWhole plays what the painter sends on a terminal of its own, frame after frame of every
// scene, and compares it with the frame.
func TestPaintedFramesArriveWhole(t *testing.T) {
	var frames []string
	for _, sc := range scenes() {
		s := newStage(t, sc.stage(staging{w: 100, h: 30, lessons: fakeLessons{}}))
		sc.drive(s)
		frames = append(frames, s.root.View().Content)
	}
	var out bytes.Buffer
	p, screen := &painter{out: &out, x: -1, y: -1}, uv.NewScreenBuffer(100, 30)
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		frame := frames[r.IntN(len(frames))]
		out.Reset()
		p.paint(tea.NewView(frame), 100, 30)
		terminal(screen, out.String())
		want := uv.NewScreenBuffer(100, 30)
		uv.NewStyledString(frame).Draw(want, want.Bounds())
		if got, want := screen.Render(), want.Render(); got != want {
			t.Fatalf("the terminal shows\n%s\nnot\n%s", got, want)
		}
	}
}

// terminal obeys what the painter sends: positions, erasing, text.
func terminal(screen uv.ScreenBuffer, sent string) {
	sent = strings.TrimSuffix(strings.TrimPrefix(sent, beginFrame), endFrame)
	if rest, cleared := strings.CutPrefix(sent, clearScreen); cleared {
		screen.Clear()
		sent = rest
	}
	for sent != "" {
		end := strings.IndexByte(sent, 'H')
		y := 0
		for _, digit := range sent[2:strings.IndexByte(sent, ';')] {
			y = y*10 + int(digit-'0')
		}
		sent = sent[end+1:]
		row := sent
		if next := nextMove(sent); next >= 0 {
			row, sent = sent[:next], sent[next:]
		} else {
			sent = ""
		}
		row, _ = strings.CutSuffix(row, eraseToEnd)
		uv.NewStyledString(row).Draw(screen, uv.Rect(0, y-1, screen.Width(), 1))
	}
}

// nextMove is where the next absolute position begins in s, or -1.
func nextMove(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] != 0x1b {
			continue
		}
		j := i + 2
		for j < len(s) && (s[j] >= '0' && s[j] <= '9' || s[j] == ';') {
			j++
		}
		if j < len(s) && s[j] == 'H' {
			return i
		}
	}
	return -1
}

func TestLeavingIsOnce(t *testing.T) {
	var out bytes.Buffer
	p := &painter{out: &out}
	p.leave()
	p.leave()
	if out.String() != leaveScreen {
		t.Errorf("sent %q", out.String())
	}
}
