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
	drawFacts(c, x, b.Y, b.X+b.W-x, facts, e.ageNote(older(recordsAt(&t), logsAt(&t)), e.offsetsEvery()))
}

func partitionColumns(e *env) []cell.Column {
	return []cell.Column{
		{Width: 1},
		{Title: safe.Const("p"), Width: 3, Right: true},
		{Title: e.text(words.ColLeader), Width: 6, Right: true},
		{Title: e.text(words.ColReplicas), Width: 5, Grow: 1, Whole: true, Drop: 2},
		{Title: e.text(words.ColISR), Width: 5, Grow: 1, Whole: true},
		{Title: e.text(words.ColEpoch), Width: 5, Right: true, Drop: 3},
		{Title: e.text(words.ColLogEnd), Width: 10, Right: true, Grow: 1, Drop: 1},
		{Title: e.text(words.ColHighWatermark), Width: 10, Right: true, Grow: 1},
		{Title: e.text(words.ColLag), Width: 6, Right: true},
		{Title: e.text(words.ColSize), Width: 6, Right: true, Drop: 4},
		ageColumn(e),
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
	drawTable(c, b, &s.rows, len(t.Partitions), true, partitionColumns(e), func(i int) []cell.Entry { return partitionRow(&t.Partitions[i], e) })
}

func partitionRow(p *cluster.Partition, e *env) []cell.Entry {
	sign, style := partitionSign(p)
	r := newRow(e, e.offsetsEvery(), 11)
	r.sign(style, sign)
	r.put(cell.Plain, num.ID(p.ID))
	r.put(cell.Leader, num.ID(p.Leader))
	r.put(cell.Plain, num.IDs(p.Replicas))
	if style == cell.OK {
		style = cell.Plain
	}
	r.put(style, num.IDs(p.ISR))
	r.put(cell.Plain, num.ID(p.Epoch))
	end, lag, size := summary(p)
	r.read(leaderAt(p), cell.Plain, num.Count(end))
	r.read(p.At, cell.Plain, num.Count(p.HighWatermark))
	r.read(lagAt(p), cell.Plain, num.Count(lag))
	r.read(leaderAt(p), cell.Plain, num.Bytes(size))
	r.age()
	return r.entries
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
