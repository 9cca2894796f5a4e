package tui

import (
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// painter puts frames on the terminal the moment they are made. Bubble Tea's own renderer waits for its next tick:
// at 60 a second that is 8 ms for half of the keys, and ticking faster costs a percent of a core with nothing to do.
//
// A frame is sent row by row, and only the rows that differ from the last frame; each begins at an absolute
// position, so a terminal that counts a character differently spoils that row alone. Automatic wrapping is off for
// the same reason. The painter belongs to the event loop, but for leave, which anybody may call.
type painter struct {
	out   io.Writer
	frame string   // on the screen
	rows  []string // of frame; nil: nothing is known of the screen
	width int
	high  int
	x, y  int // of the shown cursor; -1: hidden
	buf   []byte
	gone  sync.Once
}

const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h\x1b]2;klab\a"
	leaveScreen = "\x1b]2;\a\x1b[?2004l\x1b[?7h\x1b[m\x1b[?25h\x1b[?1049l"
	clearScreen = "\x1b[m\x1b[2J"
	eraseToEnd  = "\x1b[K"
	hideCursor  = "\x1b[?25l"
	showCursor  = "\x1b[?25h"
	beginFrame  = "\x1b[?2026h" // synchronized output; terminals that do not know it ignore it
	endFrame    = "\x1b[?2026l"
)

// enter takes the terminal over.
func (p *painter) enter() error {
	p.x, p.y = -1, -1
	_, err := io.WriteString(p.out, enterScreen)
	return err
}

// leave gives the terminal back as it was. It acts once, and whatever state the program is in.
func (p *painter) leave() {
	p.gone.Do(func() { _, _ = io.WriteString(p.out, leaveScreen) })
}

// paint shows v on a terminal of width x height. An equal frame is not sent.
func (p *painter) paint(v tea.View, width, height int) {
	x, y := -1, -1
	if v.Cursor != nil {
		x, y = v.Cursor.X, v.Cursor.Y
	}
	resized := width != p.width || height != p.high
	if v.Content == p.frame && !resized && x == p.x && y == p.y {
		return
	}
	p.buf = append(p.buf[:0], beginFrame...)
	if resized {
		p.buf = append(p.buf, clearScreen...)
		p.width, p.high, p.rows, p.frame = width, height, nil, ""
	}
	moved := p.paintRows(v.Content)
	p.paintCursor(x, y, moved)
	p.buf = append(p.buf, endFrame...)
	_, _ = p.out.Write(p.buf) // a terminal that is gone ends the program by its input
}

// paintRows sends the rows that differ and reports whether there are any.
func (p *painter) paintRows(frame string) (changed bool) {
	if frame == p.frame {
		return false
	}
	i := 0
	for row := range strings.SplitSeq(frame, "\n") {
		known := i < len(p.rows)
		if !known {
			p.rows = append(p.rows, "")
		}
		if p.rows[i] != row || !known && row != "" {
			changed = true
			p.moveTo(0, i)
			p.buf = append(p.buf, row...)
			if ansi.StringWidth(row) < p.width { // at the right edge erasing would take the last character
				p.buf = append(p.buf, eraseToEnd...)
			}
		}
		p.rows[i] = row
		i++
	}
	p.frame = frame
	return changed
}

func (p *painter) paintCursor(x, y int, moved bool) {
	if x < 0 {
		if p.x >= 0 {
			p.buf = append(p.buf, hideCursor...)
		}
	} else {
		if p.x < 0 {
			p.buf = append(p.buf, showCursor...)
		}
		if moved || x != p.x || y != p.y {
			p.moveTo(x, y)
		}
	}
	p.x, p.y = x, y
}

func (p *painter) moveTo(x, y int) {
	p.buf = append(p.buf, "\x1b["...)
	p.buf = strconv.AppendInt(p.buf, int64(y+1), 10)
	p.buf = append(p.buf, ';')
	p.buf = strconv.AppendInt(p.buf, int64(x+1), 10)
	p.buf = append(p.buf, 'H')
}

// copy puts text on the terminal's clipboard, where the terminal allows it (OSC 52).
func (p *painter) copy(text string) {
	_, _ = io.WriteString(p.out, ansi.SetSystemClipboard(text))
}

// painted is the model that the program runs: the root model, whose frames go to a painter.
type painted struct {
	*root
	painter *painter
}

func (m painted) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	defer m.giveBack()
	_, cmd := m.root.Update(msg)
	return m, cmd
}

// View paints. Bubble Tea's renderer gets nothing to do.
func (m painted) View() tea.View {
	defer m.giveBack()
	if m.width > 0 {
		m.painter.paint(m.root.View(), m.width, m.height)
	}
	return tea.View{}
}

// giveBack leaves the screen before a panic is reported, so that the report can be read.
func (m painted) giveBack() {
	if fault := recover(); fault != nil {
		m.painter.leave()
		panic(fault)
	}
}

// mute is the terminal for Bubble Tea: it asks it for its size and sets its modes, and what it writes is dropped, since
// the painter writes. Without a renderer Bubble Tea would do none of it.
type mute struct{ *os.File }

func (mute) Write(b []byte) (int, error) { return len(b), nil }

func (mute) WriteString(s string) (int, error) { return len(s), nil }

// muted returns w for Bubble Tea.
func muted(w io.Writer) io.Writer {
	if f, ok := w.(*os.File); ok {
		return mute{f}
	}
	return io.Discard
}
