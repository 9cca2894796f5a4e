package tui

import (
	"context"
	"fmt"

	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/safe"
	"klab/tui/words"
)

// lessons is the catalogue of lessons.
type lessons struct {
	rows cell.List
	list []LessonInfo
}

func newLessons() *lessons { return &lessons{} }

func (l *lessons) scope() keymap.Scope { return keymap.Lessons }

func (l *lessons) chosen() (LessonInfo, bool) {
	if l.rows.Cursor >= len(l.list) {
		return LessonInfo{}, false
	}
	return l.list[l.rows.Cursor], true
}

func (l *lessons) can(e *env, intent keymap.Intent) safe.Text {
	info, ok := l.chosen()
	switch {
	case isMove(intent):
		return possible()
	case intent != keymap.Open:
		return e.otherwise()
	case !ok:
		return e.text(words.WhyNoRow)
	case info.Why != "":
		return clean(info.Why)
	}
	return possible()
}

// act starts the chosen lesson; where no cluster runs yet, it is started first.
func (l *lessons) act(e *env, intent keymap.Intent) effect {
	if moveRows(&l.rows, intent) {
		return nil
	}
	info, _ := l.chosen()
	begin := startLesson(e, info)
	if e.src != nil {
		return begin
	}
	if e.options.Launch == nil {
		return say{text: e.text(words.WhyNoCluster)}
	}
	op := (&launch{started: e.now}).operation(e)
	op.label = e.text(words.Starting)
	start := op.do
	op.do = func(ctx context.Context) effect {
		ef := start(ctx)
		if _, failed := ef.(say); failed {
			return ef
		}
		return all{ef, begin}
	}
	return op
}

func startLesson(e *env, info LessonInfo) effect {
	return update(func() effect { // the cluster may be attached only now
		catalogue, src, lang, life := e.options.Lessons, e.src, e.lang(), e.life
		return operate{label: e.format(words.StartingLesson, info.Title), do: func(context.Context) effect {
			player, err := catalogue.Start(life, src, info.ID, lang)
			if err != nil {
				return failed(err)
			}
			return open{newLesson(player)}
		}}
	})
}

// beginLesson starts a lesson by its id, over the catalogue, to which its end leads.
func beginLesson(e *env, id string) effect {
	begin := update(func() effect {
		for _, info := range e.options.Lessons.List(e.lang()) {
			switch {
			case info.ID != id:
			case info.Why != "":
				return say{text: clean(info.Why), bad: true}
			default:
				return startLesson(e, info)
			}
		}
		return failed(fmt.Errorf("cannot start lesson %s: the catalogue has none of that name", id))
	})
	return all{relay{keymap.GoLessons}, begin}
}

func (l *lessons) draw(c *cell.Canvas, b cell.Box, e *env) {
	l.list = e.options.Lessons.List(e.lang())
	head, rows := inner(b).Top(1)
	layout := cell.Arrange([]cell.Column{
		{Width: 1},
		{Width: 24, Grow: 2, Title: e.text(words.ColLesson)},
		{Width: 6, Right: true, Title: e.text(words.ColSteps)},
		{Width: 8, Right: true, Title: e.text(words.ColMinutes)},
		{Width: 14, Grow: 1},
	}, rows.W)
	layout.Heads(c, head, head.Y)
	l.rows.Fit(len(l.list), rows.H)
	from, to := l.rows.Visible()
	for i := from; i < to; i++ {
		y := rows.Y + i - from
		drawLesson(c, &layout, rows, y, l.list[i], e)
		if i == l.rows.Cursor {
			c.Select(cell.Box{X: b.X, Y: y, W: b.W, H: 1})
		}
	}
	if len(l.list) == 0 {
		drawEmpty(c, rows, e.text(words.WhyNoLessons))
	}
}

func drawLesson(c *cell.Canvas, l *cell.Layout, b cell.Box, y int, info LessonInfo, e *env) {
	style, note := cell.Plain, safe.Text{}
	switch {
	case info.Why != "":
		style, note = cell.Muted, clean(info.Why)
	case info.Done:
		c.Fill(cell.Box{X: b.X, Y: y, W: 1, H: 1}, cell.OK, '✓')
		note = e.text(words.LessonDone)
	}
	l.Put(c, b, y, 1, style, clean(info.Title))
	l.Put(c, b, y, 2, cell.Muted, e.format(words.Number, info.Steps))
	l.Put(c, b, y, 3, cell.Muted, e.format(words.MinutesN, info.Minutes))
	l.Put(c, b, y, 4, cell.Muted, note)
}
