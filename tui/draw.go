package tui

import (
	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// drawHeading draws the title of a part in the first row of the box, with a note at the right, and returns the rest.
func drawHeading(c *cell.Canvas, b cell.Box, title, note safe.Text) cell.Box {
	head, rest := b.Top(1)
	if head.H == 0 {
		return rest
	}
	x := c.Text(head.X+1, head.Y, head.W-2, cell.Heading, title)
	c.Right(head.X+x+3, head.Y, head.W-x-4, cell.Muted, note)
	return rest
}

// drawEmpty says in the middle of nothing why nothing is here and what to do.
func drawEmpty(c *cell.Canvas, b cell.Box, text safe.Text) {
	for i, line := range text.Wrap(max(b.W-8, 1)) {
		if i < b.H {
			c.Text(b.X+3, b.Y+i, b.W-6, cell.Muted, line)
		}
	}
}

// brokerSign is the sign and style of a broker's state.
func brokerSign(s cluster.BrokerState) (rune, cell.Style) {
	switch s {
	case cluster.BrokerUp:
		return '●', cell.OK
	case cluster.BrokerDown, cluster.BrokerKilled:
		return '✗', cell.Bad
	case cluster.BrokerStarting, cluster.BrokerStopping, cluster.BrokerPaused:
		return '◌', cell.Warn
	}
	return '?', cell.Muted
}

// brokerWord says a broker's state and for how long: "killed 2 s". A broker that is up and not the controller needs no
// word.
func brokerWord(e *env, b cluster.Broker) (safe.Text, cell.Style) {
	id, style := words.StateUnknown, cell.Muted
	switch b.State {
	case cluster.BrokerUp:
		if b.Controller {
			return e.text(words.Controller), cell.Strong
		}
		return safe.Text{}, cell.Plain
	case cluster.BrokerDown:
		id, style = words.StateDown, cell.Bad
	case cluster.BrokerKilled:
		id, style = words.StateKilled, cell.Bad
	case cluster.BrokerStarting:
		id, style = words.StateStarting, cell.Warn
	case cluster.BrokerStopping:
		id, style = words.StateStopping, cell.Warn
	case cluster.BrokerPaused:
		id, style = words.StatePaused, cell.Warn
	}
	if d, ok := e.since(b.Since); ok {
		return safe.Join(safe.Const(" "), e.text(id), num.Span(d)), style
	}
	return e.text(id), style
}

// factColumns are the columns of a timeline.
func factColumns(e *env) []cell.Column {
	return []cell.Column{
		{Title: e.text(words.ColTime), Width: 12},
		{Title: e.text(words.ColWhat), Width: 13, Grow: 1},
		{Title: e.text(words.ColHappened), Width: 24, Grow: 9},
		{Title: e.text(words.ColSinceCause), Width: 10, Right: true},
	}
}

// drawFact draws one fact on row y of the box.
func drawFact(c *cell.Canvas, l *cell.Layout, b cell.Box, y int, f cluster.Fact, e *env) {
	said := e.said.of(f, e.lang())
	l.Put(c, b, y, 0, cell.Muted, said.time)
	l.Put(c, b, y, 1, cell.Plain, said.subject)
	l.Put(c, b, y, 2, factStyle(f.Kind), said.text)
	l.Put(c, b, y, 3, cell.Muted, said.since)
}

// factWords is what is drawn of a fact.
type factWords struct{ time, subject, text, since safe.Text }

// saidFacts keeps the words of the facts that were drawn lately: they never change, and wording them anew in every
// frame would be half of its cost.
type saidFacts struct {
	lang  cluster.Lang
	words map[int64]factWords // by Seq
}

// maxSaid bounds saidFacts: several screens of them.
const maxSaid = 500

func (s *saidFacts) of(f cluster.Fact, lang cluster.Lang) factWords {
	if s.words == nil || s.lang != lang || len(s.words) > maxSaid {
		s.lang, s.words = lang, map[int64]factWords{}
	}
	w, ok := s.words[f.Seq]
	if !ok {
		subject, text := f.Words(lang)
		w = factWords{time: num.Clock(f.Time), subject: safe.CleanHead(subject, 80), text: safe.CleanHead(text, 240)}
		if f.SinceCause != cluster.NoCause {
			w.since = num.After(f.SinceCause)
		}
		s.words[f.Seq] = w
	}
	return w
}

// factStyle makes what wants attention stand out; most of what happens does not.
func factStyle(kind string) cell.Style {
	switch kind {
	case cluster.KindProcessKilled, cluster.KindProcessFailed, cluster.KindProcessExited, cluster.KindPartitionOffline:
		return cell.Bad
	case cluster.KindSessionExpired, cluster.KindISRShrunk, cluster.KindStale, cluster.KindBrokerDown, cluster.KindProcessPaused,
		cluster.KindMemberLeft:
		return cell.Warn
	case cluster.KindFirstWrite:
		return cell.OK
	}
	return cell.Plain
}

// drawTimeline draws the newest facts that fit, under a heading. A nil wanted means every fact.
func drawTimeline(c *cell.Canvas, b cell.Box, e *env, wanted func(cluster.Fact) bool) {
	if b.H < 2 || e.src == nil {
		return
	}
	b = drawHeading(c, b, e.text(words.HeadTimeline), e.text(words.ColSinceCause))
	b = inner(b)
	facts := newest(e.src.Timeline(), b.H, wanted)
	if len(facts) == 0 {
		c.Text(b.X, b.Y, b.W, cell.Muted, e.text(words.NothingHappened))
		return
	}
	l := cell.Arrange(factColumns(e), b.W)
	for i, f := range facts {
		drawFact(c, &l, b, b.Y+i, f, e)
	}
}

// wideFrom is the width from which the timeline stands beside a screen rather than below it.
const wideFrom = 150

// beside draws a screen and the timeline: side by side on a wide terminal, else one above the other. draw gets the
// screen's box and returns what it left of it.
func beside(c *cell.Canvas, b cell.Box, e *env, wanted func(cluster.Fact) bool, draw func(cell.Box) cell.Box) {
	if b.W >= wideFrom {
		left, right := b.Left(b.W * 55 / 100)
		_, right = right.Left(2)
		draw(left)
		drawTimeline(c, right, e, wanted)
		return
	}
	_, rest := draw(b).Top(1)
	drawTimeline(c, rest, e, wanted)
}

// ofCluster reports whether a fact is about brokers or the cluster: of interest beside any topic.
func ofCluster(f cluster.Fact) bool {
	return f.Topic == "" && f.Text("group") == "" && f.Text("id") == ""
}

// newest returns the newest n facts that are wanted, oldest first.
func newest(t *cluster.Timeline, n int, wanted func(cluster.Fact) bool) []cluster.Fact {
	if wanted == nil {
		return t.Last(n)
	}
	const window = 500 // a fact further back is not worth the search at every frame
	facts := t.Last(window)
	kept := make([]cluster.Fact, 0, n)
	for i := len(facts) - 1; i >= 0 && len(kept) < n; i-- {
		if wanted(facts[i]) {
			kept = append(kept, facts[i])
		}
	}
	for i, j := 0, len(kept)-1; i < j; i, j = i+1, j-1 {
		kept[i], kept[j] = kept[j], kept[i]
	}
	return kept
}

// drawTable draws the heads of a list and those of its count rows that are in sight, and marks the chosen one if a row of this
// list is chosen.
func drawTable(c *cell.Canvas, b cell.Box, list *cell.List, count int, chosen bool, columns []cell.Column, row func(i int) []cell.Entry) cell.Layout {
	head, body := inner(b).Top(1)
	list.Fit(count, body.H)
	from, to := list.Visible()
	to = min(to, from+body.H)
	rows := make([][]cell.Entry, 0, max(to-from, 0))
	for i := from; i < to; i++ {
		rows = append(rows, row(i))
	}
	l := cell.ArrangeFor(columns, body.W, rows)
	l.Heads(c, head, head.Y)
	for i, entries := range rows {
		l.Row(c, body, body.Y+i, entries)
		if chosen && from+i == list.Cursor {
			c.Select(cell.Box{X: b.X, Y: body.Y + i, W: b.W, H: 1})
		}
	}
	return l
}

// inner leaves one column free at both sides.
func inner(b cell.Box) cell.Box { return b.Inset(1, 0) }

// moveRows does the intents that move in a list, and reports whether it was one of them.
func moveRows(l *cell.List, intent keymap.Intent) bool {
	switch intent {
	case keymap.Up:
		l.Move(-1)
	case keymap.Down:
		l.Move(1)
	case keymap.PageUp:
		l.Page(-1)
	case keymap.PageDown:
		l.Page(1)
	case keymap.First:
		l.Home()
	case keymap.Last:
		l.End()
	default:
		return false
	}
	return true
}

// isMove reports whether an intent moves in a list.
func isMove(intent keymap.Intent) bool { return intent >= keymap.Up && intent <= keymap.Last }

// position says where one is in a list that is longer than its box: "5 of 20"; else nothing.
func position(e *env, l *cell.List) safe.Text {
	if l.Complete() {
		return safe.Text{}
	}
	return e.format(words.NthOf, l.Cursor+1, l.Count())
}
