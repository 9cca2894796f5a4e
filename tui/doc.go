// Package tui is klab's screen: a Bubble Tea program that shows a Kafka cluster and lets a person work, break and
// heal it.
//
// # How it is made
//
//   - The root model ([Run] makes it) owns everything that changes: the stack of screens, the present snapshot, the
//     operations under way. It alone has an Update.
//   - A key becomes an intent through the table of package keymap. A screen gets intents and returns effects; it
//     starts nothing itself: no goroutine, no clock, no I/O. Operations run as effects, and their results come back to
//     the event loop as effects.
//   - One pump looks at the [Source] ten times a second. Screens read what it took and draw into boxes of one
//     canvas. Nothing is drawn for a tick at which nothing can have changed, and a frame equal to the last one is not
//     sent to the terminal.
//   - Frames go to the terminal through the painter, when they are made and only the rows that differ; Bubble Tea reads
//     the keys and runs the event loop.
//   - Text of others reaches the canvas only as safe.Text. Words come from package words, one table a language.
//
// # Contract
//
// The first frame does not wait for a network: the source is opened after it. Every number on a screen was read by
// the source; what is unknown is "-", and what is old says so. Keys shown are keys that work now; an action that
// cannot work says why.
package tui
