package tui

import (
	"context"
	"errors"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/safe"
	"klab/tui/words"
)

// tickEvery is how often the pump looks at the source; where a screen follows something that moves, it is every
// fastTick, so that a record is on the screen within 100 ms of its writing.
const (
	tickEvery = 100 * time.Millisecond
	fastTick  = time.Second / 15
)

// root is the only Bubble Tea model. Its fields belong to the event loop.
type root struct {
	env
	theme     *cell.Theme
	profile   colorprofile.Profile // what the terminal can show of a theme
	clipboard func(text string)    // nil: there is none

	stack   []screen                   // never empty; the last one has the keys
	mains   [keymap.MainScreens]screen // screens of the tabs, kept so that one comes back to the same place
	message say                        // shown until the next key
	running map[int]running            // operations under way
	lastOp  int                        // key of the newest in running

	canvas     cell.Canvas
	width      int
	height     int
	fresh      bool // view shows the present state
	view       tea.View
	lastSeq    int64 // of the snapshot that was drawn
	lastFact   int64 // cursor of the timeline that was drawn
	lastSecond int64
}

// running is an operation under way.
type running struct {
	label   safe.Text
	started time.Time
	from    screen // the top one when it began
}

// Messages of the program to itself.
type (
	tickMsg     time.Time
	finishedMsg struct {
		op     int
		effect effect
	}
)

func newRoot(ctx context.Context, o *Options) *root {
	now := time.Now()
	r := &root{
		env:     env{life: ctx, now: now, words: words.Open(o.Lang), options: o, snap: &cluster.Snapshot{}},
		theme:   o.theme,
		profile: colorprofile.TrueColor,
		running: map[int]running{},
	}
	r.canvas.ASCII = o.ASCII
	r.stack = []screen{newWelcome()}
	return r
}

// Init starts the pump and, beside it, the search for a cluster: the first frame waits for neither.
func (r *root) Init() tea.Cmd {
	return tea.Batch(r.tick(), r.apply(lookForCluster(&r.env)))
}

func (r *root) tick() tea.Cmd {
	every := tickEvery
	for _, s := range r.stack {
		if _, ok := s.(follower); ok {
			every = fastTick
		}
	}
	return tea.Tick(every, func(t time.Time) tea.Msg { return tickMsg(t) })
}

// Update takes one message.
func (r *root) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tickMsg:
		r.pump(time.Time(msg))
		return r, r.tick()
	case tea.KeyPressMsg:
		cmd = r.press(tea.Key(msg))
	case tea.PasteMsg:
		cmd = r.paste(msg.Content)
	case finishedMsg:
		from := r.running[msg.op].from
		delete(r.running, msg.op)
		if r.top() == from {
			cmd = r.apply(msg.effect)
		} else {
			cmd = r.apply(belated(msg.effect))
		}
	case tea.WindowSizeMsg:
		r.width, r.height = msg.Width, msg.Height
		r.canvas.Resize(msg.Width, msg.Height)
	default:
		return r, nil
	}
	r.fresh = false
	return r, cmd
}

// pump takes what is new in the source. Unless something is, the next View is the last one.
func (r *root) pump(now time.Time) {
	r.now = now
	if r.src != nil {
		r.snap = r.src.Snapshot()
		if fact := r.src.Timeline().Cursor(); fact != r.lastFact {
			r.lastFact, r.fresh = fact, false
		}
	}
	if r.snap.Seq != r.lastSeq || now.Unix() != r.lastSecond || len(r.running) > 0 {
		r.lastSeq, r.lastSecond, r.fresh = r.snap.Seq, now.Unix(), false
	}
	for _, s := range r.stack {
		if f, ok := s.(follower); ok && f.follow(&r.env) {
			r.fresh = false
		}
	}
}

func (r *root) top() screen { return r.stack[len(r.stack)-1] }

// press turns a key into an intent, or types it.
func (r *root) press(key tea.Key) tea.Cmd {
	r.message = say{}
	if key.String() == "ctrl+c" {
		return tea.Quit
	}
	top := r.top()
	binding, bound := keymap.Lookup(top.scope(), key.String())
	if t, ok := top.(typist); ok && t.input() != nil {
		if edit(t.input(), binding.Intent, key.Text, bound) {
			return r.apply(t.typed(&r.env))
		}
	}
	if !bound {
		return nil
	}
	return r.perform(binding.Intent)
}

// edit changes a line that is being typed; it reports whether the key was for the line.
func edit(in *cell.Input, intent keymap.Intent, text string, bound bool) bool {
	switch intent {
	case keymap.CursorLeft:
		in.Move(-1)
	case keymap.CursorRight:
		in.Move(1)
	case keymap.CursorHome:
		in.Home()
	case keymap.CursorEnd:
		in.End()
	case keymap.DeleteBefore:
		in.Backspace()
	case keymap.DeleteAfter:
		in.Delete()
	case keymap.DeleteWord:
		in.DeleteWord()
	case keymap.DeleteLine:
		in.DeleteToStart()
	default:
		if bound || text == "" {
			return false
		}
		in.Insert(text)
	}
	return true
}

func (r *root) paste(text string) tea.Cmd {
	t, ok := r.top().(typist)
	if !ok || t.input() == nil {
		return nil
	}
	t.input().Insert(text)
	return r.apply(t.typed(&r.env))
}

// perform does what an intent says, if that is possible, and else says why not.
func (r *root) perform(intent keymap.Intent) tea.Cmd {
	top := r.top()
	if why := r.reason(top, intent); !why.Empty() {
		return r.apply(say{text: why})
	}
	if ownIntent(top, intent) {
		return r.apply(top.act(&r.env, intent))
	}
	return r.apply(r.global(intent))
}

// apply does what a screen or an operation asked for.
func (r *root) apply(ef effect) tea.Cmd {
	switch ef := ef.(type) {
	case all:
		var cmds []tea.Cmd
		for _, one := range ef {
			cmds = append(cmds, r.apply(one))
		}
		return tea.Batch(cmds...)
	case operate:
		return r.start(ef)
	case update:
		return r.apply(ef())
	case relay:
		return r.perform(ef.intent)
	case attach:
		return r.attach(ef.src)
	case say:
		r.message = ef
	case copyText:
		if r.clipboard != nil {
			r.clipboard(ef.text)
		}
	case quit:
		return tea.Quit
	case nil:
	default:
		left := r.navigate(ef)
		if s, ok := r.top().(enterer); ok {
			return tea.Batch(left, r.apply(s.enter(&r.env)))
		}
		return left
	}
	return nil
}

// navigate changes which screens there are. The command closes those that were left.
func (r *root) navigate(ef effect) tea.Cmd {
	switch ef := ef.(type) {
	case open:
		r.stack = append(r.stack, ef.screen)
	case goBack:
		return r.popTo(max(len(r.stack)-1, 1))
	case jump:
		left := r.popTo(1)
		r.stack[0] = ef.to
		return left
	}
	return nil
}

// popTo leaves screens from the top until n are there. Closing one may wait for a network, so it is not done here.
func (r *root) popTo(n int) tea.Cmd {
	left := slices.Clone(r.stack[n:])
	r.stack = r.stack[:n]
	return func() tea.Msg {
		closeAll(left)
		return nil
	}
}

func closeAll(left []screen) {
	for _, s := range slices.Backward(left) {
		if c, ok := s.(closer); ok {
			c.close()
		}
	}
}

func (r *root) start(op operate) tea.Cmd {
	r.lastOp++
	id := r.lastOp
	r.running[id] = running{label: op.label, started: r.now, from: r.top()}
	limit := op.limit
	if limit == 0 {
		limit = operationLimit
	}
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(r.life, limit)
		defer cancel()
		return finishedMsg{id, op.do(ctx)}
	}
}

// attach shows another cluster, or none if src is nil.
func (r *root) attach(src Source) tea.Cmd {
	left, old := r.popTo(1), r.src
	leave := func() tea.Msg {
		left()
		if old != nil {
			old.Close()
		}
		return nil
	}
	r.said = saidFacts{}
	r.src, r.snap, r.mains = src, &cluster.Snapshot{}, [keymap.MainScreens]screen{}
	if src == nil {
		return tea.Batch(leave, r.apply(jump{newWelcome()}))
	}
	r.snap = src.Snapshot()
	return tea.Batch(leave, r.apply(r.global(keymap.GoOverview)))
}

// close releases everything when the program ends.
func (r *root) close() {
	closeAll(r.stack[1:])
	if r.src != nil {
		r.src.Close()
	}
}

// View returns the frame. It draws only when something can have changed since the last one.
func (r *root) View() tea.View {
	if r.fresh {
		return r.view
	}
	r.fresh = true
	r.view.Content = r.render()
	r.view.Cursor = nil
	if x, y, shown := r.canvas.Cursor(); shown {
		r.view.Cursor = tea.NewCursor(x, y)
	}
	return r.view
}

// oldest returns the operation that has run longest.
func (r *root) oldest() (op running, ok bool) {
	ids := make([]int, 0, len(r.running))
	for id := range r.running {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return running{}, false
	}
	return r.running[slices.Min(ids)], true
}

// lookForCluster opens the cluster that the options name, and begins the lesson that they name on it.
func lookForCluster(e *env) effect {
	open, limit, lesson := e.options.Open, openLimit, e.options.Lesson
	if open == nil {
		return nil
	}
	return operate{label: e.text(words.Looking), limit: limit, do: func(ctx context.Context) effect {
		src, err := open(ctx)
		switch {
		case errors.Is(err, ErrNothingRuns):
			return nil
		case err != nil:
			return failed(err)
		case lesson != "":
			return all{attach{src}, beginLesson(e, lesson)}
		}
		return attach{src}
	}}
}

// failed shows an error as a line.
func failed(err error) effect { return say{text: sentence(err), bad: true} }

// sentence writes an error as a person reads it.
func sentence(err error) safe.Text {
	s := err.Error()
	r, size := utf8.DecodeRuneInString(s)
	return safe.CleanHead(string(unicode.ToUpper(r))+s[size:], 600)
}
