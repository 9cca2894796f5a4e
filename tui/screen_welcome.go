package tui

import (
	"cmp"
	"context"
	"sync"
	"time"

	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/num"
	"klab/tui/safe"
	"klab/tui/words"
)

// welcome is shown while there is no cluster.
type welcome struct {
	launch *launch // nil: nothing is being started
}

func newWelcome() *welcome { return &welcome{} }

func (w *welcome) scope() keymap.Scope { return keymap.Welcome }

func (w *welcome) can(e *env, intent keymap.Intent) safe.Text {
	switch {
	case intent != keymap.StartCluster:
		return e.otherwise()
	case e.options.Launch == nil:
		return e.text(words.WhyNoLaunch)
	case w.launch != nil && !w.launch.over():
		return e.text(words.WhyStarting)
	}
	return possible()
}

func (w *welcome) act(e *env, intent keymap.Intent) effect {
	w.launch = &launch{started: e.now}
	return w.launch.operation(e)
}

func (w *welcome) follow(e *env) bool { return w.launch != nil && w.launch.changed() }

// launch is a cluster being started. Its steps are reported by the launcher's goroutine.
type launch struct {
	started time.Time

	mu    sync.Mutex
	steps []LaunchStep
	new   bool // steps that were not drawn
	ended bool
}

func (l *launch) report(step LaunchStep) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.new = true
	for i := range l.steps {
		if l.steps[i].What == step.What {
			l.steps[i] = step
			return
		}
	}
	l.steps = append(l.steps, step)
}

func (l *launch) changed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.new = false }()
	return l.new
}

func (l *launch) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

func (l *launch) snapshot() []LaunchStep {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]LaunchStep(nil), l.steps...)
}

func (l *launch) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}

// operation starts the cluster and opens it. It has no label: the welcome shows it itself.
func (l *launch) operation(e *env) operate {
	o, book := e.options, e.words
	return operate{limit: launchLimit, do: func(ctx context.Context) effect {
		defer l.end()
		began := time.Now()
		if err := o.Launch(ctx, l.report); err != nil {
			return failed(err)
		}
		took := time.Since(began)
		src, err := o.Open(ctx)
		if err != nil {
			return failed(err)
		}
		return all{attach{src}, say{text: book.Format(words.StartedIn, num.Millis(took))}}
	}}
}

func (w *welcome) draw(c *cell.Canvas, b cell.Box, e *env) {
	y := b.Y + 1
	if w.launch != nil && !w.launch.over() {
		w.drawLaunch(c, b, y, e)
		return
	}
	c.Text(b.X+3, y, b.W-6, cell.Strong, e.text(words.NothingRuns))
	y += 2
	choose := func(key safe.Text, lines ...safe.Text) {
		c.Text(b.X+3, y, 3, cell.Key, key)
		for i, line := range lines {
			style := cell.Plain
			if i > 0 {
				style = cell.Muted
			}
			for _, part := range line.Wrap(b.W - 10) {
				c.Text(b.X+7, y, b.W-10, style, part)
				y++
			}
		}
		y++
	}
	details := e.format(words.WelcomeStartMore, cmp.Or(e.options.File, "configs/pseudo.toml"), e.options.Home)
	choose(safe.Const("u"), e.text(words.WelcomeStart), details)
	lessons := 0
	if e.options.Lessons != nil {
		lessons = len(e.options.Lessons.List(e.lang()))
	}
	choose(safe.Const("d"), e.format(words.WelcomeLearn, lessons))
	choose(safe.Const("c"), e.text(words.WelcomeConnect))
	if !e.options.ASCII {
		choose(safe.Const("L"), e.text(words.WelcomeLanguage))
	}
}

func (w *welcome) drawLaunch(c *cell.Canvas, b cell.Box, y int, e *env) {
	elapsed := e.now.Sub(w.launch.started)
	c.Text(b.X+3, y, b.W-6, cell.Strong, e.text(words.Starting))
	y += 2
	for _, step := range w.launch.snapshot() {
		sign, style := '◌', cell.Plain
		if step.Ready {
			sign, style = '●', cell.OK
		}
		c.Fill(cell.Box{X: b.X + 3, Y: y, W: 1, H: 1}, style, sign)
		c.Text(b.X+7, y, 24, cell.Plain, clean(step.What))
		if step.Ready {
			c.Right(b.X+31, y, 12, cell.Muted, num.Millis(step.Took))
		}
		y++
	}
	if elapsed >= progressAfter {
		c.Text(b.X+7, y+1, b.W-10, cell.Muted, num.Tenths(elapsed))
	}
}
