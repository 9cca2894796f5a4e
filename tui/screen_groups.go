package tui

import (
	"context"

	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// groups lists the consumer groups, where the cluster has a coordinator for them.
type groups struct {
	list  []cluster.Group
	err   error
	asked bool
	read  bool
	rows  cell.List
}

func newGroups() *groups { return &groups{} }

func (g *groups) scope() keymap.Scope { return keymap.Groups }

func (g *groups) can(e *env, intent keymap.Intent) safe.Text {
	if isMove(intent) || intent == keymap.Reload {
		return possible()
	}
	return e.otherwise()
}

func (g *groups) act(e *env, intent keymap.Intent) effect {
	if intent == keymap.Reload {
		return g.load(e)
	}
	moveRows(&g.rows, intent)
	return nil
}

// enter reads the groups the first time that the screen is shown.
func (g *groups) enter(e *env) effect {
	if g.asked {
		return nil
	}
	return g.load(e)
}

func (g *groups) load(e *env) effect {
	g.asked = true
	src := e.src
	return operate{label: e.text(words.ReadingGroups), do: func(ctx context.Context) effect {
		list, err := src.Groups(ctx)
		return update(func() effect {
			g.list, g.err, g.read = list, err, true
			return nil
		})
	}}
}

func (g *groups) draw(c *cell.Canvas, b cell.Box, e *env) {
	head, rows := inner(b).Top(1)
	switch {
	case !g.read:
		drawEmpty(c, rows, e.text(words.Reading))
		return
	case g.err != nil:
		rows = drawLines(c, rows, cell.Plain, sentence(g.err))
		_, rows = rows.Top(1)
		drawLines(c, rows, cell.Muted, e.text(words.GroupsMeanwhile))
		return
	case len(g.list) == 0:
		drawEmpty(c, rows, e.text(words.NoGroups))
		return
	}
	l := cell.Arrange([]cell.Column{
		{Title: e.text(words.ColGroup), Width: 20, Grow: 2},
		{Title: e.text(words.ColState), Width: 18},
		{Title: e.text(words.ColProtocol), Width: 10, Grow: 1, Drop: 1},
		{Title: e.text(words.ColMembers), Width: 7, Right: true},
		{Title: e.text(words.ColLag), Width: 9, Right: true},
	}, rows.W)
	l.Heads(c, head, head.Y)
	g.rows.Fit(len(g.list), rows.H)
	from, to := g.rows.Visible()
	for i := from; i < to; i++ {
		y, group := rows.Y+i-from, g.list[i]
		l.Put(c, rows, y, 0, cell.Plain, safe.CleanHead(group.Name, 249))
		l.Put(c, rows, y, 1, cell.Plain, clean(group.State))
		l.Put(c, rows, y, 2, cell.Muted, clean(group.Protocol))
		l.Put(c, rows, y, 3, cell.Plain, num.Count(int64(group.Members)))
		l.Put(c, rows, y, 4, cell.Plain, num.Count(group.Lag))
		if i == g.rows.Cursor {
			c.Select(cell.Box{X: b.X, Y: y, W: b.W, H: 1})
		}
	}
}
