package link

import (
	"io"
	"sync"
	"time"

	"klab/launcher/event"
)

// queueLength is how many facts may wait for a supervisor that reads slowly.
const queueLength = 4096

// maxMessage bounds why a child ends, in bytes: it may quote what a person wrote.
const maxMessage = 4 << 10

// Reporter sends a child's reports in order. Event never blocks: when the queue is full, events are dropped, counted, and
// told as one "facts.dropped" event when there is room again.
type Reporter struct {
	mu      sync.Mutex
	queue   chan Report
	dropped int
	closed  bool
	done    chan struct{}
}

// NewReporter starts sending to w, until Close.
func NewReporter(w io.Writer) *Reporter {
	r := &Reporter{queue: make(chan Report, queueLength), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		for report := range r.queue {
			if Write(w, report) != nil {
				return // the supervisor is gone, and so will be this process
			}
		}
	}()
	return r
}

// Event reports a fact; what is long in it is cut.
func (r *Reporter) Event(e event.Event) {
	e = e.Bounded()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dropped > 0 && r.offer(droppedEvent(r.dropped, e.Time)) {
		r.dropped = 0
	}
	if r.dropped > 0 || !r.offer(Report{Event: &e}) {
		r.dropped++
	}
}

// Ready reports that the child serves; Failed, why it is about to end. Both wait for room in the queue.
func (r *Reporter) Ready() { r.send(Report{Ready: true}) }

// Failed reports why the child is about to end.
func (r *Reporter) Failed(message string, code int) {
	r.send(Report{Failed: &Failure{Message: event.Cut(message, maxMessage), Code: code}})
}

// Close sends what is queued and returns, at the latest after timeout.
func (r *Reporter) Close(timeout time.Duration) {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.queue)
	}
	r.mu.Unlock()
	select {
	case <-r.done:
	case <-time.After(timeout):
	}
}

func (r *Reporter) send(report Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	select {
	case r.queue <- report:
	case <-r.done:
	}
}

func (r *Reporter) offer(report Report) bool {
	if r.closed {
		return false
	}
	select {
	case r.queue <- report:
		return true
	default:
		return false
	}
}

func droppedEvent(n int, at time.Time) Report {
	return Report{Event: &event.Event{
		Time: at, Kind: "facts.dropped", Broker: -1, Partition: -1, Fields: map[string]any{"count": n},
	}}
}
