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
type help struct{ of screen }

func newHelp(of screen) *help { return &help{of: of} }

func (h *help) overlays() {}

func (h *help) scope() keymap.Scope { return keymap.Page }

func (h *help) can(e *env, intent keymap.Intent) safe.Text { return e.otherwise() }

func (h *help) act(e *env, intent keymap.Intent) effect { return nil }

func (h *help) draw(c *cell.Canvas, b cell.Box, e *env) {
	var keys []keymap.Binding
	for binding := range keymap.Of(h.of.scope()) {
		if len(binding.Keys) > 0 {
			keys = append(keys, binding)
		}
	}
	const columns = 3
	width := min(b.W-2, 96)
	notes := append([]safe.Text{}, e.text(words.Signs).Wrap(width-4)...)
	if l, ok := h.of.(*lesson); ok && l.view.Why != "" {
		notes = append(append(clean(l.view.Why).Wrap(width-4), safe.Text{}), notes...)
	}
	perColumn := min((len(keys)+columns-1)/columns, max(b.H-len(notes)-5, 1))
	box := c.Border(b.Center(width, perColumn+len(notes)+5))
	c.Text(box.X, box.Y, box.W, cell.Heading, e.text(words.HeadHelp))
	_, box = box.Top(2)
	table, box := box.Top(perColumn)
	drawKeys(c, table, keys, columns, e)
	_, box = box.Top(1)
	drawPlain(c, box, cell.Muted, notes)
}

// drawKeys draws the keys column by column, as many as fit; the palette has them all.
func drawKeys(c *cell.Canvas, b cell.Box, keys []keymap.Binding, columns int, e *env) {
	width := b.W / columns
	for i, binding := range keys[:min(len(keys), columns*b.H)] {
		x, y := b.X+i/b.H*width, b.Y+i%b.H
		c.Text(x, y, 7, cell.Key, clean(binding.Keys[0]))
		c.Text(x+8, y, width-9, cell.Plain, e.text(binding.Word))
	}
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
	l.rows.Fit(len(done), 1)
	for i := l.rows.Cursor; i < len(done) && box.H > 0; i++ {
		box = drawExecuted(c, box, done[len(done)-1-i], e) // newest first
	}
	if len(done) == 0 {
		c.Text(box.X, box.Y, box.W, cell.Muted, e.text(words.NothingDone))
	}
}

// drawExecuted draws one operation and returns the rest of the box. The lines are whole, so that they can be copied.
func drawExecuted(c *cell.Canvas, b cell.Box, x cluster.Executed, e *env) cell.Box {
	note, style := num.Millis(x.Took), cell.Muted
	if x.Err != nil {
		note, style = e.text(words.Failed), cell.Bad
	}
	c.Right(b.X+b.W-10, b.Y, 10, style, note)
	c.Text(b.X, b.Y, 12, cell.Muted, num.Clock(x.Time))
	_, lines := b.Left(14)
	lines = drawPlain(c, lines, cell.Strong, safe.CleanHead(x.Command.Klab, 2000).Wrap(max(lines.W-12, 20)))
	lines = drawPlain(c, lines, cell.Muted, safe.CleanHead(x.Command.Kafka, 2000).Wrap(max(lines.W, 20)))
	if x.Err != nil {
		lines = drawPlain(c, lines, cell.Bad, sentence(x.Err).Wrap(max(lines.W, 20)))
	}
	_, lines = lines.Top(1)
	return cell.Box{X: b.X, Y: lines.Y, W: b.W, H: lines.H}
}
