package tui

import (
	"strings"

	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/safe"
	"klab/tui/words"
)

// palette finds an action by its name: every action of the screen below and of the program, with its key, and with
// the reason where it cannot work now.
type palette struct {
	below   screen
	reason  func(screen, keymap.Intent) safe.Text
	line    cell.Input
	rows    cell.List
	actions []action
	shown   []action
}

type action struct {
	intent keymap.Intent
	key    string
	name   safe.Text
	why    safe.Text // why it cannot work; empty: it can
}

func newPalette(e *env, below screen, reason func(screen, keymap.Intent) safe.Text) *palette {
	p := &palette{below: below, reason: reason}
	for b := range keymap.Of(below.scope()) {
		if isMove(b.Intent) || b.Intent == keymap.OpenPalette || b.Scope == keymap.Typing {
			continue
		}
		key := ""
		if len(b.Keys) > 0 {
			key = b.Keys[0]
		}
		p.actions = append(p.actions, action{b.Intent, key, e.text(b.Word), reason(below, b.Intent)})
	}
	p.find()
	return p
}

func (p *palette) overlays() {}

func (p *palette) scope() keymap.Scope { return keymap.Palette }

func (p *palette) input() *cell.Input { return &p.line }

func (p *palette) typed(e *env) effect {
	p.find()
	p.rows.Home()
	return nil
}

// find keeps the actions whose name holds every typed word, what works first.
func (p *palette) find() {
	p.shown = p.shown[:0]
	typed := strings.Fields(p.line.Value())
	for _, works := range []bool{true, false} {
		for _, a := range p.actions {
			if a.why.Empty() == works && holdsAll(a.name.String()+" "+a.key, typed) {
				p.shown = append(p.shown, a)
			}
		}
	}
}

func holdsAll(s string, parts []string) bool {
	for _, part := range parts {
		if !containsFold(s, part) {
			return false
		}
	}
	return true
}

func (p *palette) can(e *env, intent keymap.Intent) safe.Text {
	switch {
	case isMove(intent):
		return possible()
	case intent == keymap.Submit && p.rows.Cursor >= len(p.shown):
		return e.text(words.WhyNoAction)
	case intent == keymap.Submit:
		return p.shown[p.rows.Cursor].why
	}
	return e.otherwise()
}

func (p *palette) act(e *env, intent keymap.Intent) effect {
	if moveRows(&p.rows, intent) {
		return nil
	}
	return all{goBack{}, relay{p.shown[p.rows.Cursor].intent}}
}

func (p *palette) draw(c *cell.Canvas, b cell.Box, e *env) {
	box := c.Border(b.Center(min(b.W, 90), min(b.H, len(p.actions)+4)))
	row, box := box.Top(1)
	c.Text(row.X, row.Y, 1, cell.Key, safe.Const(":"))
	p.line.Draw(c, cell.Box{X: row.X + 2, Y: row.Y, W: row.W - 2, H: 1}, true, e.text(words.PaletteHint))
	rule, box := box.Top(1)
	c.Rule(rule)
	p.rows.Fit(len(p.shown), box.H)
	from, to := p.rows.Visible()
	for i := from; i < to; i++ {
		p.drawAction(c, box, box.Y+i-from, p.shown[i])
		if i == p.rows.Cursor {
			c.Select(cell.Box{X: box.X, Y: box.Y + i - from, W: box.W, H: 1})
		}
	}
	if len(p.shown) == 0 {
		c.Text(box.X, box.Y, box.W, cell.Muted, e.text(words.WhyNoAction))
	}
}

func (p *palette) drawAction(c *cell.Canvas, b cell.Box, y int, a action) {
	style := cell.Plain
	if !a.why.Empty() {
		style = cell.Muted
	}
	c.Text(b.X+1, y, 7, cell.Key, clean(a.key))
	x := 9 + c.Text(b.X+9, y, b.W-10, style, a.name) + 2
	c.Text(b.X+x, y, b.W-x-1, cell.Muted, a.why)
}
