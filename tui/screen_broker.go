package tui

import (
	"slices"
	"time"

	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// brokerDetail shows the replicas on one broker, and what happened to it.
type brokerDetail struct {
	id   int32
	rows cell.List
	held []replicaRow // of snapshot seq
	seq  int64
}

// replicaRow is one replica on a broker.
type replicaRow struct {
	topic     string
	partition cluster.Partition
}

func newBrokerDetail(id int32) *brokerDetail { return &brokerDetail{id: id, seq: -1} }

func (s *brokerDetail) scope() keymap.Scope { return keymap.BrokerDetail }

func (s *brokerDetail) can(e *env, intent keymap.Intent) safe.Text {
	switch {
	case isMove(intent), intent == keymap.ShowConfig:
		return possible()
	case isBroker(intent):
		return canBroker(e, intent, s.id)
	case intent == keymap.Open && len(s.held) == 0:
		return e.text(words.WhyNoRow)
	case intent == keymap.Open:
		return possible()
	}
	return e.otherwise()
}

func (s *brokerDetail) act(e *env, intent keymap.Intent) effect {
	switch {
	case moveRows(&s.rows, intent):
		return nil
	case isBroker(intent):
		return actBroker(e, intent, s.id)
	}
	if intent == keymap.ShowConfig {
		return openConfig(e, cluster.BrokerResource(s.id))
	}
	row := s.held[s.rows.Cursor]
	return open{newReplicas(e, row.topic, row.partition.ID)}
}

func (s *brokerDetail) refresh(e *env) {
	if s.seq == e.snap.Seq {
		return
	}
	s.seq, s.held = e.snap.Seq, s.held[:0]
	for _, t := range e.snap.Topics {
		for _, p := range t.Partitions {
			if slices.Contains(p.Replicas, s.id) {
				s.held = append(s.held, replicaRow{t.Name, p})
			}
		}
	}
}

// toldAt is when the broker last told of one of its logs; zero: never.
func (s *brokerDetail) toldAt() time.Time {
	var at time.Time
	for i := range s.held {
		if log, ok := s.held[i].partition.LogOf(s.id); ok && log.At.After(at) {
			at = log.At
		}
	}
	return at
}

func (s *brokerDetail) title(c *cell.Canvas, b cell.Box, e *env) {
	broker, _ := e.snap.Broker(s.id)
	sign, style := brokerSign(broker.State)
	x := b.X + c.Text(b.X, b.Y, b.W, cell.Strong, e.format(words.BrokerN, s.id)) + 2
	c.Fill(cell.Box{X: x, Y: b.Y, W: 1, H: 1}, style, sign)
	x += 2
	word, style := brokerWord(e, broker)
	if !word.Empty() {
		x += c.Text(x, b.Y, b.X+b.W-x, style, word) + 2
	}
	facts := e.format(words.BrokerFacts, address(broker.Host, broker.Port), processID(broker.PID), num.Bytes(broker.RSS), num.Bytes(broker.LogBytes))
	age := safe.Text{}
	if broker.LogBytes >= 0 {
		age = e.ageNote(s.toldAt(), e.offsetsEvery())
	}
	drawFacts(c, x, b.Y, b.X+b.W-x, facts, age)
}

func processID(pid int) safe.Text {
	if pid <= 0 {
		return safe.Const("-")
	}
	return num.ID(pid)
}

func (s *brokerDetail) draw(c *cell.Canvas, b cell.Box, e *env) {
	s.refresh(e)
	beside(c, b, e, func(f cluster.Fact) bool { return f.Broker == s.id }, func(b cell.Box) cell.Box {
		top, rest := b.Top(max(min(len(s.held)+1, b.H*3/5), 4))
		s.drawReplicas(c, top, e)
		return rest
	})
}

func (s *brokerDetail) drawReplicas(c *cell.Canvas, b cell.Box, e *env) {
	columns := []cell.Column{
		{Title: e.text(words.ColPartition), Width: 18, Grow: 4, Least: 8},
		{Title: e.text(words.ColRole), Width: 10, Grow: 1, Least: 8},
		{Title: e.text(words.ColISR), Width: 5, Grow: 1, Whole: true},
		{Title: e.text(words.ColLogEnd), Width: 10, Right: true},
		{Title: e.text(words.ColLag), Width: 7, Right: true},
		{Title: e.text(words.ColSize), Width: 7, Right: true, Drop: 1},
		ageColumn(e),
	}
	drawTable(c, b, &s.rows, len(s.held), true, columns, func(i int) []cell.Entry { return s.row(&s.held[i], e) })
	_, rows := inner(b).Top(1)
	if len(s.held) == 0 {
		c.Text(rows.X, rows.Y, rows.W, cell.Muted, e.text(words.NoReplicas))
	}
}

func (s *brokerDetail) row(held *replicaRow, e *env) []cell.Entry {
	p := &held.partition
	r := newRow(e, e.offsetsEvery(), 7)
	r.put(cell.Plain, partitionName(held.topic, p.ID))
	role, style := e.text(words.RoleFollower), cell.Follower
	if p.Leader == s.id {
		role, style = e.text(words.RoleLeader), cell.Leader
	}
	r.put(style, role)
	style = cell.Plain
	if !p.InISR(s.id) {
		style = cell.Warn
	}
	r.put(style, num.IDs(p.ISR))
	log, ok := p.LogOf(s.id)
	if !ok {
		log = cluster.ReplicaLog{EndOffset: -1, Lag: -1, Bytes: -1}
	}
	r.read(log.At, cell.Plain, num.Count(log.EndOffset))
	r.read(older(log.At, leaderAt(p)), cell.Plain, num.Count(log.Lag))
	r.read(log.At, cell.Plain, num.Bytes(log.Bytes))
	r.age()
	return r.entries
}

// partitionName writes a partition as Kafka's people do: orders/0.
func partitionName(topic string, id int32) safe.Text {
	return safe.Join(safe.Const("/"), safe.CleanHead(topic, 249), num.ID(id))
}
