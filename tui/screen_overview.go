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

// overview shows the brokers, the health of all partitions and what happened last.
type overview struct {
	brokers  cell.List
	topics   cell.List
	inTopics bool // the chosen row is a topic, not a broker
	shown    []cluster.Topic
	toldAt   map[int32]time.Time // by broker: when it last told of one of its logs
	seq      int64               // of the snapshot that shown was taken from
}

func newOverview() *overview { return &overview{seq: -1} }

func (o *overview) scope() keymap.Scope { return keymap.Overview }

// broker is the chosen broker's id, or -1.
func (o *overview) broker(e *env) int32 {
	if o.inTopics || o.brokers.Cursor >= len(e.snap.Brokers) {
		return -1
	}
	return e.snap.Brokers[o.brokers.Cursor].ID
}

// topic is the chosen topic's name, or empty.
func (o *overview) topic() string {
	if !o.inTopics || o.topics.Cursor >= len(o.shown) {
		return ""
	}
	return o.shown[o.topics.Cursor].Name
}

func (o *overview) can(e *env, intent keymap.Intent) safe.Text {
	switch {
	case isMove(intent):
		return possible()
	case isBroker(intent):
		return canBroker(e, intent, o.broker(e))
	case isTopic(intent):
		return canTopic(e, intent, o.topic())
	case intent == keymap.Open:
		if o.broker(e) < 0 && o.topic() == "" {
			return e.text(words.WhyNoRow)
		}
		return possible()
	}
	return e.otherwise()
}

func (o *overview) act(e *env, intent keymap.Intent) effect {
	switch {
	case isMove(intent):
		o.move(intent)
	case isBroker(intent):
		return actBroker(e, intent, o.broker(e))
	case isTopic(intent):
		return actTopic(e, intent, o.topic(), -1)
	case o.inTopics:
		return open{newPartitions(e, o.topic())}
	default:
		return open{newBrokerDetail(o.broker(e))}
	}
	return nil
}

// move goes through the brokers and on into the topics, as one list.
func (o *overview) move(intent keymap.Intent) {
	switch {
	case intent == keymap.Down && !o.inTopics && o.brokers.Cursor == o.brokers.Count()-1 && o.topics.Count() > 0:
		o.inTopics = true
		o.topics.Home()
	case intent == keymap.Up && o.inTopics && o.topics.Cursor == 0:
		o.inTopics = false
	case intent == keymap.First:
		o.inTopics = false
		o.brokers.Home()
	case intent == keymap.Last && o.topics.Count() > 0:
		o.inTopics = true
		o.topics.End()
	case o.inTopics:
		moveRows(&o.topics, intent)
	default:
		moveRows(&o.brokers, intent)
	}
}

// refresh takes the topics that people made from a new snapshot.
func (o *overview) refresh(e *env) {
	if o.seq == e.snap.Seq {
		return
	}
	chosen := o.topic()
	o.seq, o.shown = e.snap.Seq, o.shown[:0]
	for _, t := range e.snap.Topics {
		if !t.Internal {
			if t.Name == chosen {
				o.topics.Cursor = len(o.shown)
			}
			o.shown = append(o.shown, t)
		}
	}
	o.inTopics = o.inTopics && len(o.shown) > 0
	o.toldAt = lastTold(e.snap)
}

// lastTold is by broker when it last told of one of its logs: as old is the size of all of them.
func lastTold(s *cluster.Snapshot) map[int32]time.Time {
	told := map[int32]time.Time{}
	for i := range s.Topics {
		for j := range s.Topics[i].Partitions {
			for _, log := range s.Topics[i].Partitions[j].Logs {
				if log.At.After(told[log.Broker]) {
					told[log.Broker] = log.At
				}
			}
		}
	}
	return told
}

func (o *overview) draw(c *cell.Canvas, b cell.Box, e *env) {
	o.refresh(e)
	if e.snap.At.IsZero() {
		drawEmpty(c, cell.Box{X: b.X, Y: b.Y + 1, W: b.W, H: b.H - 1}, e.text(words.Reading))
		return
	}
	limit := b.H
	if b.W < wideFrom {
		limit -= 6 // for the timeline below
	}
	beside(c, b, e, nil, func(b cell.Box) cell.Box { return o.drawState(c, b, e, limit) })
}

// drawState draws brokers and partitions in at most limit rows and returns what is left of the box.
func (o *overview) drawState(c *cell.Canvas, b cell.Box, e *env, limit int) cell.Box {
	brokers := min(len(e.snap.Brokers), max(limit/2, 3))
	part, rest := b.Top(brokers + 1)
	o.drawBrokers(c, part, e)
	_, rest = rest.Top(1)
	topics := min(max(len(o.shown), 1), max(limit-brokers-3, 1))
	part, rest = rest.Top(topics + 1)
	o.drawPartitions(c, part, e)
	return drawMovesBelow(c, rest, e, e.snap.Reassignments)
}

func brokerColumns(e *env) []cell.Column {
	return []cell.Column{
		{Width: 1},
		{Width: 2, Whole: true},
		{Width: 15, Grow: 1, Least: 10},
		{Width: 11, Grow: 1, Least: 8},
		{Width: 5, Right: true, Title: e.text(words.ColLeads)},
		{Width: 7, Right: true, Title: e.text(words.ColInSync)},
		{Width: 6, Right: true, Title: e.text(words.ColSize), Drop: 1},
		{Width: 5, Right: true, Title: e.text(words.ColMemory), Drop: 3},
		{Width: 4, Right: true, Title: e.text(words.ColUp), Drop: 2},
		ageColumn(e),
	}
}

func (o *overview) drawBrokers(c *cell.Canvas, b cell.Box, e *env) {
	row := func(i int) []cell.Entry { return brokerRow(e.snap.Brokers[i], o.toldAt, e) }
	drawTable(c, b, &o.brokers, len(e.snap.Brokers), !o.inTopics, brokerColumns(e), row)
	head := inner(b)
	c.Text(head.X, head.Y, head.W, cell.Heading, e.text(words.HeadBrokers))
}

func brokerRow(broker cluster.Broker, toldAt map[int32]time.Time, e *env) []cell.Entry {
	r := newRow(e, e.offsetsEvery(), 10)
	sign, style := brokerSign(broker.State)
	r.sign(style, sign)
	r.put(cell.Strong, num.ID(broker.ID))
	r.put(cell.Plain, address(broker.Host, broker.Port))
	word, style := brokerWord(e, broker)
	r.put(style, word)
	up := safe.Const("-")
	if broker.State.Alive() {
		r.put(cell.Plain, num.Count(int64(broker.Leads)))
		if d, ok := e.since(broker.Started); ok {
			up = num.Span(d)
		}
	} else {
		r.put(cell.Muted, safe.Const("-"))
	}
	style = cell.Plain
	if broker.InSync < broker.Replicas {
		style = cell.Warn
	}
	r.put(style, e.format(words.Share, broker.InSync, broker.Replicas))
	if broker.LogBytes < 0 {
		r.put(cell.Plain, num.Bytes(-1))
	} else {
		r.read(toldAt[broker.ID], cell.Plain, num.Bytes(broker.LogBytes))
	}
	r.put(cell.Plain, num.Bytes(broker.RSS))
	r.put(cell.Muted, up)
	r.age()
	return r.entries
}

func address(host string, port int32) safe.Text {
	return safe.Join(safe.Const(":"), safe.CleanHead(host, 100), num.ID(port))
}

func (o *overview) drawPartitions(c *cell.Canvas, b cell.Box, e *env) {
	head, rows := b.Top(1)
	h := e.snap.Health
	x := 1 + c.Text(1+head.X, head.Y, 20, cell.Heading, e.text(words.HeadPartitions)) + 2
	c.Text(head.X+x, head.Y, head.W-x, cell.Muted, e.format(words.PartitionsHealth, h.Partitions-h.Offline, h.UnderReplicated, h.Offline))
	legend := e.text(words.PartitionLegend)
	if head.W > 72+legend.Width() || h.Partitions == 0 {
		c.Right(head.X, head.Y, head.W-1, cell.Muted, legend)
	}
	o.topics.Fit(len(o.shown), rows.H)
	if len(o.shown) == 0 {
		c.Text(rows.X+1, rows.Y, rows.W-2, cell.Muted, e.format(words.NoTopics, keymap.KeyOf(keymap.Overview, keymap.NewTopic)))
		return
	}
	from, to := o.topics.Visible()
	for i := from; i < to; i++ {
		y := rows.Y + i - from
		drawTopicLeaders(c, inner(rows), y, o.shown[i], e)
		if o.inTopics && i == o.topics.Cursor {
			c.Select(cell.Box{X: rows.X, Y: y, W: rows.W, H: 1})
		}
	}
}

// moreWidth is kept free at the end of a row for how many partitions it has no room for.
const moreWidth = 12

// drawTopicLeaders draws a topic's name and, for each partition that fits, its number and its leader.
func drawTopicLeaders(c *cell.Canvas, b cell.Box, y int, t cluster.Topic, e *env) {
	nameWidth := min(24, max(10, b.W/6))
	c.Text(b.X, y, nameWidth, cell.Plain, safe.CleanHead(t.Name, nameWidth))
	x, end := b.X+nameWidth+2, b.X+b.W
	for i, p := range t.Partitions {
		leader, style := num.ID(p.Leader), cell.Strong
		switch {
		case p.Leader < 0:
			leader, style = safe.Const("-!"), cell.Bad
		case p.UnderReplicated():
			leader, style = safe.Join(safe.Text{}, leader, safe.Const("!")), cell.Warn
		}
		id := num.ID(p.ID)
		if x+id.Width()+1+leader.Width()+2 > end-moreWidth && i < len(t.Partitions)-1 {
			c.Text(x, y, end-x, cell.Muted, e.format(words.More, len(t.Partitions)-i))
			return
		}
		x += c.Text(x, y, end-x, cell.Muted, id) + 1
		x += c.Text(x, y, end-x, style, leader) + 2
	}
}
