package tui

import (
	"context"

	"klab/cluster"
	"klab/tui/cell"
	"klab/tui/keymap"
	"klab/tui/safe"
	"klab/tui/words"
)

// global does the intents that mean the same on every screen.
func (r *root) global(intent keymap.Intent) effect {
	switch intent {
	case keymap.Quit:
		return quit{}
	case keymap.Back:
		return goBack{}
	case keymap.OpenHelp:
		return open{newHelp(r.top())}
	case keymap.OpenPalette:
		return open{newPalette(&r.env, r.top(), r.reason)}
	case keymap.OpenCommandLog:
		return open{newCommandLog()}
	case keymap.Language:
		r.switchLanguage()
	case keymap.NextTheme:
		return r.nextTheme()
	case keymap.Connect:
		return open{newConnectForm(&r.env)}
	case keymap.OpenTransactions:
		return open{newTransactions()}
	case keymap.StopCluster:
		return stopCluster(&r.env)
	default:
		return jump{r.main(intent)}
	}
	return nil
}

// canGlobal says why a global intent is of no use now; empty: it works.
func (r *root) canGlobal(intent keymap.Intent) safe.Text {
	switch intent {
	case keymap.Quit, keymap.OpenHelp, keymap.OpenPalette, keymap.Language, keymap.NextTheme:
		return possible()
	case keymap.Back:
		if len(r.stack) < 2 {
			return r.text(words.WhyNoBack)
		}
	case keymap.Connect:
		if r.options.Connect == nil {
			return r.text(words.WhyNoConnect)
		}
	case keymap.GoLessons:
		if r.options.Lessons == nil {
			return r.text(words.WhyNoLessons)
		}
	case keymap.StopCluster:
		if r.options.Stop == nil || !r.snap.Launched {
			return r.text(words.WhyNotLaunched)
		}
	default:
		if r.src == nil {
			return r.text(words.WhyNoCluster)
		}
	}
	return possible()
}

// reason says why an intent would not work on screen s; empty: it works.
func (r *root) reason(s screen, intent keymap.Intent) safe.Text {
	if ownIntent(s, intent) {
		return s.can(&r.env, intent)
	}
	return r.canGlobal(intent)
}

// ownIntent reports whether a screen answers an intent itself. While a filter is typed, that is all of them: Back
// drops the filter.
func ownIntent(s screen, intent keymap.Intent) bool {
	return s.scope() == keymap.Search || !keymap.IsGlobal(intent)
}

// main returns the screen of a tab, made when it is first wanted.
func (r *root) main(intent keymap.Intent) screen {
	i := keymap.MainScreen(intent)
	if r.mains[i] == nil {
		r.mains[i] = newMain(intent)
	}
	return r.mains[i]
}

func newMain(intent keymap.Intent) screen {
	switch intent {
	case keymap.GoTopics:
		return newTopics()
	case keymap.GoGroups:
		return newGroups()
	case keymap.GoZooKeeper:
		return newZooKeeper()
	case keymap.GoTimeline:
		return newTimeline()
	case keymap.GoLessons:
		return newLessons()
	}
	return newOverview()
}

func (r *root) switchLanguage() {
	other := cluster.Chinese
	if r.lang() == cluster.Chinese {
		other = cluster.English
	}
	r.words = words.Open(other)
}

func (r *root) nextTheme() effect {
	names := cell.ThemeNames()
	next := names[0]
	for i, name := range names {
		if name == r.theme.Name {
			next = names[(i+1)%len(names)]
		}
	}
	theme, err := cell.NewTheme(next)
	if err != nil {
		return failed(err)
	}
	r.theme = theme.For(r.profile)
	return say{text: r.format(words.ThemeIs, next)}
}

// stopCluster asks before it stops every process of the cluster.
func stopCluster(e *env) effect {
	stop, label := e.options.Stop, e.format(words.StoppingCluster, e.snap.Name)
	done := e.format(words.StoppedCluster, e.snap.Name)
	return open{newConfirm(e.format(words.AskStopCluster, e.snap.Name), e.text(words.AskStopClusterMore), "", func() effect {
		return operate{label: label, do: func(ctx context.Context) effect {
			if err := stop(ctx); err != nil {
				return failed(err)
			}
			return all{attach{nil}, say{text: done}}
		}}
	})}
}
