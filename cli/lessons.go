package cli

import (
	"context"
	"strings"
	"sync"

	"klab/cluster"
	"klab/demos"
	"klab/tui"
)

// lessonBook is the catalogue of lessons as the screen wants it. A lesson observes through a connection of its own, so that
// what it does carries its name in the timeline, and it lives as long as the program, not as the key press that began it.
type lessonBook struct {
	ctx   context.Context
	home  string
	files []*demos.File
	why   string // why none can be started here; empty: they can

	mu   sync.Mutex
	done map[string]bool
}

// lessonsFor is the catalogue, with a person's own lesson in place of the built-in one of its id, or before them all.
func (a *app) lessonsFor(ctx context.Context, home string, own *demos.File) (*lessonBook, error) {
	files, err := demos.Lessons()
	if err != nil {
		return nil, err
	}
	book := &lessonBook{ctx: ctx, home: home, files: files, done: map[string]bool{}}
	if own != nil {
		book.put(own)
	}
	if len(a.bootstrap) > 0 {
		book.why = demos.ErrNotOurs.Error()
	}
	return book, nil
}

func (b *lessonBook) put(own *demos.File) {
	for i, f := range b.files {
		if f.ID == own.ID {
			b.files[i] = own
			return
		}
	}
	b.files = append([]*demos.File{own}, b.files...)
}

func (b *lessonBook) find(id string) *demos.File {
	for _, f := range b.files {
		if f.ID == id {
			return f
		}
	}
	return nil
}

func (b *lessonBook) List(lang cluster.Lang) []tui.LessonInfo {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []tui.LessonInfo
	for _, f := range b.files {
		list = append(list, tui.LessonInfo{
			ID: f.ID, Title: f.Title.In(string(lang)), Minutes: f.Minutes, Steps: len(f.Steps), Done: b.done[f.ID], Why: b.why,
		})
	}
	return list
}

func (b *lessonBook) Start(_ context.Context, _ tui.Source, id string, lang cluster.Lang) (tui.Player, error) {
	c, err := cluster.Open(b.ctx, cluster.Target{Home: b.home, By: "lesson " + id})
	if err != nil {
		return nil, err
	}
	run, err := demos.Start(b.ctx, demos.Options{Cluster: c, Home: b.home, File: b.find(id), Mode: demos.StepByStep, Lang: string(lang)})
	if err != nil {
		c.Close()
		return nil, err
	}
	go func() {
		<-run.Done()
		c.Close()
		if run.View(string(cluster.English)).Outcome == demos.Passed {
			b.mu.Lock()
			b.done[id] = true
			b.mu.Unlock()
		}
	}()
	return lessonPlayer{run}, nil
}

// lessonPlayer is a lesson under way as the screen wants it.
type lessonPlayer struct{ *demos.Run }

func (p lessonPlayer) Do(key string) { p.Press(key) }

func (p lessonPlayer) View(lang cluster.Lang) tui.LessonView {
	v := p.Run.View(string(lang))
	view := tui.LessonView{
		Title: v.Title, Step: v.Step, Steps: v.Steps, Left: v.Left, Narration: v.Say, Why: v.Why, Hint: v.Hint, Notes: v.Measured,
		Outcome: outcomeOnScreen(v.Outcome), Failure: v.Failure, Auto: v.Auto, Over: v.StepOver, Finished: v.StepOver && v.LastStep, Stale: v.Stale,
	}
	if v.Preparing {
		view.Preparing = preparing(lang)
	}
	if len(v.Choices) > 0 {
		view.Ask = &tui.Question{Choices: v.Choices, Answered: v.Answered, Right: v.Right}
	}
	for _, pin := range v.Pins {
		view.Pins = append(view.Pins, tui.Pin{Name: pin.Name, Value: pin.Value.String(), Known: pin.Value.Known, Age: pin.Age, Changed: pin.Changed})
	}
	if v.Waiting != "" {
		view.Wait = &tui.Wait{Text: v.Waiting, Elapsed: v.Elapsed, Limit: v.Within, Holds: v.Holding}
	}
	if len(v.TaskKeys) > 0 {
		view.Task = &tui.Task{Keys: v.TaskKeys, Text: strings.Join(v.TaskKeys, " ")}
	}
	return view
}

func preparing(lang cluster.Lang) string {
	if lang == cluster.Chinese {
		return "启动 broker, 建立主题 …"
	}
	return "bringing the brokers up, making the topics …"
}

func outcomeOnScreen(o demos.Outcome) tui.Outcome {
	switch o {
	case demos.Passed:
		return tui.Passed
	case demos.TimedOut:
		return tui.TimedOut
	case demos.Broken, demos.Environment:
		return tui.Broken
	case demos.Left:
		return tui.Left
	}
	return tui.Underway
}
