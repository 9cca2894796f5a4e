package demos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"klab/cluster"
)

// sampleEvery is how often a running lesson looks, beside every published snapshot.
const sampleEvery = 50 * time.Millisecond

// Options say how a lesson is run.
type Options struct {
	Cluster *cluster.Cluster // that klab runs
	Home    string           // of that cluster
	File    *File            // linted
	Mode    Mode
	Lang    string // en or zh: of reading times and of what View says
}

// Run is a lesson under way: the shell around a Script. It is safe for concurrent use; the intents return at once.
type Run struct {
	cluster   *cluster.Cluster
	home      string
	file      *File
	ctx       context.Context
	cancel    context.CancelFunc
	producers map[string]*producer // made before the first step, then only read
	readers   map[string]*reader
	releases  []func()
	began     time.Time

	mu     sync.Mutex
	script *Script
	ready  bool
	err    error // why it could not be prepared or cleaned up
	step   int   // the step whose producers' rates are set
	frames []View
	back   int // how many steps back the person reads

	queue chan []Action
	wake  chan struct{}
	done  chan struct{}
}

// Start begins a lesson. It returns at once; View shows the preparation. The lesson ends with ctx, cleaned up.
func Start(ctx context.Context, o Options) (*Run, error) {
	script, err := NewScript(o.File, o.Mode, o.Lang)
	if err != nil {
		return nil, err
	}
	if !o.Cluster.Launched() {
		return nil, ErrNotOurs
	}
	r := &Run{
		cluster: o.Cluster, home: o.Home, file: o.File, script: script, began: time.Now(), step: -1,
		producers: map[string]*producer{}, readers: map[string]*reader{},
		queue: make(chan []Action, 8), wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	r.ctx, r.cancel = context.WithCancel(ctx)
	go r.run()
	return r, nil
}

func (r *Run) by() string { return "lesson " + r.file.ID }

// Done is closed when the lesson is over and cleaned up.
func (r *Run) Done() <-chan struct{} { return r.done }

func (r *Run) run() {
	defer close(r.done)
	err := r.prepare(r.ctx)
	r.mu.Lock()
	r.ready, r.err = err == nil, err
	r.mu.Unlock()
	if err == nil {
		var acting sync.WaitGroup
		acting.Go(r.actLoop)
		r.observeLoop()
		close(r.queue)
		acting.Wait()
	}
	err = r.cleanUp()
	r.mu.Lock()
	r.err = errors.Join(r.err, err)
	r.mu.Unlock()
	r.cancel()
}

// actLoop does the script's actions one after the other.
func (r *Run) actLoop() {
	for actions := range r.queue {
		for _, a := range actions {
			err := r.act(r.ctx, a)
			r.mu.Lock()
			r.script.Done(time.Now(), a, err)
			r.mu.Unlock()
			if err != nil {
				break
			}
		}
	}
}

// observeLoop samples until the lesson has an outcome.
func (r *Run) observeLoop() {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for r.observe() {
		select {
		case <-tick.C:
		case <-r.cluster.Changed():
		case <-r.wake:
		case <-r.ctx.Done():
			r.mu.Lock()
			r.script.Leave()
			r.mu.Unlock()
		}
	}
}

// observe hands one sample to the script and reports whether the lesson goes on.
func (r *Run) observe() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if r.step != r.script.at {
		r.beginStep()
	}
	frame := sample{now: now, snapshot: r.cluster.Snapshot(), producers: r.producers, readers: r.readers}
	actions := r.script.Observe(now, frame)
	if r.step != r.script.at {
		r.beginStep()
	}
	r.frames[r.step] = r.script.view(now)
	if len(actions) > 0 {
		r.queue <- actions
	}
	return r.script.Outcome() == Underway
}

// beginStep sets the producers' rates and forgets former silences.
func (r *Run) beginStep() {
	r.step = r.script.at
	for len(r.frames) <= r.step {
		r.frames = append(r.frames, View{})
	}
	r.back = 0
	for _, p := range r.producers {
		p.stepBegins(r.script.Slow())
	}
}

// intent does something to the script and has it looked at again.
func (r *Run) intent(do func(*Script)) {
	r.mu.Lock()
	do(r.script)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Next goes on: from a former step to the one after it, else to the next step when this one is over.
func (r *Run) Next() {
	r.intent(func(s *Script) {
		if r.back > 0 {
			r.back--
			return
		}
		s.Next()
	})
}

// Previous reads the step before again, as it was last seen; the cluster is not rolled back.
func (r *Run) Previous() {
	r.intent(func(*Script) { r.back = min(r.back+1, max(0, r.step)) })
}

// ToggleAuto switches between going on by itself and by Next.
func (r *Run) ToggleAuto() {
	r.intent(func(s *Script) {
		if s.Mode == Auto {
			s.Mode = StepByStep
		} else {
			s.Mode = Auto
		}
	})
}

// FreePlay ends the narration; the actors go on and the cluster is the person's until Leave.
func (r *Run) FreePlay() { r.intent((*Script).FreePlay) }

// Answer predicts.
func (r *Run) Answer(choice int) { r.intent(func(s *Script) { s.Answer(choice) }) }

// Press is the key of the step's task.
func (r *Run) Press(key string) {
	r.intent(func(s *Script) {
		if actions := s.Press(time.Now(), key); len(actions) > 0 {
			r.queue <- actions
		}
	})
}

// Leave ends the lesson; Done tells when all is cleaned up.
func (r *Run) Leave() { r.intent((*Script).Leave) }

// View is the lesson as it is to be seen now, in a language (en or zh). A former step keeps the language it was seen in.
func (r *Run) View(lang string) View {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.script.Lang = lang
	if !r.ready || r.step < 0 {
		return r.preparing()
	}
	if r.back > 0 {
		former := r.frames[r.step-r.back]
		former.Stale = time.Since(former.At)
		return former
	}
	v := r.script.view(time.Now())
	v.Failure = r.failure()
	return v
}

// failure words what went wrong in the lesson, and after it in the clean-up.
func (r *Run) failure() string {
	text := r.script.Failure()
	switch {
	case r.err == nil:
		return text
	case text == "":
		return r.err.Error()
	}
	return fmt.Sprintf("%s; the clean-up failed as well: %v", text, r.err)
}

func (r *Run) preparing() View {
	v := View{Title: r.file.Title.In(r.script.Lang), Step: 1, Steps: len(r.file.Steps), Preparing: true}
	if r.err != nil {
		v.Outcome, v.Failure = Environment, r.err.Error()
	}
	return v
}
