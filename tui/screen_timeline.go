package tui

import (
	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// timeline shows everything that happened, newest last. It follows the newest until one moves up.
type timeline struct {
	filter
	rows    cell.List
	facts   []cluster.Fact
	cursor  int64 // of the facts read so far
	gap     bool  // facts before the first one were dropped
	version int   // of the filter, that facts were chosen by
	lang    cluster.Lang
}

// maxFacts bounds what the screen keeps.
const maxFacts = 10_000

func newTimeline() *timeline { return &timeline{} }

func (t *timeline) scope() keymap.Scope {
	if t.typing {
		return keymap.Search
	}
	return keymap.Timeline
}

func (t *timeline) typed(e *env) effect {
	t.changed()
	return nil
}

func (t *timeline) can(e *env, intent keymap.Intent) safe.Text {
	if isMove(intent) || intent == keymap.Filter || t.typing {
		return possible()
	}
	return e.otherwise()
}

func (t *timeline) act(e *env, intent keymap.Intent) effect {
	if !t.filter.act(intent) {
		moveRows(&t.rows, intent)
	}
	return nil
}

// read takes the facts that are new, or all of them again when the filter or the language changed.
func (t *timeline) read(e *env) {
	following := t.rows.Cursor >= len(t.facts)-1
	if t.version != t.filter.version || t.lang != e.lang() {
		t.version, t.lang, t.cursor, t.facts = t.filter.version, e.lang(), 0, nil
	}
	fresh, next, gap := e.src.Timeline().Since(t.cursor)
	t.gap, t.cursor = t.gap || gap, next
	for _, f := range fresh {
		if t.text() == "" || t.wants(f, e.lang()) {
			t.facts = append(t.facts, f)
		}
	}
	if over := len(t.facts) - maxFacts; over > 0 {
		t.facts, t.gap = t.facts[over:], true
		t.rows.Shift(over)
	}
	if following {
		t.rows.Cursor = max(len(t.facts)-1, 0)
	}
}

func (t *timeline) wants(f cluster.Fact, lang cluster.Lang) bool {
	subject, text := f.Words(lang)
	return t.matches(subject, text, f.Source, f.Kind)
}

func (t *timeline) draw(c *cell.Canvas, b cell.Box, e *env) {
	t.read(e)
	b = t.filter.draw(c, b, e)
	head, rows := inner(b).Top(1)
	columns := append(factColumns(e), cell.Column{Title: e.text(words.ColSeenBy), Width: 10, Drop: 1})
	columns[2].Width = 36 // so that the source goes first on a narrow screen: the chosen fact's is shown below
	l := cell.Arrange(columns, rows.W)
	l.Heads(c, head, head.Y)
	detail := cell.Box{}
	if rows.H > 10 {
		rows, detail = rows.Bottom(3)
	}
	t.rows.Fit(len(t.facts), rows.H)
	from, to := t.rows.Visible()
	for i := from; i < to; i++ {
		y, f := rows.Y+i-from, t.facts[i]
		drawFact(c, &l, rows, y, f, e)
		l.Put(c, rows, y, 4, cell.Muted, safe.CleanHead(f.Source, 40))
		if i == t.rows.Cursor {
			c.Select(cell.Box{X: b.X, Y: y, W: b.W, H: 1})
		}
	}
	shown, _ := l.Shown(2)
	t.drawDetail(c, detail, e, shown)
	if len(t.facts) == 0 {
		drawEmpty(c, rows, e.text(words.NothingHappened))
	}
}

// drawDetail says of the chosen fact what it followed from, and what the list, with shown cells for what happened, has no
// room for.
func (t *timeline) drawDetail(c *cell.Canvas, b cell.Box, e *env, shown int) {
	if b.H < 3 || len(t.facts) == 0 {
		return
	}
	whole, row := b.Top(1)
	f := t.facts[t.rows.Cursor]
	if said := e.said.of(f, e.lang()); said.text.Width() > shown {
		c.Text(whole.X, whole.Y, whole.W, cell.Muted, safe.Join(safe.Const("  "), said.subject, said.text))
	}
	text := e.format(words.FactDetail, t.rows.Cursor+1, len(t.facts), f.Kind, f.Source)
	if cause, ok := e.src.Timeline().Get(f.Cause); ok && f.Cause > 0 {
		subject, what := cause.Words(e.lang())
		c.Text(row.X, row.Y+1, row.W, cell.Muted, e.format(words.FollowsFrom, num.Clock(cause.Time), subject, what))
	}
	if t.gap && t.rows.Cursor == 0 {
		text = safe.Join(safe.Const("  "), e.text(words.OlderDropped), text)
	}
	c.Text(row.X, row.Y, row.W, cell.Muted, text)
}
