package tui

import (
	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// topics is the list of topics.
type topics struct {
	filter
	rows     cell.List
	internal bool // internal topics are shown too
	shown    []*cluster.Topic
	of       topicsOf // what shown was made from
}

// topicsOf is what the shown topics depend on.
type topicsOf struct {
	seq      int64
	filter   int
	internal bool
}

func newTopics() *topics { return &topics{of: topicsOf{seq: -1}} }

func (t *topics) scope() keymap.Scope {
	if t.typing {
		return keymap.Search
	}
	return keymap.Topics
}

func (t *topics) typed(e *env) effect {
	t.changed()
	t.rows.Home()
	return nil
}

func (t *topics) chosen() string {
	if t.rows.Cursor >= len(t.shown) {
		return ""
	}
	return t.shown[t.rows.Cursor].Name
}

func (t *topics) can(e *env, intent keymap.Intent) safe.Text {
	switch {
	case isMove(intent), intent == keymap.ShowInternal, intent == keymap.Filter, t.typing:
		return possible()
	case isTopic(intent):
		return canTopic(e, intent, t.chosen())
	case intent == keymap.Open && t.chosen() == "":
		return e.text(words.WhyNoTopic)
	case intent == keymap.Open:
		return possible()
	}
	return e.otherwise()
}

func (t *topics) act(e *env, intent keymap.Intent) effect {
	switch {
	case t.filter.act(intent), moveRows(&t.rows, intent):
	case isTopic(intent):
		return actTopic(e, intent, t.chosen(), -1)
	case intent == keymap.ShowInternal:
		t.internal = !t.internal
	case intent == keymap.Open:
		return open{newPartitions(e, t.chosen())}
	}
	return nil
}

// refresh makes the list again when the snapshot or the filter changed, and keeps the chosen topic chosen.
func (t *topics) refresh(e *env) {
	of := topicsOf{e.snap.Seq, t.version, t.internal}
	if of == t.of {
		return
	}
	chosen := t.chosen()
	t.of, t.shown = of, t.shown[:0]
	for i := range e.snap.Topics {
		topic := &e.snap.Topics[i]
		if topic.Internal && !t.internal || !t.matches(topic.Name) {
			continue
		}
		if topic.Name == chosen {
			t.rows.Cursor = len(t.shown)
		}
		t.shown = append(t.shown, topic)
	}
}

func topicColumns(e *env) []cell.Column {
	return []cell.Column{
		{Width: 1},
		{Title: e.text(words.ColTopic), Width: 16, Grow: 3, Least: 10},
		{Title: e.text(words.ColPartitions), Width: 5, Right: true},
		{Title: e.text(words.ColReplication), Width: 3, Right: true},
		{Title: e.text(words.ColRecords), Width: 11, Right: true},
		{Title: e.text(words.ColSize), Width: 7, Right: true, Drop: 1},
		{Title: e.text(words.ColState), Width: 16, Grow: 1, Least: 8},
		ageColumn(e),
	}
}

func (t *topics) draw(c *cell.Canvas, b cell.Box, e *env) {
	t.refresh(e)
	b = t.filter.draw(c, b, e)
	head, rows := inner(b).Top(1)
	l := drawTable(c, b, &t.rows, len(t.shown), true, topicColumns(e), func(i int) []cell.Entry { return topicRow(t.shown[i], e) })
	if len(t.shown) == 0 {
		t.drawNone(c, rows, e)
	}
	l.Note(c, head, head.Y, 1, cell.Muted, position(e, &t.rows))
}

func (t *topics) drawNone(c *cell.Canvas, b cell.Box, e *env) {
	why := e.format(words.NoTopics, keymap.KeyOf(keymap.Topics, keymap.NewTopic))
	if t.text() != "" {
		why = e.format(words.NoMatch, len(e.snap.Topics))
	}
	drawEmpty(c, b, why)
}

func topicRow(t *cluster.Topic, e *env) []cell.Entry {
	sign, style, state := topicState(t, e)
	r := newRow(e, e.offsetsEvery(), 8)
	r.sign(style, sign)
	r.put(cell.Plain, safe.CleanHead(t.Name, 249))
	r.put(cell.Plain, num.Count(int64(len(t.Partitions))))
	r.put(cell.Plain, num.Count(int64(t.ReplicationFactor())))
	r.read(recordsAt(t), cell.Plain, num.Count(t.Records()))
	r.read(logsAt(t), cell.Plain, num.Bytes(t.Bytes))
	if style == cell.OK {
		style = cell.Muted
	}
	r.put(style, state)
	r.age()
	return r.entries
}

// topicState sums the partitions of a topic up.
func topicState(t *cluster.Topic, e *env) (rune, cell.Style, safe.Text) {
	offline, under := 0, 0
	for i := range t.Partitions {
		if t.Partitions[i].Leader < 0 {
			offline++
		}
		if t.Partitions[i].UnderReplicated() {
			under++
		}
	}
	switch {
	case offline > 0:
		return '✗', cell.Bad, e.format(words.OfflineN, offline)
	case under > 0:
		return '!', cell.Warn, e.format(words.UnderReplicatedN, under)
	}
	return '●', cell.OK, e.text(words.InSync)
}
