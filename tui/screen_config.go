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

// config shows a topic's configuration, what was set by hand first.
type config struct {
	filter
	topic   string
	entries []cluster.TopicConfig
	rows    cell.List
}

// openConfig reads the configuration and shows it.
func openConfig(e *env, topic string) effect {
	src := e.src
	return operate{label: e.format(words.ReadingConfig, topic), do: func(ctx context.Context) effect {
		entries, err := src.TopicConfigs(ctx, topic)
		if err != nil {
			return failed(err)
		}
		slices.SortStableFunc(entries, func(a, b cluster.TopicConfig) int { return rank(a) - rank(b) })
		return open{&config{topic: topic, entries: entries}}
	}}
}

// rank puts what differs from Kafka's default first.
func rank(c cluster.TopicConfig) int {
	switch {
	case c.Source == "DYNAMIC_TOPIC_CONFIG":
		return 0
	case !c.Default:
		return 1
	}
	return 2
}

func (s *config) scope() keymap.Scope {
	if s.typing {
		return keymap.Search
	}
	return keymap.Config
}

func (s *config) typed(e *env) effect {
	s.changed()
	s.rows.Home()
	return nil
}

func (s *config) can(e *env, intent keymap.Intent) safe.Text {
	if isMove(intent) || intent == keymap.Filter || s.typing {
		return possible()
	}
	return e.otherwise()
}

func (s *config) act(e *env, intent keymap.Intent) effect {
	if !s.filter.act(intent) {
		moveRows(&s.rows, intent)
	}
	return nil
}

func (s *config) title(c *cell.Canvas, b cell.Box, e *env) {
	c.Text(b.X, b.Y, b.W, cell.Strong, e.format(words.ConfigOf, s.topic))
}

func (s *config) draw(c *cell.Canvas, b cell.Box, e *env) {
	var shown []cluster.TopicConfig
	for _, entry := range s.entries {
		if s.matches(entry.Name, entry.Value) {
			shown = append(shown, entry)
		}
	}
	b = s.filter.draw(c, b, e)
	head, rows := inner(b).Top(1)
	l := cell.Arrange([]cell.Column{
		{Title: e.text(words.ColName), Width: 36},
		{Title: e.text(words.ColValue), Width: 14, Grow: 2},
		{Title: e.text(words.ColSource), Width: 22, Grow: 1, Drop: 1},
	}, rows.W)
	l.Heads(c, head, head.Y)
	s.rows.Fit(len(shown), rows.H)
	from, to := s.rows.Visible()
	for i := from; i < to; i++ {
		y, style := rows.Y+i-from, cell.Muted
		if rank(shown[i]) == 0 {
			style = cell.Strong
		}
		l.Put(c, rows, y, 0, cell.Plain, clean(shown[i].Name))
		l.Put(c, rows, y, 1, style, configValue(shown[i], e))
		l.Put(c, rows, y, 2, cell.Muted, clean(shown[i].Source))
		if i == s.rows.Cursor {
			c.Select(cell.Box{X: b.X, Y: y, W: b.W, H: 1})
		}
	}
	c.Right(head.X, head.Y, head.W, cell.Muted, position(e, &s.rows))
}

func configValue(c cluster.TopicConfig, e *env) safe.Text {
	switch {
	case c.Sensitive:
		return e.text(words.Hidden)
	case c.Value == "":
		return safe.Const("-")
	}
	return safe.CleanHead(c.Value, 200)
}
