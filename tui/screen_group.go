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

// groupDetail shows one group: its members with their assignment, and its partitions with their lag.
type groupDetail struct {
	name    string
	members cell.List
	parts   cell.List
	inParts bool // the chosen row is a partition, not a member
}

func newGroupDetail(name string) *groupDetail { return &groupDetail{name: name} }

func (s *groupDetail) scope() keymap.Scope { return keymap.GroupDetail }

func (s *groupDetail) follow(e *env) bool {
	if e.src != nil {
		e.src.WantGroups(s.name)
	}
	return false
}

// enter has the group read at once.
func (s *groupDetail) enter(e *env) effect {
	e.src.WantGroups(s.name)
	return nil
}

func (s *groupDetail) member(g cluster.Group) (cluster.GroupMember, bool) {
	if s.inParts || s.members.Cursor >= len(g.Members) {
		return cluster.GroupMember{}, false
	}
	return g.Members[s.members.Cursor], true
}

func (s *groupDetail) part(g cluster.Group) (cluster.GroupPartition, bool) {
	if !s.inParts || s.parts.Cursor >= len(g.Partitions) {
		return cluster.GroupPartition{}, false
	}
	return g.Partitions[s.parts.Cursor], true
}

func (s *groupDetail) can(e *env, intent keymap.Intent) safe.Text {
	g, _ := e.snap.Group(s.name)
	switch {
	case isMove(intent), intent == keymap.NextField:
		return possible()
	case intent == keymap.RemoveMember:
		if _, ok := s.member(g); !ok {
			return e.text(words.WhyNoMember)
		}
		return possible()
	case intent == keymap.Open:
		if _, ok := s.part(g); !ok {
			return e.text(words.WhyNoPartition)
		}
		return possible()
	case isGroup(intent):
		return canGroup(e, intent, s.name)
	}
	return e.otherwise()
}

func (s *groupDetail) act(e *env, intent keymap.Intent) effect {
	g, _ := e.snap.Group(s.name)
	switch {
	case isMove(intent):
		s.move(intent)
	case intent == keymap.NextField:
		s.inParts = !s.inParts && len(g.Partitions) > 0 || len(g.Members) == 0
	case intent == keymap.RemoveMember:
		m, _ := s.member(g)
		return askRemoveMember(e, s.name, m)
	case intent == keymap.Open:
		p, _ := s.part(g)
		return open{newReplicas(e, p.Topic, p.Partition)}
	default:
		p, _ := s.part(g)
		return actGroup(e, intent, s.name, p.Topic)
	}
	return nil
}

// move goes through the members and on into the partitions, as one list.
func (s *groupDetail) move(intent keymap.Intent) {
	switch {
	case intent == keymap.Down && !s.inParts && s.members.Cursor >= s.members.Count()-1 && s.parts.Count() > 0:
		s.inParts = true
		s.parts.Home()
	case intent == keymap.Up && s.inParts && s.parts.Cursor == 0 && s.members.Count() > 0:
		s.inParts = false
	case s.inParts:
		moveRows(&s.parts, intent)
	default:
		moveRows(&s.members, intent)
	}
}

func (s *groupDetail) title(c *cell.Canvas, b cell.Box, e *env) {
	g, ok := e.snap.Group(s.name)
	x := b.X + c.Text(b.X, b.Y, b.W/2, cell.Strong, safe.CleanHead(s.name, 249)) + 3
	if !ok {
		c.Text(x, b.Y, b.X+b.W-x, cell.Warn, e.text(words.GroupGone))
		return
	}
	sign, style := groupSign(g.State)
	c.Fill(cell.Box{X: x, Y: b.Y, W: 1, H: 1}, style, sign)
	if style == cell.OK {
		style = cell.Plain
	}
	x += 2
	x += c.Text(x, b.Y, b.X+b.W-x, e.styleAt(g.At, e.groupsEvery(), style), word(g.State)) + 3
	facts := e.format(words.GroupFacts, word(g.Type), word(g.Protocol), num.ID(g.Coordinator))
	drawFacts(c, x, b.Y, b.X+b.W-x, facts, e.ageNote(g.At, e.groupsEvery()))
}

func (s *groupDetail) draw(c *cell.Canvas, b cell.Box, e *env) {
	g, ok := e.snap.Group(s.name)
	if !ok {
		drawEmpty(c, b, e.format(words.GroupGoneMore, s.name))
		return
	}
	limit := b.H
	if b.W < wideFrom {
		limit = max(b.H-5, b.H*3/4) // for the timeline below
	}
	about := func(f cluster.Fact) bool { return f.Text("group") == s.name }
	beside(c, b, e, about, func(b cell.Box) cell.Box { return s.drawState(c, b, e, g, limit) })
}

func (s *groupDetail) drawState(c *cell.Canvas, b cell.Box, e *env, g cluster.Group, limit int) cell.Box {
	row, rest := b.Top(1)
	s.drawLag(c, inner(row), e, g)
	_, rest = rest.Top(1)
	members := min(max(len(g.Members), 1), max((limit-5)/3, 2))
	part, rest := rest.Top(members + 1)
	s.drawMembers(c, part, e, g)
	_, rest = rest.Top(1)
	parts := min(max(len(g.Partitions), 1), max(limit-members-5, 2))
	part, rest = rest.Top(parts + 1)
	s.drawParts(c, part, e, g)
	return rest
}

// drawLag draws the lag with its course, and how old it is.
func (s *groupDetail) drawLag(c *cell.Canvas, b cell.Box, e *env, g cluster.Group) {
	x := b.X + c.Text(b.X, b.Y, 12, cell.Heading, e.text(words.HeadLag)) + 2
	x += c.Text(x, b.Y, 20, e.styleAt(groupLagAt(&g), e.groupsEvery(), cell.Strong), num.Count(g.Lag)) + 2
	if len(g.Trend) > 1 {
		width := min(len(g.Trend), max(b.W/4, 8))
		values := make([]float64, 0, len(g.Trend))
		for _, sample := range g.Trend {
			values = append(values, float64(sample.Lag))
		}
		c.Sparkline(cell.Box{X: x, Y: b.Y, W: width, H: 1}, cell.Plain, values)
		x += width + 2
		drift, style := driftOf(g, e)
		x += c.Text(x, b.Y, b.X+b.W-x, style, drift) + 2
		if d, falls := untilCaughtUp(g); falls {
			x += c.Text(x, b.Y, b.X+b.W-x, cell.Muted, e.format(words.CaughtUpIn, num.Span(d))) + 2
		}
	}
	age := e.text(words.NotRead)
	if d, ok := e.since(g.OffsetsAt); ok {
		age = e.format(words.OffsetsRead, num.Short(d))
	}
	if g.Err != nil {
		age = sentence(g.Err)
	}
	c.Right(x, b.Y, b.X+b.W-x, cell.Muted, age)
}

// untilCaughtUp is when the lag would be gone if it went on as it does.
func untilCaughtUp(g cluster.Group) (time.Duration, bool) {
	drift, known := g.Drift()
	if !known || drift > -0.5 || g.Lag <= 0 {
		return 0, false
	}
	return time.Duration(float64(g.Lag) / -drift * float64(time.Second)), true
}

func (s *groupDetail) drawMembers(c *cell.Canvas, b cell.Box, e *env, g cluster.Group) {
	columns := []cell.Column{
		{Width: 18, Grow: 2},
		{Title: e.text(words.ColClient), Width: 10, Grow: 1},
		{Title: e.text(words.ColHost), Width: 10, Drop: 1},
		{Title: e.text(words.ColPartitions), Width: 5, Right: true},
		{Title: e.text(words.ColAssigned), Width: 16, Grow: 4, Least: 8},
		ageColumn(e),
	}
	drawTable(c, b, &s.members, len(g.Members), !s.inParts, columns, func(i int) []cell.Entry { return memberRow(&g, i, e) })
	head, rows := inner(b).Top(1)
	c.Text(head.X, head.Y, 18, cell.Heading, e.format(words.HeadMembers, num.Count(int64(g.MemberCount()))))
	if len(g.Members) == 0 {
		why := e.text(words.NoMembers)
		if g.MembersAt.IsZero() {
			why = e.text(words.Reading)
		}
		c.Text(rows.X, rows.Y, rows.W, cell.Muted, why)
	}
}

func memberRow(g *cluster.Group, i int, e *env) []cell.Entry {
	m := g.Members[i]
	r := newRow(e, e.groupsEvery(), 6)
	r.read(g.MembersAt, cell.Plain, memberName(m, e))
	r.read(g.MembersAt, cell.Plain, word(m.ClientID))
	r.put(cell.Muted, word(m.Host))
	r.read(g.MembersAt, cell.Plain, num.Count(int64(m.Count())))
	r.read(g.MembersAt, cell.Plain, assigned(m))
	r.age()
	return r.entries
}

// memberName is the instance id of a static member, else the member id.
func memberName(m cluster.GroupMember, e *env) safe.Text {
	if m.InstanceID != "" {
		return e.format(words.StaticMember, safe.CleanHead(m.InstanceID, 60))
	}
	return safe.CleanHead(m.ID, 100)
}

func assigned(m cluster.GroupMember) safe.Text {
	var parts []safe.Text
	for _, t := range m.Assigned {
		parts = append(parts, safe.Join(safe.Const(":"), safe.CleanHead(t.Topic, 60), commas(t.Partitions)))
		if len(parts) == 10 { // more than fits
			break
		}
	}
	if len(parts) == 0 {
		return safe.Const("-")
	}
	return safe.Join(safe.Const("  "), parts...)
}

// commas writes partitions as orders:0,1,2 has them.
func commas(ids []int32) safe.Text {
	texts := make([]safe.Text, 0, len(ids))
	for _, id := range ids[:min(len(ids), 60)] {
		texts = append(texts, num.ID(id))
	}
	return safe.Join(safe.Const(","), texts...)
}

func (s *groupDetail) drawParts(c *cell.Canvas, b cell.Box, e *env, g cluster.Group) {
	columns := []cell.Column{
		{Width: 20, Grow: 3, Least: 12},
		{Title: e.text(words.ColCommitted), Width: 11, Right: true},
		{Title: e.text(words.ColHighWatermark), Width: 11, Right: true},
		{Title: e.text(words.ColLag), Width: 9, Right: true},
		{Title: e.text(words.ColMember), Width: 10, Grow: 2, Least: 6, Drop: 1},
		{Title: e.text(words.ColMetadata), Width: 8, Grow: 1, Drop: 2},
		ageColumn(e),
	}
	drawTable(c, b, &s.parts, len(g.Partitions), s.inParts, columns, func(i int) []cell.Entry { return groupPartRow(&g, i, e) })
	head, rows := inner(b).Top(1)
	c.Text(head.X, head.Y, 20, cell.Heading, e.format(words.HeadParts, num.Count(int64(len(g.Partitions)))))
	if len(g.Partitions) == 0 {
		why := e.text(words.NoOffsets)
		if g.OffsetsAt.IsZero() {
			why = e.text(words.Reading)
		}
		c.Text(rows.X, rows.Y, rows.W, cell.Muted, why)
	}
}

// lagOf is a partition's lag. An offset beyond the end of the log has a negative one, as Kafka's tool shows it.
func lagOf(p *cluster.GroupPartition) safe.Text {
	if p.Beyond > 0 {
		return safe.Join(safe.Text{}, safe.Const("-"), num.Count(p.Beyond))
	}
	return num.Count(p.Lag)
}

func groupPartRow(g *cluster.Group, i int, e *env) []cell.Entry {
	p := &g.Partitions[i]
	r := newRow(e, e.groupsEvery(), 7)
	r.put(cell.Plain, partitionName(p.Topic, p.Partition))
	r.read(g.OffsetsAt, cell.Plain, num.Count(p.Committed))
	r.read(p.EndAt, cell.Plain, num.Count(p.End))
	r.read(older(g.OffsetsAt, p.EndAt), cell.Strong, lagOf(p))
	who := safe.Const("-")
	if p.Member >= 0 && p.Member < len(g.Members) {
		who = memberName(g.Members[p.Member], e)
	}
	r.put(cell.Muted, who)
	r.put(cell.Muted, word(p.Metadata))
	r.age()
	return r.entries
}
