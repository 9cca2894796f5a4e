package tui

import (
	"context"
	"time"

	"klab/cluster"
	"klab/tui/safe"
)

// Lessons is the catalogue of lessons. Reading methods return at once.
type Lessons interface {
	List(lang cluster.Lang) []LessonInfo
	// Start begins a lesson on the cluster of src, which it prepares and later cleans up. The lesson ends when ctx
	// does, if it is not over before.
	Start(ctx context.Context, src Source, id string, lang cluster.Lang) (Player, error)
}

// LessonInfo is one line of the catalogue.
type LessonInfo struct {
	ID, Title string
	Minutes   int
	Steps     int
	Done      bool
	Why       string // why it cannot be started here ("needs Linux"); empty: it can
}

// Player is a lesson under way. View returns at once and is called ten times a second; the other methods hand an
// intent over and return at once as well: what they lead to is seen in the next View.
type Player interface {
	View(lang cluster.Lang) LessonView
	Next()         // go on when the step is over; skip reading time; after the last step, the lesson has passed
	Previous()     // read the step before again; the cluster is not rolled back
	ToggleAuto()   // go on by itself after the reading time
	FreePlay()     // end the narration, keep the cluster
	Answer(i int)  // of the open question
	Do(key string) // the key of the open task was pressed
	Leave()        // end the lesson and clean up
}

// Outcome is how a step or a lesson ended, or that it has not.
type Outcome int

// Outcomes.
const (
	Underway Outcome = iota
	Passed
	TimedOut // what was waited for did not happen
	Broken   // something happened that must not
	Left     // the person left
)

// LessonView is all there is to draw of a lesson at one moment.
type LessonView struct {
	Title       string
	Step, Steps int           // 1-based
	Left        time.Duration // about
	Narration   string        // at most three lines at 76 columns
	Why         string        // what lies behind this step, for the help page; empty: nothing
	Ask         *Question
	Pins        []Pin
	Wait        *Wait
	Task        *Task
	Notes       []string // what was measured or noticed, oldest first
	Hint        string
	Outcome     Outcome
	Failure     string // names object, expected, observed, since when
	Auto        bool
	Over        bool          // the step is over: Next goes on
	Finished    bool          // the last step is over: Next ends the lesson
	Preparing   string        // what is being prepared before the first step; empty: nothing
	Stale       time.Duration // how old the shown samples are, when a former step is read again; 0: live
}

// Question asks for a prediction.
type Question struct {
	Choices  []string
	Answered int // index; -1: not yet
	Right    int // index; -1: not to be shown yet
}

// Pin is one observed value.
type Pin struct {
	Name, Value string
	Known       bool
	Age         time.Duration
	Changed     bool // within this step
}

// Wait is a state that the step waits for.
type Wait struct {
	Text           string
	Elapsed, Limit time.Duration
	Holds          bool // seen, and must stay so for a moment
}

// Task is something the learner shall do.
type Task struct {
	Keys []string
	Text string // for those who show no keys of their own; the screen names Keys
}

// clean is the one way that a lesson's text gets to the screen.
func clean(s string) safe.Text { return safe.Clean(s) }
