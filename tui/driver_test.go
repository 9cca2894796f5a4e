package tui

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"

	"klab/cluster"
)

// recorder is a model around the root that keeps the last frame, so that a test sees a running program.
type recorder struct {
	*root
	mu     sync.Mutex
	frame  string
	frames int
}

func (r *recorder) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	_, cmd := r.root.Update(msg)
	return r, cmd
}

func (r *recorder) View() tea.View {
	v := r.root.View()
	r.mu.Lock()
	defer r.mu.Unlock()
	if v.Content != r.frame {
		r.frame = v.Content
		r.frames++
	}
	return v
}

func (r *recorder) last() (frame string, frames int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.frame, r.frames
}

// play runs a real program in a bubble of fake time. It ends before the bubble does.
func play(t *testing.T, o Options, script func(p *tea.Program, r *recorder)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		root, err := prepare(ctx, &o)
		if err != nil {
			t.Fatal(err)
		}
		rec := &recorder{root: root}
		p := tea.NewProgram(rec, tea.WithContext(ctx), tea.WithoutRenderer(), tea.WithInput(nil), tea.WithOutput(io.Discard),
			tea.WithoutSignalHandler(), tea.WithWindowSize(80, 24))
		done := make(chan error, 1)
		go func() {
			_, err := p.Run()
			done <- err
		}()
		p.Send(tea.WindowSizeMsg{Width: 80, Height: 24})
		script(p, rec)
		p.Quit()
		if err := <-done; err != nil {
			t.Errorf("the program ended with %v", err)
		}
		root.close()
		time.Sleep(time.Second) // pending ticks end
	})
}

func TestTheFirstFrameDoesNotWaitForTheCluster(t *testing.T) {
	o := Options{Open: func(ctx context.Context) (Source, error) {
		select {
		case <-time.After(5 * time.Second): // a network that takes its time
			return healthy(), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	play(t, o, func(p *tea.Program, r *recorder) {
		synctest.Wait()
		if frame, _ := r.last(); !strings.Contains(frame, "klab") {
			t.Errorf("no first frame: %q", frame)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if frame, _ := r.last(); !strings.Contains(frame, "looking for a cluster") {
			t.Errorf("the wait is not shown: %q", frame)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if frame, _ := r.last(); !strings.Contains(frame, "BROKERS") {
			t.Errorf("the cluster is not shown: %q", frame)
		}
	})
}

func TestAnIdleMinuteMakesFewFrames(t *testing.T) {
	f := healthy()
	f.snap.At, f.snap.Brokers = time.Now().Add(24*time.Hour*36500), nil // never old
	play(t, Options{Open: func(context.Context) (Source, error) { return f, nil }}, func(p *tea.Program, r *recorder) {
		time.Sleep(time.Second)
		synctest.Wait()
		_, before := r.last()
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, after := r.last(); after != before {
			t.Errorf("%d frames in an idle minute", after-before)
		}
	})
}

func TestAFactIsOnTheScreenWithinATick(t *testing.T) {
	f := healthy()
	play(t, Options{Open: func(context.Context) (Source, error) { return f, nil }}, func(p *tea.Program, r *recorder) {
		time.Sleep(time.Second)
		f.timeline.Append(fact(0, cluster.KindSessionExpired, 3, "", -1, nil))
		time.Sleep(tickEvery)
		synctest.Wait()
		if frame, _ := r.last(); !strings.Contains(frame, "session expired") {
			t.Error("the fact is not drawn")
		}
	})
}

func TestRunLeavesNothingBehind(t *testing.T) {
	f := healthy()
	var out bytes.Buffer
	in, keys := io.Pipe()
	go func() { _, _ = keys.Write([]byte("2q")) }()
	err := Run(t.Context(), Options{
		Open:  func(context.Context) (Source, error) { return f, nil },
		Input: in, Output: &out, Environment: []string{"TERM=xterm-256color", "TTY_FORCE=1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	entered, left := strings.Index(out.String(), "\x1b[?1049h"), strings.LastIndex(out.String(), "\x1b[?1049l")
	if entered < 0 || left < entered || !strings.Contains(out.String()[entered:], "\x1b[?25h") {
		t.Errorf("the terminal is not restored: %q", out.String())
	}
	if _, err := prepare(t.Context(), &Options{Theme: "neon"}); err == nil {
		t.Error("an unknown theme is accepted")
	}
}
