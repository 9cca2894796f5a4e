package tui

import (
	"context"
	"slices"

	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/safe"
	"klab/tui/words"
)

// config shows the configuration of a topic or a broker, what was set by hand first.
type config struct {
	filter
	resource cluster.ConfigResource
	entries  []cluster.ConfigEntry
	changed  bool // only what is not at Kafka's default
	rows     cell.List
	shown    []*cluster.ConfigEntry
}

// openConfig reads the configuration and shows it.
func openConfig(e *env, r cluster.ConfigResource) effect {
	s := &config{resource: r}
	return s.load(e, open{s})
}

// load reads the configuration, and then does what comes next.
func (s *config) load(e *env, next effect) effect {
	src, r := e.src, s.resource
	return operate{label: e.format(words.ReadingConfig, r), do: func(ctx context.Context) effect {
		entries, err := src.Configs(ctx, r)
		if err != nil {
			return failed(err)
		}
		slices.SortStableFunc(entries, func(a, b cluster.ConfigEntry) int { return rank(a) - rank(b) })
		return update(func() effect {
			before, ok := s.chosen()
			s.entries = entries
			s.refresh()
			if ok { // a value that was changed stands elsewhere now
				s.rows.Cursor = max(0, slices.IndexFunc(s.shown, func(e *cluster.ConfigEntry) bool { return e.Name == before.Name }))
			}
			return next
		})
	}}
}

// rank puts what differs from Kafka's default first.
func rank(c cluster.ConfigEntry) int {
	switch {
	case c.Dynamic():
		return 0
	case !c.Default:
		return 1
	}
	return 2
}

func (s *config) refresh() {
	s.shown = s.shown[:0]
	for i := range s.entries {
		entry := &s.entries[i]
		if (!s.changed || !entry.Default) && s.matches(entry.Name, entry.Value) {
			s.shown = append(s.shown, entry)
		}
	}
}

func (s *config) chosen() (cluster.ConfigEntry, bool) {
	if s.rows.Cursor >= len(s.shown) {
		return cluster.ConfigEntry{}, false
	}
	return *s.shown[s.rows.Cursor], true
}

func (s *config) scope() keymap.Scope {
	if s.typing {
		return keymap.Search
	}
	return keymap.Config
}

func (s *config) typed(e *env) effect {
	s.filter.changed()
	s.rows.Home()
	s.refresh()
	return nil
}

func (s *config) can(e *env, intent keymap.Intent) safe.Text {
	entry, ok := s.chosen()
	switch {
	case isMove(intent), intent == keymap.Filter, intent == keymap.OnlyChanged, intent == keymap.Reload, s.typing:
		return possible()
	case intent != keymap.EditConfig && intent != keymap.DropConfig:
		return e.otherwise()
	case !ok:
		return e.text(words.WhyNoRow)
	case entry.ReadOnly:
		return e.format(words.WhyReadOnly, entry.Name)
	case intent == keymap.DropConfig && !entry.SetOn(s.resource):
		return e.format(words.WhyNotSet, entry.Name)
	}
	return possible()
}

func (s *config) act(e *env, intent keymap.Intent) effect {
	entry, _ := s.chosen()
	switch {
	case s.filter.act(intent):
		s.refresh()
	case moveRows(&s.rows, intent):
	case intent == keymap.OnlyChanged:
		s.changed = !s.changed
		s.rows.Home()
		s.refresh()
	case intent == keymap.Reload:
		return s.load(e, nil)
	case intent == keymap.EditConfig:
		return open{s.editForm(e, entry)}
	case intent == keymap.DropConfig:
		return s.confirm(e, entry, cluster.ConfigChange{Name: entry.Name, Op: cluster.ConfigDelete}, 0)
	}
	return nil
}

// editForm asks for a new value.
func (s *config) editForm(e *env, entry cluster.ConfigEntry) *form {
	value := cell.NewInput(entry.Value)
	ops := []string{string(cluster.ConfigSet)}
	if entry.Type == "LIST" {
		ops = append(ops, string(cluster.ConfigAppend), string(cluster.ConfigSubtract))
	}
	return &form{heading: words.HeadEditConfig, note: e.format(words.EditOf, entry.Name, s.resource, configValue(entry, e)), fields: []field{
		{label: words.FieldValue, line: value},
		{label: words.FieldOperation, choices: ops},
	}, submit: func(e *env, f *form) effect {
		ch := cluster.ConfigChange{Name: entry.Name, Op: cluster.ConfigOp(f.fields[1].value()), Value: f.fields[0].value()}
		if ch.Op == cluster.ConfigSet && ch.Value == entry.Value {
			return f.refuse(0, e.text(words.SameValue))
		}
		return s.confirm(e, entry, ch, 1)
	}}
}

// confirm shows the old value and the new one, and changes it when that is agreed to; then it leaves so many forms.
func (s *config) confirm(e *env, entry cluster.ConfigEntry, ch cluster.ConfigChange, forms int) effect {
	more := e.format(words.AskConfigMore, configValue(entry, e), word(entry.Source), word(ch.Value))
	switch ch.Op {
	case cluster.ConfigDelete:
		more = e.format(words.AskDropConfigMore, configValue(entry, e), word(entry.Source))
	case cluster.ConfigAppend, cluster.ConfigSubtract:
		more = e.format(words.AskListMore, configValue(entry, e), word(string(ch.Op)), word(ch.Value))
	}
	a := cluster.AlterConfigs{Resource: s.resource, Changes: []cluster.ConfigChange{ch}}
	src, done := e.src, e.format(words.ConfigChanged, entry.Name, s.resource)
	label, again := e.format(words.ChangingConfig, entry.Name), s.load(e, nil)
	var leave all
	for range forms {
		leave = append(leave, goBack{})
	}
	return open{newConfirm(e.format(words.AskConfig, entry.Name, s.resource), more, "", func() effect {
		return operate{label: label, do: func(ctx context.Context) effect {
			if err := src.AlterConfigs(ctx, a); err != nil {
				return failed(err)
			}
			return append(leave, again, say{text: done})
		}}
	})}
}

func (s *config) title(c *cell.Canvas, b cell.Box, e *env) {
	x := b.X + c.Text(b.X, b.Y, b.W, cell.Strong, e.format(words.ConfigOf, s.resource)) + 3
	if s.changed {
		c.Text(x, b.Y, b.X+b.W-x, cell.Plain, e.text(words.ChangedOnly))
	}
}

// docRows is how much of the screen the documentation of the chosen key may take.
const docRows = 6

func (s *config) draw(c *cell.Canvas, b cell.Box, e *env) {
	b = s.filter.draw(c, b, e)
	table, doc := b.Bottom(min(docRows+1, b.H/3))
	head, rows := inner(table).Top(1)
	l := cell.Arrange([]cell.Column{
		{Width: 1},
		{Title: e.text(words.ColName), Width: 34, Grow: 1},
		{Title: e.text(words.ColConfigValue), Width: 14, Grow: 3},
		{Title: e.text(words.ColSource), Width: 22, Drop: 1},
		{Title: e.text(words.ColDefault), Width: 12, Grow: 1, Drop: 2},
	}, rows.W)
	l.Heads(c, head, head.Y)
	s.rows.Fit(len(s.shown), rows.H)
	from, to := s.rows.Visible()
	for i := from; i < to; i++ {
		drawConfig(c, &l, rows, rows.Y+i-from, *s.shown[i], e)
		if i == s.rows.Cursor {
			c.Select(cell.Box{X: table.X, Y: rows.Y + i - from, W: table.W, H: 1})
		}
	}
	if len(s.shown) == 0 {
		drawEmpty(c, rows, e.format(words.NoMatch, len(s.entries)))
	}
	l.Note(c, head, head.Y, 1, cell.Muted, position(e, &s.rows))
	s.drawDoc(c, doc, e)
}

func drawConfig(c *cell.Canvas, l *cell.Layout, b cell.Box, y int, entry cluster.ConfigEntry, e *env) {
	style := cell.Muted
	switch rank(entry) {
	case 0:
		style = cell.Strong
		c.Text(b.X, y, 1, cell.Strong, safe.Const("›"))
	case 1:
		style = cell.Plain
	}
	l.Put(c, b, y, 1, cell.Plain, clean(entry.Name))
	l.Put(c, b, y, 2, style, configValue(entry, e))
	l.Put(c, b, y, 3, cell.Muted, clean(entry.Source))
	if value, known := entry.DefaultValue(); known {
		l.Put(c, b, y, 4, cell.Muted, word(value))
	} else {
		l.Put(c, b, y, 4, cell.Muted, safe.Const("-"))
	}
}

// drawDoc says what the chosen key is: where its value comes from, and Kafka's own documentation.
func (s *config) drawDoc(c *cell.Canvas, b cell.Box, e *env) {
	entry, ok := s.chosen()
	rule, b := b.Top(1)
	if !ok || b.H == 0 {
		return
	}
	c.Rule(rule)
	b = inner(b)
	x := b.X + c.Text(b.X, b.Y, b.W, cell.Strong, clean(entry.Name)) + 2
	about := word(entry.Type)
	if entry.ReadOnly {
		about = e.format(words.ReadOnlyNote, about)
	}
	x += c.Text(x, b.Y, b.X+b.W-x, cell.Muted, about) + 2
	if len(entry.Synonyms) > 1 {
		c.Text(x, b.Y, b.X+b.W-x, cell.Muted, synonyms(entry, e))
	}
	_, b = b.Top(1)
	doc := e.text(words.NoDoc)
	if entry.Doc != "" {
		doc = safe.CleanHead(entry.Doc, 1500)
	}
	drawPlain(c, b, cell.Plain, doc.Wrap(max(b.W, 1)))
}

// synonyms is the chain of values of which the first one holds.
func synonyms(entry cluster.ConfigEntry, e *env) safe.Text {
	var parts []safe.Text
	for _, s := range entry.Synonyms {
		parts = append(parts, e.format(words.SynonymIs, word(s.Value), word(s.Source)))
	}
	return safe.Join(safe.Const(" ‹ "), parts...)
}

func configValue(c cluster.ConfigEntry, e *env) safe.Text {
	switch {
	case c.Sensitive:
		return e.text(words.Hidden)
	case c.Value == "":
		return safe.Const("-")
	}
	return safe.CleanHead(c.Value, 200)
}
