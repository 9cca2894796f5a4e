package tui

import (
	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// partitions shows one topic: every partition with its leader, replicas, ISR and offsets.
type partitions struct {
	topic   string
	rows    cell.List
	release func()
}

func newPartitions(e *env, topic string) *partitions {
	return &partitions{topic: topic, release: e.src.Watch(topic)}
}

func (s *partitions) close() { s.release() }

func (s *partitions) scope() keymap.Scope { return keymap.Partitions }

// chosen returns the chosen partition.
func (s *partitions) chosen(e *env) (cluster.Partition, bool) {
	t, _ := e.snap.Topic(s.topic)
	if s.rows.Cursor >= len(t.Partitions) {
		return cluster.Partition{ID: -1, Leader: -1}, false
	}
	return t.Partitions[s.rows.Cursor], true
}

func (s *partitions) can(e *env, intent keymap.Intent) safe.Text {
	p, ok := s.chosen(e)
	switch {
	case isMove(intent), intent == keymap.ShowConfig:
		return possible()
	case isBroker(intent):
		return canBroker(e, intent, p.Leader)
	case isTopic(intent):
		return canTopic(e, intent, s.topic)
	case intent == keymap.Open && !ok:
		return e.text(words.WhyNoRow)
	case intent == keymap.Open:
		return possible()
	}
	return e.otherwise()
}

func (s *partitions) act(e *env, intent keymap.Intent) effect {
	p, _ := s.chosen(e)
	switch {
	case moveRows(&s.rows, intent):
		return nil
	case isBroker(intent):
		return actBroker(e, intent, p.Leader)
	case isTopic(intent):
		return actTopic(e, intent, s.topic, -1)
	case intent == keymap.ShowConfig:
		return openConfig(e, cluster.TopicResource(s.topic))
	}
	return open{newReplicas(e, s.topic, p.ID)}
}

func (s *partitions) title(c *cell.Canvas, b cell.Box, e *env) {
	t, ok := e.snap.Topic(s.topic)
	x := b.X + c.Text(b.X, b.Y, b.W/2, cell.Strong, safe.CleanHead(s.topic, 249)) + 3
	if !ok {
		c.Text(x, b.Y, b.X+b.W-x, cell.Warn, e.text(words.TopicGone))
		return
	}
	facts := e.format(words.TopicFacts, len(t.Partitions), t.ReplicationFactor(), num.Count(t.Records()), num.Bytes(t.Bytes))
	c.Text(x, b.Y, b.X+b.W-x, cell.Plain, facts)
}

func partitionColumns(e *env) []cell.Column {
	return []cell.Column{
		{Width: 1},
		{Title: safe.Const("p"), Width: 3, Right: true},
		{Title: e.text(words.ColLeader), Width: 6, Right: true},
		{Title: e.text(words.ColReplicas), Width: 8, Grow: 1},
		{Title: e.text(words.ColISR), Width: 8, Grow: 1},
		{Title: e.text(words.ColEpoch), Width: 5, Right: true, Drop: 1},
		{Title: e.text(words.ColLogEnd), Width: 10, Right: true, Grow: 1},
		{Title: e.text(words.ColHighWatermark), Width: 10, Right: true, Grow: 1},
		{Title: e.text(words.ColLag), Width: 6, Right: true},
		{Title: e.text(words.ColSize), Width: 6, Right: true, Drop: 2},
	}
}

func (s *partitions) draw(c *cell.Canvas, b cell.Box, e *env) {
	t, ok := e.snap.Topic(s.topic)
	if !ok {
		drawEmpty(c, b, e.format(words.TopicGoneMore, s.topic))
		return
	}
	beside(c, b, e, func(f cluster.Fact) bool { return f.Topic == s.topic || ofCluster(f) }, func(b cell.Box) cell.Box {
		top, rest := b.Top(max(min(len(t.Partitions)+1, b.H*3/5), 4))
		s.drawTable(c, top, e, t)
		return drawMovesBelow(c, rest, e, moving(e, s.topic))
	})
}

func (s *partitions) drawTable(c *cell.Canvas, b cell.Box, e *env, t cluster.Topic) {
	head, rows := inner(b).Top(1)
	l := cell.Arrange(partitionColumns(e), rows.W)
	l.Heads(c, head, head.Y)
	s.rows.Fit(len(t.Partitions), rows.H)
	from, to := s.rows.Visible()
	for i := from; i < to; i++ {
		y := rows.Y + i - from
		drawPartition(c, &l, rows, y, &t.Partitions[i])
		if i == s.rows.Cursor {
			c.Select(cell.Box{X: b.X, Y: y, W: b.W, H: 1})
		}
	}
}

func drawPartition(c *cell.Canvas, l *cell.Layout, b cell.Box, y int, p *cluster.Partition) {
	sign, style := partitionSign(p)
	c.Fill(cell.Box{X: b.X, Y: y, W: 1, H: 1}, style, sign)
	l.Put(c, b, y, 1, cell.Plain, num.ID(p.ID))
	l.Put(c, b, y, 2, cell.Leader, num.ID(p.Leader))
	l.Put(c, b, y, 3, cell.Plain, num.IDs(p.Replicas))
	if style == cell.OK {
		style = cell.Plain
	}
	l.Put(c, b, y, 4, style, num.IDs(p.ISR))
	l.Put(c, b, y, 5, cell.Plain, num.ID(p.Epoch))
	end, lag, size := summary(p)
	l.Put(c, b, y, 6, cell.Plain, num.Count(end))
	l.Put(c, b, y, 7, cell.Plain, num.Count(p.HighWatermark))
	l.Put(c, b, y, 8, cell.Plain, num.Count(lag))
	l.Put(c, b, y, 9, cell.Plain, num.Bytes(size))
}

func partitionSign(p *cluster.Partition) (rune, cell.Style) {
	switch {
	case p.Leader < 0:
		return '✗', cell.Bad
	case p.UnderReplicated():
		return '!', cell.Warn
	}
	return '●', cell.OK
}

// summary returns the leader's log end, the lag of the follower that is furthest behind, and the size of the leader's
// log; -1 is unknown.
func summary(p *cluster.Partition) (end, lag, size int64) {
	end, lag, size = -1, -1, -1
	for _, l := range p.Logs {
		if l.Broker == p.Leader {
			end, size = l.EndOffset, l.Bytes
			continue
		}
		lag = max(lag, l.Lag)
	}
	return end, lag, size
}
