package tui

import (
	"context"

	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// transactions lists the transactional ids of every coordinator, or the hanging transactions that were found.
type transactions struct {
	filter
	list    []cluster.Transaction
	shown   []cluster.Transaction
	opened  cluster.Transaction // the one that was described; its ID is empty before
	hanging []cluster.Hanging
	found   bool // hanging was searched for: it is shown
	read    bool
	rows    cell.List
}

func newTransactions() *transactions { return &transactions{} }

func (s *transactions) scope() keymap.Scope {
	if s.typing {
		return keymap.Search
	}
	return keymap.Transactions
}

func (s *transactions) typed(e *env) effect {
	s.changed()
	s.rows.Home()
	s.refresh()
	return nil
}

func (s *transactions) refresh() {
	s.shown = s.shown[:0]
	for _, t := range s.list {
		if s.matches(t.ID, t.State) {
			s.shown = append(s.shown, t)
		}
	}
}

// enter reads the list the first time that the screen is shown.
func (s *transactions) enter(e *env) effect {
	if s.read {
		return nil
	}
	return s.load(e)
}

func (s *transactions) load(e *env) effect {
	src := e.src
	return operate{label: e.text(words.ReadingTxns), do: func(ctx context.Context) effect {
		list, err := src.Transactions(ctx)
		return update(func() effect {
			s.list, s.read, s.found = list, true, false
			s.refresh()
			if err != nil {
				return failed(err)
			}
			return nil
		})
	}}
}

func (s *transactions) can(e *env, intent keymap.Intent) safe.Text {
	switch {
	case isMove(intent), intent == keymap.Filter, intent == keymap.Reload, intent == keymap.FindHanging, s.typing:
		return possible()
	case intent == keymap.Open && !s.found && s.rows.Cursor < len(s.shown):
		return possible()
	case intent == keymap.AbortTxn && s.found && s.rows.Cursor < len(s.hanging):
		return possible()
	case intent == keymap.AbortTxn:
		return e.format(words.WhyNoHanging, keymap.KeyOf(keymap.Transactions, keymap.FindHanging))
	case intent == keymap.Open:
		return e.text(words.WhyNoRow)
	}
	return e.otherwise()
}

func (s *transactions) act(e *env, intent keymap.Intent) effect {
	switch {
	case s.filter.act(intent):
		s.refresh()
	case moveRows(&s.rows, intent):
	case intent == keymap.Reload:
		return s.load(e)
	case intent == keymap.FindHanging:
		return s.find(e)
	case intent == keymap.AbortTxn:
		return s.abort(e, s.hanging[s.rows.Cursor])
	case intent == keymap.Open:
		return s.describe(e, s.shown[s.rows.Cursor].ID)
	}
	return nil
}

func (s *transactions) describe(e *env, id string) effect {
	src := e.src
	return operate{label: e.format(words.ReadingTxn, id), do: func(ctx context.Context) effect {
		t, err := src.Transaction(ctx, id)
		if err != nil {
			return failed(err)
		}
		return update(func() effect {
			s.opened = t
			return nil
		})
	}}
}

func (s *transactions) find(e *env) effect {
	src, none := e.src, e.text(words.NoHanging)
	return operate{label: e.text(words.FindingHanging), do: func(ctx context.Context) effect {
		found, err := src.FindHanging(ctx, cluster.FindHanging{MaxTimeout: cluster.DefaultTxnTimeout})
		if err != nil && len(found) == 0 {
			return failed(err)
		}
		return update(func() effect {
			s.hanging, s.found = found, len(found) > 0
			if !s.found {
				return say{text: none}
			}
			s.rows.Home()
			if err != nil {
				return failed(err)
			}
			return nil
		})
	}}
}

func (s *transactions) abort(e *env, h cluster.Hanging) effect {
	src := e.src
	label, done := e.text(words.AbortingTxn), e.format(words.AbortedTxn, h.TxnStart, h.Topic, h.Partition)
	r := cluster.AbortTransaction{Topic: h.Topic, Partition: h.Partition, Start: h.TxnStart}
	again := s.load(e)
	question := e.format(words.AskAbort, h.TxnStart, h.Topic, h.Partition)
	return open{newConfirm(question, e.text(words.AskAbortMore), typedName(e, h.Topic), func() effect {
		return operate{label: label, do: func(ctx context.Context) effect {
			if err := src.AbortTransaction(ctx, r); err != nil {
				return failed(err)
			}
			return all{again, say{text: done}}
		}}
	})}
}

func (s *transactions) title(c *cell.Canvas, b cell.Box, e *env) {
	c.Text(b.X, b.Y, b.W, cell.Strong, e.format(words.TxnsTitle, num.Count(int64(len(s.list)))))
}

func (s *transactions) draw(c *cell.Canvas, b cell.Box, e *env) {
	b = s.filter.draw(c, b, e)
	switch {
	case !s.read:
		drawEmpty(c, cell.Box{X: b.X, Y: b.Y + 1, W: b.W, H: b.H - 1}, e.text(words.Reading))
	case s.found:
		s.drawHanging(c, b, e)
	case len(s.shown) == 0 && s.text() != "":
		drawEmpty(c, b, e.format(words.NoMatch, len(s.list)))
	case len(s.shown) == 0:
		drawEmpty(c, b, e.text(words.NoTxns))
	default:
		table, rest := b.Bottom(min(7, b.H/3))
		s.drawList(c, table, e)
		s.drawOpened(c, rest, e)
	}
}

func (s *transactions) drawList(c *cell.Canvas, b cell.Box, e *env) {
	columns := []cell.Column{
		{Title: e.text(words.ColTxnID), Width: 28, Grow: 3, Least: 12},
		{Title: e.text(words.ColState), Width: 14, Grow: 1, Least: 14},
		{Title: e.text(words.ColProducerID), Width: 11, Right: true},
		{Title: e.text(words.ColCoordinator), Width: 5, Right: true},
	}
	l := drawTable(c, b, &s.rows, len(s.shown), true, columns, func(i int) []cell.Entry { return transactionRow(&s.shown[i]) })
	head := inner(b)
	l.Note(c, head, head.Y, 0, cell.Muted, position(e, &s.rows))
}

func transactionRow(t *cluster.Transaction) []cell.Entry {
	style := cell.Plain
	if t.State == "Empty" || t.State == "CompleteCommit" || t.State == "CompleteAbort" {
		style = cell.Muted
	}
	return []cell.Entry{{Text: safe.CleanHead(t.ID, 249)}, {Style: style, Text: word(t.State)}, {Text: num.ID(t.ProducerID)}, {Text: num.ID(t.Coordinator)}}
}

func (s *transactions) drawOpened(c *cell.Canvas, b cell.Box, e *env) {
	t := s.opened
	rule, b := b.Top(1)
	if t.ID == "" || b.H == 0 {
		return
	}
	c.Rule(rule)
	b = inner(b)
	x := b.X + c.Text(b.X, b.Y, b.W, cell.Strong, safe.CleanHead(t.ID, 249)) + 2
	c.Text(x, b.Y, b.X+b.W-x, cell.Plain, e.format(words.TxnFacts, word(t.State), num.ID(int32(t.Epoch)), num.Span(t.Timeout)))
	_, b = b.Top(1)
	started := e.text(words.TxnNotOpen)
	if d, ok := e.since(t.Start); ok {
		started = e.format(words.TxnOpenSince, num.Clock(t.Start), num.Span(d))
	}
	c.Text(b.X, b.Y, b.W, cell.Plain, started)
	_, b = b.Top(1)
	if len(t.Partitions) > 0 {
		drawPlain(c, b, cell.Muted, assigned(cluster.GroupMember{Assigned: t.Partitions}).Wrap(max(b.W, 1)))
	}
}

func (s *transactions) drawHanging(c *cell.Canvas, b cell.Box, e *env) {
	b = drawHeading(c, b, e.format(words.HeadHanging, len(s.hanging)), safe.Text{})
	columns := []cell.Column{
		{Title: e.text(words.ColPartition), Width: 20, Grow: 3, Least: 12},
		{Title: e.text(words.ColOffset), Width: 10, Right: true},
		{Title: e.text(words.ColProducerID), Width: 11, Right: true},
		{Title: e.text(words.ColEpoch), Width: 5, Right: true},
		{Title: e.text(words.ColLastWrite), Width: 10, Right: true},
		{Title: e.text(words.ColTxnID), Width: 12, Grow: 2, Least: 8},
	}
	drawTable(c, b, &s.rows, len(s.hanging), true, columns, func(i int) []cell.Entry { return hangingRow(&s.hanging[i], e) })
}

func hangingRow(h *cluster.Hanging, e *env) []cell.Entry {
	written := safe.Text{}
	if d, ok := e.since(h.LastTime); ok {
		written = e.format(words.Ago, num.Span(d))
	}
	return []cell.Entry{
		{Style: cell.Bad, Text: partitionName(h.Topic, h.Partition)}, {Text: num.Count(h.TxnStart)}, {Text: num.ID(h.ID)},
		{Text: num.ID(int32(h.Epoch))}, {Text: written}, {Style: cell.Muted, Text: word(h.TransactionalID)},
	}
}
