package tui

import (
	"slices"
	"strings"

	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// groups lists the groups of every coordinator. Those on the screen are read in depth first.
type groups struct {
	filter
	rows  cell.List
	byLag bool
	shown []*cluster.Group
	of    groupsOf // what shown was made from
}

// groupsOf is what the shown groups depend on.
type groupsOf struct {
	seq    int64
	filter int
	byLag  bool
}

func newGroups() *groups { return &groups{of: groupsOf{seq: -1}} }

func (g *groups) scope() keymap.Scope {
	if g.typing {
		return keymap.Search
	}
	return keymap.Groups
}

func (g *groups) typed(e *env) effect {
	g.changed()
	g.rows.Home()
	return nil
}

func (g *groups) chosen() string {
	if g.rows.Cursor >= len(g.shown) {
		return ""
	}
	return g.shown[g.rows.Cursor].Name
}

func (g *groups) can(e *env, intent keymap.Intent) safe.Text {
	switch {
	case isMove(intent), intent == keymap.SortByLag, intent == keymap.Filter, g.typing:
		return possible()
	case isGroup(intent) || intent == keymap.Open:
		return canGroup(e, intent, g.chosen())
	}
	return e.otherwise()
}

func (g *groups) act(e *env, intent keymap.Intent) effect {
	switch {
	case g.filter.act(intent), moveRows(&g.rows, intent):
	case intent == keymap.SortByLag:
		g.byLag, g.shown = !g.byLag, g.shown[:0] // the first one is chosen
		g.rows.Home()
	case intent == keymap.Open:
		return open{newGroupDetail(g.chosen())}
	case isGroup(intent):
		return actGroup(e, intent, g.chosen(), "")
	}
	return nil
}

// follow says which groups are on the screen.
func (g *groups) follow(e *env) bool {
	if e.src == nil || len(g.shown) == 0 {
		return false
	}
	from, to := g.rows.Visible()
	names := make([]string, 0, to-from)
	for _, group := range g.shown[from:min(to, len(g.shown))] {
		names = append(names, group.Name)
	}
	e.src.WantGroups(names...)
	return false
}

// refresh makes the list again when the snapshot, the filter or the order changed, and keeps the chosen group chosen.
func (g *groups) refresh(e *env) {
	of := groupsOf{e.snap.Seq, g.version, g.byLag}
	if of == g.of {
		return
	}
	chosen := g.chosen()
	g.of, g.shown = of, g.shown[:0]
	for i := range e.snap.Groups {
		if group := &e.snap.Groups[i]; g.matches(group.Name, group.State) {
			g.shown = append(g.shown, group)
		}
	}
	if g.byLag {
		slices.SortStableFunc(g.shown, func(a, b *cluster.Group) int { return int(min(max(b.Lag-a.Lag, -1), 1)) })
	}
	if i := slices.IndexFunc(g.shown, func(group *cluster.Group) bool { return group.Name == chosen }); i >= 0 {
		g.rows.Cursor = i
	}
}

func groupColumns(e *env) []cell.Column {
	return []cell.Column{
		{Width: 1},
		{Title: e.text(words.ColGroup), Width: 16, Grow: 3, Least: 10},
		{Title: e.text(words.ColState), Width: 18, Least: 12},
		{Title: e.text(words.ColType), Width: 8, Drop: 5},
		{Title: e.text(words.ColProtocol), Width: 9, Grow: 1, Drop: 4},
		{Title: e.text(words.ColCoordinator), Width: 5, Right: true, Drop: 3},
		{Title: e.text(words.ColMembers), Width: 7, Right: true},
		{Title: e.text(words.ColLag), Width: 10, Right: true},
		{Title: e.text(words.ColDrift), Width: 9, Right: true, Drop: 2},
		{Title: e.text(words.ColRead), Width: 4, Right: true},
	}
}

func (g *groups) draw(c *cell.Canvas, b cell.Box, e *env) {
	g.refresh(e)
	b = g.filter.draw(c, b, e)
	head, rows := inner(b).Top(1)
	switch {
	case e.snap.GroupsErr != nil && e.snap.GroupsAt.IsZero():
		rows = drawLines(c, rows, cell.Plain, e.format(words.NoGroupsRead, sentence(e.snap.GroupsErr)))
		_, rows = rows.Top(1)
		drawLines(c, rows, cell.Muted, e.text(words.GroupsMeanwhile))
		return
	case e.snap.GroupsAt.IsZero():
		drawEmpty(c, rows, e.text(words.Reading))
		return
	case len(g.shown) == 0 && g.text() != "":
		drawEmpty(c, rows, e.format(words.NoMatch, len(e.snap.Groups)))
		return
	case len(g.shown) == 0:
		drawEmpty(c, rows, e.text(words.NoGroups))
		return
	}
	b = drawGroupsErr(c, b, e)
	l := drawTable(c, b, &g.rows, len(g.shown), true, groupColumns(e), func(i int) []cell.Entry { return groupRow(g.shown[i], e) })
	l.Note(c, head, head.Y, 1, cell.Muted, position(e, &g.rows))
}

// drawGroupsErr says in the last rows of the box why groups cannot be listed now, as long as it is so, and returns the rest.
func drawGroupsErr(c *cell.Canvas, b cell.Box, e *env) cell.Box {
	if e.snap.GroupsErr == nil {
		return b
	}
	age, _ := e.since(e.snap.GroupsAt)
	why := e.format(words.GroupsOld, num.Span(age), sentence(e.snap.GroupsErr))
	rest, low := b.Bottom(min(len(why.Wrap(max(b.W-2, 1))), b.H/2))
	drawLines(c, low, cell.Warn, why)
	return rest
}

func groupRow(g *cluster.Group, e *env) []cell.Entry {
	sign, style := groupSign(g.State)
	r := newRow(e, e.groupsEvery(), 10)
	r.sign(style, sign)
	if style == cell.OK {
		style = cell.Plain
	}
	r.put(cell.Plain, safe.CleanHead(g.Name, 249))
	r.read(g.At, style, word(g.State))
	r.put(cell.Muted, word(g.Type))
	r.put(cell.Muted, word(g.Protocol))
	r.put(cell.Plain, num.ID(g.Coordinator))
	r.read(g.MembersAt, cell.Plain, num.Count(int64(g.MemberCount())))
	r.read(groupLagAt(g), cell.Strong, num.Count(g.Lag))
	drift, style := driftOf(*g, e)
	r.read(groupLagAt(g), style, drift)
	r.ageAlways()
	return r.entries
}

// word is foreign text of a word or two; a dash when there is none.
func word(s string) safe.Text {
	if s == "" {
		return safe.Const("-")
	}
	return safe.CleanHead(s, 60)
}

// groupSign is the sign and style of a group's state.
func groupSign(state string) (rune, cell.Style) {
	switch {
	case state == "Stable":
		return '●', cell.OK
	case strings.HasSuffix(state, "Rebalance") || state == "Assigning" || state == "Reconciling":
		return '!', cell.Warn
	case state == "Empty":
		return '◌', cell.Muted
	case state == "Dead":
		return '✗', cell.Muted
	}
	return '?', cell.Muted
}

// driftOf says how the lag moves: "+12/s". One that grows wants attention.
func driftOf(g cluster.Group, e *env) (safe.Text, cell.Style) {
	perSecond, known := g.Drift()
	switch {
	case !known || g.Lag < 0:
		return safe.Const("-"), cell.Muted
	case perSecond >= 0.5:
		return e.format(words.DriftUp, num.Count(int64(perSecond+0.5))), cell.Warn
	case perSecond <= -0.5:
		return e.format(words.DriftDown, num.Count(int64(-perSecond+0.5))), cell.Plain
	}
	return e.text(words.DriftNone), cell.Muted
}
