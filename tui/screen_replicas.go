package tui

import (
	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// replicas shows one partition: the log of each replica against the high watermark, which is why a reader sees what
// it sees.
type replicas struct {
	topic     string
	partition int32
	rows      cell.List
	release   func()
}

func newReplicas(e *env, topic string, partition int32) *replicas {
	return &replicas{topic: topic, partition: partition, release: e.src.Watch(topic)}
}

func (s *replicas) close() { s.release() }

func (s *replicas) scope() keymap.Scope { return keymap.Replicas }

// broker is the chosen replica's broker, or -1.
func (s *replicas) broker(e *env) int32 {
	p, _ := e.snap.Partition(s.topic, s.partition)
	if s.rows.Cursor >= len(p.Replicas) {
		return -1
	}
	return p.Replicas[s.rows.Cursor]
}

func (s *replicas) can(e *env, intent keymap.Intent) safe.Text {
	switch {
	case isMove(intent):
		return possible()
	case isBroker(intent):
		return canBroker(e, intent, s.broker(e))
	case isTopic(intent):
		return canTopic(e, intent, s.topic)
	}
	return e.otherwise()
}

func (s *replicas) act(e *env, intent keymap.Intent) effect {
	switch {
	case moveRows(&s.rows, intent):
		return nil
	case isBroker(intent):
		return actBroker(e, intent, s.broker(e))
	}
	return actTopic(e, intent, s.topic, s.partition)
}

func (s *replicas) title(c *cell.Canvas, b cell.Box, e *env) {
	p, ok := e.snap.Partition(s.topic, s.partition)
	x := b.X + c.Text(b.X, b.Y, b.W/2, cell.Strong, partitionName(s.topic, s.partition)) + 3
	if !ok {
		c.Text(x, b.Y, b.X+b.W-x, cell.Warn, e.text(words.TopicGone))
		return
	}
	facts := e.format(words.PartitionFacts, num.ID(p.Leader), num.ID(p.Epoch), num.IDs(p.ISR))
	x += c.Text(x, b.Y, b.X+b.W-x, cell.Plain, facts) + 3
	c.Text(x, b.Y, b.X+b.W-x, cell.Muted, e.format(words.MinISR, num.ID(int32(p.MinISR))))
}

func (s *replicas) draw(c *cell.Canvas, b cell.Box, e *env) {
	p, ok := e.snap.Partition(s.topic, s.partition)
	if !ok {
		drawEmpty(c, b, e.format(words.TopicGoneMore, s.topic))
		return
	}
	wanted := func(f cluster.Fact) bool { return ofCluster(f) || f.Topic == s.topic && f.Partition == s.partition }
	beside(c, b, e, wanted, func(b cell.Box) cell.Box {
		top, rest := b.Top(len(p.Replicas) + 2)
		s.drawLogs(c, top, e, &p)
		_, size := rangeOf(&p)
		facts := e.format(words.LogFacts, num.Count(p.LogStart), num.Count(p.HighWatermark), num.Bytes(size))
		if age := e.ageNote(older(p.At, leaderAt(&p)), e.offsetsEvery()); !age.Empty() {
			facts = safe.Join(safe.Const(" "), facts, age)
		}
		rest = drawLines(c, rest, cell.Muted, facts)
		why, style := explain(e, &p)
		_, rest = rest.Top(1)
		return drawLines(c, rest, style, why)
	})
}

// drawLines draws text over as many rows as it needs and returns the rest of the box.
func drawLines(c *cell.Canvas, b cell.Box, style cell.Style, text safe.Text) cell.Box {
	for _, line := range text.Wrap(max(b.W-2, 1)) {
		var row cell.Box
		row, b = b.Top(1)
		if row.H > 0 {
			c.Text(row.X+1, row.Y, row.W-2, style, line)
		}
	}
	return b
}

// rangeOf returns the highest log end among the replicas, and the bytes of the leader's log; -1 is unknown.
func rangeOf(p *cluster.Partition) (end, size int64) {
	end, size = p.HighWatermark, -1
	for _, l := range p.Logs {
		end = max(end, l.EndOffset)
		if l.Broker == p.Leader {
			size = l.Bytes
		}
	}
	return end, size
}

func (s *replicas) drawLogs(c *cell.Canvas, b cell.Box, e *env, p *cluster.Partition) {
	columns := []cell.Column{
		{Width: 8, Title: e.text(words.ColReplica)},
		{Width: 12, Grow: 1, Least: 8, Title: e.text(words.ColLog)},
		{Width: 10, Right: true, Title: e.text(words.ColLogEnd)},
		{Width: 7, Right: true, Title: e.text(words.ColLag)},
		{Width: 10, Right: true, Title: e.text(words.ColCaughtUp), Drop: 1},
		ageColumn(e),
	}
	head, body := inner(b).Top(1)
	s.rows.Fit(len(p.Replicas), body.H-1)
	rows := make([][]cell.Entry, 0, len(p.Replicas))
	for _, id := range p.Replicas {
		rows = append(rows, logRow(p, id, e))
	}
	l := cell.ArrangeFor(columns, body.W, rows)
	l.Heads(c, head, head.Y)
	for i, id := range p.Replicas {
		y := body.Y + i
		l.Row(c, body, y, rows[i])
		drawReplica(c, body, y, p, id, e)
		drawBar(c, l.Box(body, y, 1), p, id, e)
		if i == s.rows.Cursor {
			c.Select(cell.Box{X: b.X, Y: y, W: 10, H: 1})
		}
	}
	drawWatermark(c, l.Box(body, body.Y+len(p.Replicas), 1), body, p, e)
}

// drawReplica draws which broker a replica is on, how that is, and the replica's role.
func drawReplica(c *cell.Canvas, b cell.Box, y int, p *cluster.Partition, id int32, e *env) {
	broker, _ := e.snap.Broker(id)
	sign, style := brokerSign(broker.State)
	c.Fill(cell.Box{X: b.X, Y: y, W: 1, H: 1}, style, sign)
	role, style := safe.Const("f"), cell.Follower
	if id == p.Leader {
		role, style = safe.Const("L"), cell.Leader
	}
	c.Text(b.X+2, y, 1, style, role)
	c.Text(b.X+5, y, 5, cell.Plain, num.ID(id))
}

// drawBar draws a replica's log as far as it goes; one that is out of the ISR or was read long ago is muted.
func drawBar(c *cell.Canvas, bar cell.Box, p *cluster.Partition, id int32, e *env) {
	log, ok := p.LogOf(id)
	if !ok || log.EndOffset < 0 {
		return
	}
	style := cell.Follower
	switch {
	case !p.InISR(id):
		style = cell.Muted
	case id == p.Leader:
		style = cell.Leader
	}
	c.Bar(bar, e.styleAt(log.At, e.offsetsEvery(), style), share(p, log.EndOffset))
}

// logRow is what is written of a replica's log beside its bar.
func logRow(p *cluster.Partition, id int32, e *env) []cell.Entry {
	r := newRow(e, e.offsetsEvery(), 6)
	r.put(cell.Plain, safe.Text{})
	log, ok := p.LogOf(id)
	if !ok || log.EndOffset < 0 {
		r.put(cell.Muted, e.text(words.NotRead))
		return r.entries
	}
	r.put(cell.Plain, safe.Text{})
	r.read(log.At, cell.Plain, num.Count(log.EndOffset))
	if id == p.Leader {
		r.put(cell.Plain, safe.Const("-"))
	} else {
		r.read(older(log.At, leaderAt(p)), cell.Plain, num.Count(log.Lag))
	}
	r.put(cell.Muted, caughtUp(e, p, log))
	r.age()
	return r.entries
}

// caughtUp says when a replica last held all that the leader held.
func caughtUp(e *env, p *cluster.Partition, log cluster.ReplicaLog) safe.Text {
	since, known := e.since(log.CaughtUp)
	switch old := e.old(older(log.At, leaderAt(p)), e.offsetsEvery()); {
	case old && !known:
		return safe.Const("-")
	case old:
		return e.format(words.Ago, num.Short(since))
	case log.Broker == p.Leader || log.Lag == 0 && p.InISR(log.Broker):
		return e.text(words.Now)
	case !known:
		return safe.Const("-")
	}
	return e.format(words.Ago, num.Short(since))
}

// share is where an offset stands between the log's start and the highest log end.
func share(p *cluster.Partition, offset int64) float64 {
	end, _ := rangeOf(p)
	start := max(p.LogStart, 0)
	if end <= start {
		return 0
	}
	return float64(offset-start) / float64(end-start)
}

// drawWatermark points at the high watermark below the bars.
func drawWatermark(c *cell.Canvas, bar, rows cell.Box, p *cluster.Partition, e *env) {
	if p.HighWatermark < 0 {
		return
	}
	text := e.format(words.WatermarkHere, num.Count(p.HighWatermark))
	x := bar.X + int(share(p, p.HighWatermark)*float64(bar.W))
	c.Text(min(x, rows.X+rows.W-1), bar.Y, 1, cell.Strong, safe.Const("^"))
	if x+2+text.Width() <= rows.X+rows.W {
		c.Text(x+2, bar.Y, text.Width(), cell.Muted, text)
		return
	}
	c.Right(rows.X, bar.Y, x-1-rows.X, cell.Muted, text)
}

// explain says in a sentence what readers and writers of the partition get, and why.
func explain(e *env, p *cluster.Partition) (safe.Text, cell.Style) {
	end, _, _ := summary(p)
	switch {
	case p.Leader < 0:
		return e.format(words.WhyOffline, num.IDs(p.ISR)), cell.Bad
	case p.MinISR > 0 && len(p.ISR) < p.MinISR:
		return e.format(words.WhyMinISR, len(p.ISR), p.MinISR), cell.Warn
	case end < 0 || p.HighWatermark < 0:
		return e.text(words.WhyUnknown), cell.Muted
	case e.old(older(p.At, leaderAt(p)), e.offsetsEvery()):
		age, _ := e.since(older(p.At, leaderAt(p)))
		return e.format(words.WhyOld, num.Span(age)), cell.Muted
	case end > p.HighWatermark:
		return e.format(words.WhyInvisible, num.Count(end-p.HighWatermark)), cell.Warn
	case p.UnderReplicated():
		return e.format(words.WhyUnder, len(p.ISR), len(p.Replicas)), cell.Warn
	}
	return e.text(words.WhyAllVisible), cell.Plain
}
