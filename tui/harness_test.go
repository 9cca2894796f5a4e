package tui

import (
	"context"
	"errors"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"

	"klab/cluster"
)

// stage drives a root model without a program: keys in, frames out. Commands run at once, but for ticks.
type stage struct {
	t    testing.TB
	root *root
}

type staging struct {
	w, h    int
	lang    cluster.Lang
	ascii   bool
	theme   string
	src     Source // nil: no cluster runs
	lessons Lessons
	change  func(*Options)
}

func newStage(t testing.TB, s staging) *stage {
	t.Helper()
	o := &Options{
		Lang: s.lang, ASCII: s.ascii, Theme: s.theme, Lessons: s.lessons, File: "configs/pseudo.toml", Home: "~/.local/share/klab/pseudo",
		Open: func(context.Context) (Source, error) {
			if s.src == nil {
				return nil, ErrNothingRuns
			}
			return s.src, nil
		},
		Launch: func(context.Context, func(LaunchStep)) error { return nil },
		Connect: func(context.Context, []string) (Source, error) {
			return nil, errors.New("cannot connect: nobody answers")
		},
		Stop: func(context.Context) error { return nil },
	}
	if s.change != nil {
		s.change(o)
	}
	root, err := prepare(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	root.now = noon
	st := &stage{t, root}
	st.send(tea.WindowSizeMsg{Width: s.w, Height: s.h})
	st.run(root.apply(lookForCluster(&root.env)))
	return st
}

// run runs a command and what follows from it, until nothing does.
func (s *stage) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, one := range msg {
			s.run(one)
		}
	default:
		s.send(msg)
	}
}

func (s *stage) send(msg tea.Msg) {
	_, cmd := s.root.Update(msg)
	s.root.View() // as a program does after every message
	s.run(cmd)
}

// tick lets the pump look at the source as of now.
func (s *stage) tick() {
	s.root.pump(noon)
	s.root.View()
}

// press presses keys, named as Bubble Tea names them.
func (s *stage) press(keys ...string) *stage {
	for _, key := range keys {
		s.send(tea.KeyPressMsg(keyOf(key)))
	}
	return s
}

// write types text, letter by letter.
func (s *stage) write(text string) *stage {
	for _, r := range text {
		s.send(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
	return s
}

func keyOf(name string) tea.Key {
	named := map[string]rune{
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft,
		"right": tea.KeyRight, "home": tea.KeyHome, "end": tea.KeyEnd, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown,
		"backspace": tea.KeyBackspace, "delete": tea.KeyDelete,
	}
	mod := tea.KeyMod(0)
	if rest, ok := strings.CutPrefix(name, "ctrl+"); ok {
		return tea.Key{Code: rune(rest[0]), Mod: tea.ModCtrl}
	}
	if rest, ok := strings.CutPrefix(name, "shift+"); ok {
		name, mod = rest, tea.ModShift
	}
	if code, ok := named[name]; ok {
		return tea.Key{Code: code, Mod: mod}
	}
	if name == "space" {
		return tea.Key{Code: tea.KeySpace, Text: " "}
	}
	return tea.Key{Code: rune(name[0]), Text: name}
}

// frame returns what the terminal shows, through the renderer's own cells.
func (s *stage) frame() string {
	s.t.Helper()
	s.root.fresh = false
	content := s.root.View().Content
	buf := uv.NewScreenBuffer(s.root.width, s.root.height)
	uv.NewStyledString(content).Draw(buf, buf.Bounds())
	var rows []string
	for y := range s.root.height {
		var row strings.Builder
		for x := range s.root.width {
			if c := buf.CellAt(x, y); c != nil && c.Width > 0 {
				row.WriteString(c.Content)
			}
		}
		rows = append(rows, strings.TrimRight(row.String(), " "))
	}
	for i, line := range strings.Split(content, "\n") {
		if w := ansi.StringWidth(line); w > s.root.width {
			s.t.Errorf("row %d is %d cells wide on a terminal of %d: %q", i, w, s.root.width, line)
		}
	}
	return strings.Join(rows, "\n") + "\n"
}

// shows fails the test unless every text is on the screen.
func (s *stage) shows(texts ...string) *stage {
	s.t.Helper()
	frame := s.frame()
	for _, text := range texts {
		if !strings.Contains(frame, text) {
			s.t.Errorf("%q is not on the screen:\n%s", text, frame)
		}
	}
	return s
}

func (s *stage) hides(texts ...string) *stage {
	s.t.Helper()
	frame := s.frame()
	for _, text := range texts {
		if strings.Contains(frame, text) {
			s.t.Errorf("%q is on the screen:\n%s", text, frame)
		}
	}
	return s
}
