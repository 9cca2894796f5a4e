package tui

import (
	"context"
	"time"

	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/safe"
	"klab/tui/words"
)

// screen is one page, dialog or form. Its methods are called by the event loop alone.
type screen interface {
	scope() keymap.Scope
	// act answers an intent that can says is possible.
	act(e *env, intent keymap.Intent) effect
	// can says why an intent is of no use now; empty: it works. Intents that the screen does not know do not work.
	can(e *env, intent keymap.Intent) safe.Text
	draw(c *cell.Canvas, b cell.Box, e *env)
}

// titled is a screen that stands above the main ones; its title takes the top line.
type titled interface {
	title(c *cell.Canvas, b cell.Box, e *env)
}

// overlay is a screen drawn over the one below.
type overlay interface{ overlays() }

// typist is a screen with a line being typed.
type typist interface {
	input() *cell.Input // nil: nothing is being typed now
	typed(e *env) effect
}

// follower is a screen that reads more than the snapshot. The pump calls follow at every tick; it reports whether
// there is something new to draw.
type follower interface{ follow(e *env) bool }

// enterer is a screen that reads something when it is shown.
type enterer interface{ enter(e *env) effect }

// closer is a screen that holds something to release. close is called once, after the screen was left and outside the
// event loop, and may wait.
type closer interface{ close() }

// env is what a screen may know beyond its own state.
type env struct {
	life    context.Context // ends when the program does
	now     time.Time
	src     Source // nil: no cluster
	snap    *cluster.Snapshot
	words   *words.Book
	options *Options
	said    saidFacts // of src's timeline
}

func (e *env) text(id words.ID) safe.Text             { return e.words.Text(id) }
func (e *env) format(id words.ID, a ...any) safe.Text { return e.words.Format(id, a...) }
func (e *env) lang() cluster.Lang                     { return e.words.Lang }

// possible is what can returns for an intent that works.
func possible() safe.Text { return safe.Text{} }

// otherwise is what can returns for an intent that the screen does not know.
func (e *env) otherwise() safe.Text { return e.text(words.WhyNotHere) }

// since is how long ago t was, or false for the zero time.
func (e *env) since(t time.Time) (time.Duration, bool) {
	if t.IsZero() {
		return 0, false
	}
	return max(e.now.Sub(t), 0), true
}
