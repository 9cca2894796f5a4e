package cluster

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TailOptions says what to tail and how much of it to keep.
type TailOptions struct {
	Topic      string
	Partitions []int32  // nil: all
	From       Position // the zero value: from now on
	Records    int      // how many of the newest records to keep; 0: 10,000
	Bytes      int      // how many payload bytes to keep; 0: 64 MiB
}

func (o TailOptions) command(to addressee) Command {
	return ReadRequest{Topic: o.Topic, Partitions: o.Partitions, From: o.From, Follow: true}.command(to)
}

// Tail reads a topic as it grows into a bounded ring. It never slows down for its readers: what they did not take before
// it left the ring is counted as dropped. It is safe for concurrent use. Close it.
type Tail struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	ring    *ring // what comes in
	held    *ring // what readers see while paused, which nothing leaves; nil: they see ring
	seen    int64 // the newest record that a reader was given, or passed over
	dropped int64
	rate    rate
	err     error // why nothing comes, as far as it is known
	changed chan struct{}
}

// TailStats is how a Tail is doing.
type TailStats struct {
	Read    int64 // records read since it began
	Dropped int64 // of these, gone from the ring before a reader took them
	Kept    int   // in the ring that readers see
	Bytes   int   // their payload
	PerSec  float64
	Paused  bool
	Waiting int64 // records that came since the pause
	Err     error // why nothing comes; nil: all is well
}

// Tail begins to tail a topic.
func (c *Cluster) Tail(ctx context.Context, o TailOptions) (*Tail, error) {
	r := ReadRequest{Topic: o.Topic, Partitions: o.Partitions, From: o.From, Follow: true}
	var client *kgo.Client
	err := c.perform(ctx, o, func(ctx context.Context) (err error) {
		if client, _, err = c.openReader(ctx, r); err == nil && client == nil {
			err = fmt.Errorf("it has no partitions")
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot tail topic %s: %w", o.Topic, err)
	}
	running, cancel := context.WithCancel(c.ctx)
	t := &Tail{
		cancel: cancel, done: make(chan struct{}), changed: make(chan struct{}),
		ring: newRing(cmp.Or(o.Records, 10_000), cmp.Or(o.Bytes, 64<<20)),
	}
	go t.run(running, client)
	return t, nil
}

func (t *Tail) run(ctx context.Context, client *kgo.Client) {
	defer close(t.done)
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return
		}
		t.take(fetches, time.Now())
	}
}

func (t *Tail) take(fetches kgo.Fetches, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = fatal(fetches)
	before := t.ring.last
	for rec := range fetches.RecordsAll() {
		if rec.Attrs.IsControl() {
			continue
		}
		first := t.ring.first
		t.ring.push(fromKgo(rec))
		for seq := first; seq < t.ring.first; seq++ {
			if seq > t.seen {
				t.dropped++
			}
		}
	}
	t.rate.add(now, t.ring.last-before)
	close(t.changed)
	t.changed = make(chan struct{})
}

// Changed returns a channel that is closed when records come. Call it again for the next ones.
func (t *Tail) Changed() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changed
}

// Since returns at most n records after cursor, the cursor to ask with next time, and how many records between the two
// had left the ring. While paused it ends at the record that was newest when the pause began.
func (t *Tail) Since(cursor int64, n int) (records []Record, next, gap int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	view := t.view()
	if cursor+1 < view.first {
		gap = view.first - cursor - 1
		cursor += gap
	}
	records = view.window(cursor+1, n)
	next = cursor + int64(len(records))
	t.seen = max(t.seen, next)
	return records, next, gap
}

// Window returns at most n records from seq on, for scrolling back. Bounds tells which there are.
func (t *Tail) Window(seq int64, n int) []Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	records := t.view().window(seq, n)
	if len(records) > 0 {
		t.seen = max(t.seen, records[len(records)-1].Seq)
	}
	return records
}

// Bounds returns the numbers of the oldest and the newest record that readers see; first > last when there is none.
func (t *Tail) Bounds() (first, last int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	view := t.view()
	return view.first, view.last
}

// view is what readers see. mu is held.
func (t *Tail) view() *ring {
	if t.held != nil {
		return t.held
	}
	return t.ring
}

// Pause holds what readers see as it is, however much comes in: that is kept beside it, within the same bounds.
func (t *Tail) Pause() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held == nil {
		t.held, t.ring = t.ring, t.ring.after(t.ring.last)
	}
}

// Resume shows readers the newest records again.
func (t *Tail) Resume() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held != nil {
		t.ring, t.held = t.held.joined(t.ring), nil
	}
}

// Stats returns how the tail is doing now.
func (t *Tail) Stats() TailStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	view := t.view()
	return TailStats{
		Read: t.ring.last, Dropped: t.dropped, Kept: view.len(), Bytes: view.bytes, PerSec: t.rate.perSecond(time.Now()),
		Paused: t.held != nil, Waiting: t.ring.last - view.last, Err: t.err,
	}
}

// Close ends the tail. What was read can still be looked at.
func (t *Tail) Close() {
	t.cancel()
	<-t.done
}
