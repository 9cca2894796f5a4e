package tui

import (
	"slices"
	"strings"
	"time"

	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// lesson plays a lesson: the story, a question, the values to watch, what is waited for, and the timeline.
type lesson struct {
	player Player
	view   LessonView
	left   bool
}

func newLesson(p Player) *lesson { return &lesson{player: p} }

func (l *lesson) scope() keymap.Scope { return keymap.Lesson }

func (l *lesson) close() {
	if !l.left {
		l.player.Leave()
	}
}

// follow takes the lesson's present state; waits and ages move all the time.
func (l *lesson) follow(e *env) bool {
	l.view = l.player.View(e.lang())
	return true
}

func (l *lesson) can(e *env, intent keymap.Intent) safe.Text {
	v := &l.view
	switch intent {
	case keymap.NextStep:
		return l.canGoOn(e)
	case keymap.PreviousStep:
		if v.Step < 2 {
			return e.text(words.WhyFirstStep)
		}
		return possible()
	case keymap.Auto, keymap.FreePlay, keymap.LeaveLesson:
		return possible()
	case keymap.Answer1, keymap.Answer2, keymap.Answer3, keymap.Answer4, keymap.Answer5:
		if v.Ask != nil && v.Ask.Answered < 0 && int(intent-keymap.Answer1) < len(v.Ask.Choices) {
			return possible()
		}
	case keymap.TaskStartStop, keymap.TaskPause, keymap.TaskRestart, keymap.TaskWrite:
		if v.Task != nil && slices.Contains(v.Task.Keys, keymap.KeyOf(keymap.Lesson, intent)) {
			return possible()
		}
		return e.text(words.WhyNoTask)
	}
	return e.otherwise()
}

// canGoOn says why there is no next step yet.
func (l *lesson) canGoOn(e *env) safe.Text {
	v := &l.view
	switch {
	case v.Stale > 0: // a former step is read again
	case v.Outcome == TimedOut || v.Outcome == Broken:
		return e.text(words.LessonFailed)
	case v.Ask != nil && v.Ask.Answered < 0:
		return e.text(words.WhyAnswerFirst)
	case !v.Over:
		return e.text(words.WhyNotOver)
	}
	return possible()
}

func (l *lesson) act(e *env, intent keymap.Intent) effect {
	switch intent {
	case keymap.NextStep:
		l.player.Next()
		if l.view.Finished {
			return goBack{}
		}
	case keymap.PreviousStep:
		l.player.Previous()
	case keymap.Auto:
		l.player.ToggleAuto()
	case keymap.FreePlay:
		l.left = true
		l.player.FreePlay()
		return all{goBack{}, relay{keymap.GoOverview}, say{text: e.text(words.FreePlayOn)}}
	case keymap.LeaveLesson:
		return goBack{}
	case keymap.TaskStartStop, keymap.TaskPause, keymap.TaskRestart, keymap.TaskWrite:
		l.player.Do(keymap.KeyOf(keymap.Lesson, intent))
	default:
		l.player.Answer(int(intent - keymap.Answer1))
	}
	l.view = l.player.View(e.lang())
	return nil
}

func (l *lesson) title(c *cell.Canvas, b cell.Box, e *env) {
	v := &l.view
	right := e.format(words.StepOf, v.Step, v.Steps)
	if v.Left > 0 && !v.Finished {
		right = safe.Join(safe.Const(" · "), right, minutesLeft(e, v.Left))
	}
	if v.Auto {
		right = safe.Join(safe.Const(" · "), e.text(words.AutoOn), right)
	}
	c.Right(b.X, b.Y, b.W, cell.Muted, right)
	c.Text(b.X, b.Y, b.W-right.Width()-2, cell.Strong, clean(v.Title))
}

func minutesLeft(e *env, d time.Duration) safe.Text {
	if d < time.Minute {
		return e.text(words.LessThanMinute)
	}
	return e.format(words.MinutesLeft, int((d+30*time.Second)/time.Minute))
}

func (l *lesson) draw(c *cell.Canvas, b cell.Box, e *env) {
	l.view = l.player.View(e.lang())
	beside(c, b, e, nil, func(b cell.Box) cell.Box { return l.drawStory(c, b, e) })
}

func (l *lesson) drawStory(c *cell.Canvas, b cell.Box, e *env) cell.Box {
	v := &l.view
	if v.Preparing != "" {
		b = drawLines(c, b, cell.Plain, e.format(words.Preparing, v.Preparing))
	}
	if v.Stale > 0 {
		b = drawLines(c, b, cell.Warn, e.format(words.Replay, num.Tenths(v.Stale)))
	}
	b = drawLines(c, b, cell.Strong, clean(v.Narration))
	b = l.drawQuestion(c, b, e)
	if v.Task != nil {
		b = drawLines(c, b, cell.Key, e.format(words.YourTurn, strings.Join(v.Task.Keys, " ")))
	}
	_, b = b.Top(1)
	b = drawPins(c, b, v.Pins, e)
	b = drawWait(c, b, v.Wait, e)
	if v.Hint != "" {
		b = drawLines(c, b, cell.Warn, e.format(words.HintIs, v.Hint))
	}
	for _, note := range v.Notes[max(len(v.Notes)-4, 0):] {
		b = drawLines(c, b, cell.Plain, clean(note))
	}
	return l.drawOutcome(c, b, e)
}

func (l *lesson) drawQuestion(c *cell.Canvas, b cell.Box, e *env) cell.Box {
	ask := l.view.Ask
	if ask == nil {
		return b
	}
	for i, choice := range ask.Choices {
		var row cell.Box
		if row, b = b.Top(1); row.H == 0 {
			return b
		}
		style, note := cell.Plain, safe.Text{}
		if i == ask.Answered {
			note = e.text(words.YouSaid)
		}
		if i == ask.Right {
			style = cell.OK
			note = safe.Join(safe.Const(" "), safe.Const("✓"), note)
		}
		c.Text(row.X+3, row.Y, 2, cell.Key, num.ID(int32(i+1)))
		x := 5 + c.Text(row.X+5, row.Y, row.W-6, style, clean(choice)) + 2
		c.Text(row.X+x, row.Y, row.W-x, cell.Muted, note)
	}
	if ask.Answered < 0 {
		b = drawLines(c, b, cell.Muted, e.text(words.PickOne))
	}
	return b
}

// drawPins draws the watched values one after the other, each with its age when it is not fresh.
func drawPins(c *cell.Canvas, b cell.Box, pins []Pin, e *env) cell.Box {
	if len(pins) == 0 {
		return b
	}
	row, rest := b.Top(1)
	x := row.X + 1
	for _, p := range pins {
		name, value := safe.CleanHead(p.Name, 40), safe.CleanHead(p.Value, 60)
		style := cell.Strong
		if !p.Known {
			value, style = e.text(words.NotObserved), cell.Muted
		} else if p.Changed {
			style = cell.Warn
		}
		if p.Known && p.Age > oldAfter {
			value = safe.Join(safe.Const(" "), value, e.format(words.AgeOf, num.Span(p.Age)))
		}
		if x+name.Width()+2+value.Width() > row.X+row.W && x > row.X+1 {
			row, rest = rest.Top(1)
			x = row.X + 1
		}
		x += c.Text(x, row.Y, row.X+row.W-x, cell.Muted, name) + 2
		x += c.Text(x, row.Y, row.X+row.W-x, style, value) + 4
	}
	return rest
}

func drawWait(c *cell.Canvas, b cell.Box, w *Wait, e *env) cell.Box {
	if w == nil {
		return b
	}
	row, rest := b.Top(1)
	if row.H == 0 {
		return rest
	}
	const bar = 8
	share := 0.0
	if w.Limit > 0 {
		share = float64(w.Elapsed) / float64(w.Limit)
	}
	c.Fill(cell.Box{X: row.X + 1, Y: row.Y, W: bar, H: 1}, cell.Muted, '░')
	c.Bar(cell.Box{X: row.X + 1, Y: row.Y, W: bar, H: 1}, cell.Leader, share)
	id := words.Waiting
	if w.Holds {
		id = words.WaitHolds
	}
	text := e.format(id, w.Text, num.Tenths(w.Elapsed), num.Span(w.Limit))
	c.Text(row.X+bar+3, row.Y, row.W-bar-4, cell.Plain, text)
	return rest
}

func (l *lesson) drawOutcome(c *cell.Canvas, b cell.Box, e *env) cell.Box {
	v := &l.view
	switch v.Outcome {
	case Underway, Passed:
		if v.Finished {
			return drawLines(c, b, cell.OK, e.text(words.LessonPassed))
		}
	case TimedOut, Broken:
		b = drawLines(c, b, cell.Bad, clean(v.Failure))
		return drawLines(c, b, cell.Plain, e.text(words.LessonFailed))
	}
	return b
}
