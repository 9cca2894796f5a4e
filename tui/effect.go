package tui

import (
	"context"
	"time"

	"klab/tui/keymap"
	"klab/tui/safe"
)

// effect is what a screen wants done in answer to an intent, or what an operation wants done when it is over. The
// root model applies it; nil is nothing.
type effect any

// Effects.
type (
	open   struct{ screen screen } // put a screen on top
	goBack struct{}                // leave the top screen
	jump   struct{ to screen }     // leave every screen for another
	all    []effect                // one after the other
	quit   struct{}
	relay  struct{ intent keymap.Intent } // as if the key of intent was pressed on the screen below

	// say shows one line above the keys until the next key.
	say struct {
		text safe.Text
		bad  bool
	}
	// operate runs do outside the event loop, within limit (0: operationLimit); its effect is applied when it
	// returns. After progressAfter, label is shown with the time it takes.
	operate struct {
		label safe.Text
		limit time.Duration
		do    func(ctx context.Context) effect
	}
	// update changes a screen's state on the event loop: how an operation hands over what it read.
	update func() effect
	// attach makes src the cluster that the screens show.
	attach struct{ src Source }
	// copyText puts text on the terminal's clipboard (OSC 52).
	copyText struct{ text string }
)

const (
	operationLimit = 30 * time.Second
	progressAfter  = 200 * time.Millisecond // from when a person notices waiting
)

// belated is what is left of an operation's effect when its person has gone to another screen meanwhile: they are told, but not
// taken anywhere.
func belated(ef effect) effect {
	switch ef := ef.(type) {
	case goBack:
		return nil
	case open:
		return operate{do: func(context.Context) effect {
			closeAll([]screen{ef.screen})
			return nil
		}}
	case update:
		return update(func() effect { return belated(ef()) })
	case all:
		left := make(all, len(ef))
		for i, one := range ef {
			left[i] = belated(one)
		}
		return left
	}
	return ef
}
