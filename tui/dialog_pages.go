package tui

import (
	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// help lists the keys of the screen below, and what the signs mean.
type help struct {
	of   screen
	rows cell.List
}

func newHelp(of screen) *help { return &help{of: of} }

func (h *help) overlays() {}

func (h *help) scope() keymap.Scope { return keymap.Page }

func (h *help) can(e *env, intent keymap.Intent) safe.Text {
	if isMove(intent) {
		return possible()
	}
	return e.otherwise()
}

func (h *help) act(e *env, intent keymap.Intent) effect {
	moveRows(&h.rows, intent)
	return nil
}

func (h *help) draw(c *cell.Canvas, b cell.Box, e *env) {
	var keys []keymap.Binding
	for binding := range keymap.Of(h.of.scope()) {
		if len(binding.Keys) > 0 {
			keys = append(keys, binding)
		}
	}
	box := c.Border(b.Center(min(b.W-2, 96), b.H))
	c.Text(box.X, box.Y, box.W, cell.Heading, e.text(words.HeadHelp))
	_, box = box.Top(2)
	box, signs := box.Bottom(4)
	const columns = 3
	width, height := box.W/columns, max(box.H, 1)
	pages := (len(keys) + columns*height - 1) / (columns * height)
	h.rows.Fit(max(pages, 1), 1)
	for i, binding := range keys[min(h.rows.Cursor*columns*height, len(keys)):] {
		if i >= columns*height {
			break
		}
		x, y := box.X+i/height*width, box.Y+i%height
		c.Text(x, y, 7, cell.Key, clean(binding.Keys[0]))
		c.Text(x+8, y, width-9, cell.Plain, e.text(binding.Word))
	}
	drawPlain(c, signs, cell.Muted, append([]safe.Text{{}}, e.text(words.Signs).Wrap(box.W)...))
}

// commandLog lists what was done on the screen, as the lines a person would type for it.
type commandLog struct{ rows cell.List }

func newCommandLog() *commandLog { return &commandLog{} }

func (l *commandLog) overlays() {}

func (l *commandLog) scope() keymap.Scope { return keymap.Page }

func (l *commandLog) can(e *env, intent keymap.Intent) safe.Text {
	if isMove(intent) {
		return possible()
	}
	return e.otherwise()
}

func (l *commandLog) act(e *env, intent keymap.Intent) effect {
	moveRows(&l.rows, intent)
	return nil
}

func (l *commandLog) draw(c *cell.Canvas, b cell.Box, e *env) {
	box := c.Border(b.Inset(1, 0))
	c.Text(box.X, box.Y, box.W, cell.Heading, e.text(words.HeadCommandLog))
	_, box = box.Top(2)
	done := e.src.Executed(200)
	const each = 3 // rows of an entry
	l.rows.Fit(len(done), max(box.H/each, 1))
	from, to := l.rows.Visible()
	for i := from; i < to; i++ {
		var entry cell.Box
		entry, box = box.Top(each)
		drawExecuted(c, entry, done[len(done)-1-i], e) // newest first
	}
	if len(done) == 0 {
		c.Text(box.X, box.Y, box.W, cell.Muted, e.text(words.NothingDone))
	}
}

func drawExecuted(c *cell.Canvas, b cell.Box, x cluster.Executed, e *env) {
	lines := []safe.Text{safe.CleanHead(x.Command.Klab, 400), safe.CleanHead(x.Command.Kafka, 400)}
	c.Text(b.X, b.Y, 12, cell.Muted, num.Clock(x.Time))
	for i, line := range lines {
		if i >= b.H {
			return
		}
		style := cell.Strong
		if i > 0 {
			style = cell.Muted
		}
		c.Text(b.X+14, b.Y+i, b.W-26, style, line)
	}
	note, style := num.Millis(x.Took), cell.Muted
	if x.Err != nil {
		note, style = e.text(words.Failed), cell.Bad
	}
	c.Right(b.X+b.W-10, b.Y, 10, style, note)
}
