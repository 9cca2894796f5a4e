package tui

import (
	"time"

	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// The smallest terminal that every screen works in.
const (
	minWidth  = 60
	minHeight = 16
)

// oldAfter is the age from which metadata is shown as old.
const oldAfter = 2 * time.Second

// render draws the whole frame.
func (r *root) render() string {
	c := &r.canvas
	c.Clear()
	b := c.Box()
	if b.W < minWidth || b.H < minHeight {
		r.tooSmall(b)
		return c.Encode(r.theme)
	}
	visible := r.stack
	for len(visible) > 1 {
		if _, over := visible[0].(overlay); !over && coversAll(visible[1:]) {
			visible = visible[1:]
			continue
		}
		break
	}
	body := r.header(visible[0], b)
	body, foot := body.Bottom(2)
	visible[0].draw(c, body, &r.env)
	for _, s := range visible[1:] {
		c.Dim()
		c.SetCursor(-1, -1)
		s.draw(c, body, &r.env)
	}
	r.footer(foot)
	return c.Encode(r.theme)
}

// coversAll reports whether one of the screens hides what is below it.
func coversAll(above []screen) bool {
	for _, s := range above {
		if _, over := s.(overlay); !over {
			return true
		}
	}
	return false
}

func (r *root) tooSmall(b cell.Box) {
	for i, line := range r.format(words.TooSmall, minWidth, minHeight, b.W, b.H).Wrap(max(b.W, 2)) {
		r.canvas.Text(0, i, b.W, cell.Plain, line)
	}
}

// header draws the lines above a screen and returns the box below them.
func (r *root) header(s screen, b cell.Box) cell.Box {
	c := &r.canvas
	top, rest := b.Top(1)
	if t, ok := s.(titled); ok {
		right := r.healthSign(top)
		t.title(c, cell.Box{X: 1, Y: top.Y, W: max(right-2, 0), H: 1}, &r.env)
	} else if r.src == nil {
		c.Text(1, top.Y, 10, cell.Strong, safe.Const("klab"))
		c.Right(0, top.Y, top.W-1, cell.Muted, r.text(words.Slogan))
	} else {
		r.health(top)
		var tabs cell.Box
		tabs, rest = rest.Top(1)
		r.tabs(tabs)
	}
	rule, rest := rest.Top(1)
	if r.src != nil {
		c.Rule(rule)
	}
	return rest
}

// health draws the one answer to "is it well?", with its age.
func (r *root) health(b cell.Box) {
	c := &r.canvas
	age, old := r.age()
	style := cell.Muted
	if old {
		style = cell.Warn
	}
	c.Right(b.X, b.Y, b.W-1, style, age)
	limit := b.W - age.Width() - 3
	x := 1 + c.Text(1, b.Y, 24, cell.Strong, safe.CleanHead(r.snap.Name, 24)) + 2
	sign, style := healthSign(r.snap.Health.Level)
	c.Fill(cell.Box{X: x, Y: b.Y, W: 1, H: 1}, style, sign)
	if r.snap.Health.Level == cluster.HealthOK {
		style = cell.Plain
	}
	c.Text(x+2, b.Y, limit-x-1, style, clean(r.snap.Health.In(r.lang())))
}

// healthSign draws the sign of the cluster's health and its age at the right edge, and returns where it begins.
func (r *root) healthSign(b cell.Box) int {
	c := &r.canvas
	if r.src == nil {
		return b.W
	}
	age, old := r.age()
	style := cell.Muted
	if old {
		style = cell.Warn
	}
	c.Right(b.X, b.Y, b.W-1, style, age)
	x := b.W - 1 - age.Width() - 2
	sign, style := healthSign(r.snap.Health.Level)
	if h := r.snap.Health; h.Level != cluster.HealthOK {
		brokers := r.format(words.Share, h.UpBrokers, h.AllBrokers)
		x -= brokers.Width() + 1
		c.Text(x+2, b.Y, brokers.Width(), style, brokers)
	}
	c.Fill(cell.Box{X: x, Y: b.Y, W: 1, H: 1}, style, sign)
	return x
}

func healthSign(level cluster.Level) (rune, cell.Style) {
	switch level {
	case cluster.HealthOK:
		return '●', cell.OK
	case cluster.HealthAttention:
		return '!', cell.Warn
	}
	return '?', cell.Muted
}

// age says how old the snapshot is, in whole seconds; up to oldAfter it is "live".
func (r *root) age() (text safe.Text, old bool) {
	age := r.snap.Age(r.now)
	switch {
	case age < 0:
		return r.text(words.NotRead), false
	case age <= oldAfter:
		return r.text(words.Live), false
	}
	return r.format(words.Old, num.Span(age)), true
}

func (r *root) tabs(b cell.Box) {
	x := b.X + 1
	for binding := range keymap.Of(keymap.Tabs) {
		word := r.text(binding.Word)
		style := cell.Muted
		if s := r.mains[keymap.MainScreen(binding.Intent)]; s != nil && s == r.stack[0] {
			style = cell.Strong
		}
		if x+word.Width()+2 > b.X+b.W {
			return
		}
		x += r.canvas.Text(x, b.Y, 2, cell.Key, clean(binding.Keys[0])) + 1
		x += r.canvas.Text(x, b.Y, b.W, style, word) + 2
	}
}

// footer draws a rule, or above it what has to be said, and the keys that work now.
func (r *root) footer(b cell.Box) {
	rule, hints := b.Top(1)
	r.canvas.Rule(rule)
	r.notice(rule)
	r.hints(hints)
}

// notice draws the message, else the operation under way, upwards from the rule's row.
func (r *root) notice(b cell.Box) {
	text, style := r.message.text, cell.Strong
	if r.message.bad {
		style = cell.Bad
	}
	if op, ok := r.oldest(); text.Empty() && ok {
		elapsed := r.now.Sub(op.started)
		if elapsed < progressAfter || op.label.Empty() {
			return
		}
		text, style = safe.Join(safe.Const("  "), op.label, num.Tenths(elapsed)), cell.Plain
	}
	if text.Empty() {
		return
	}
	lines := text.Wrap(b.W - 4)
	lines = lines[:min(len(lines), 4)]
	y := b.Y - len(lines) + 1
	r.canvas.Fill(cell.Box{X: b.X, Y: y, W: b.W, H: len(lines)}, cell.Plain, ' ')
	if r.message.bad {
		r.canvas.Text(b.X+1, y, 1, style, safe.Const("!"))
	}
	for i, line := range lines {
		r.canvas.Text(b.X+3, y+i, b.W-4, style, line)
	}
}

// hints draws the keys of the top screen that work now; the ones for help and the palette always fit.
func (r *root) hints(b cell.Box) {
	top := r.top()
	var last []keymap.Binding
	reserved := 0
	for binding := range keymap.Of(top.scope()) {
		if binding.Scope == keymap.Global && binding.Hint {
			last = append(last, binding)
			reserved += r.hintWidth(binding)
		}
	}
	reserved -= hintGap // none after the last one
	x := b.X + 1
	for binding := range keymap.Of(top.scope()) {
		if !binding.Hint || binding.Scope == keymap.Global || !r.reason(top, binding.Intent).Empty() {
			continue
		}
		if x+r.hintWidth(binding) > b.X+b.W-reserved {
			continue
		}
		x = r.hint(x, b.Y, binding)
	}
	for _, binding := range last {
		if x+r.hintWidth(binding)-hintGap <= b.X+b.W {
			x = r.hint(x, b.Y, binding)
		}
	}
}

const hintGap = 2 // cells between two hints

func (r *root) hintWidth(b keymap.Binding) int {
	return len(b.Keys[0]) + 1 + r.text(b.Word).Width() + hintGap
}

func (r *root) hint(x, y int, b keymap.Binding) int {
	x += r.canvas.Text(x, y, r.width-x, cell.Key, clean(b.Keys[0])) + 1
	return x + r.canvas.Text(x, y, r.width-x, cell.Plain, r.text(b.Word)) + hintGap
}
