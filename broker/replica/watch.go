package replica

import "sync/atomic"

// watch is a partition's note of one session that fetches from it. It belongs to one partition for good. Watches are
// listed by the partition only while they may be of use: when the session's fetch parks a watch is listed, and an event
// that finds nobody parked drops it.
type watch struct {
	parked   *atomic.Pointer[parkedFetch] // the session's
	at       *hosted
	follower bool

	listed  bool  // guarded by at.mu
	counted int64 // bytes of at.appended that the parked fetch knows of; guarded by at.mu
}

// event is what happened to a partition, for those who wait for it.
type event uint8

const (
	endMoved       event = 1 << iota // followers have records to fetch
	watermarkMoved                   // consumers have records to fetch, followers a high watermark
	roleChanged                      // whoever waits here must ask again, or elsewhere
)

// listen lists the session's watch for part. The caller holds h.mu and session.mu.
func (h *hosted) listen(part *fetchPart, s *session) {
	if part.watch == nil || part.watch.at != h {
		part.watch = &watch{parked: &s.parked, at: h, follower: s.follower}
	}
	w := part.watch
	w.counted = h.committed
	if w.listed {
		return
	}
	if len(h.watches) == cap(h.watches) {
		h.dropIdle()
	}
	h.watches, w.listed = append(h.watches, w), true
}

// dropIdle unlists the watches of sessions that have no parked fetch.
func (h *hosted) dropIdle() {
	kept := h.watches[:0]
	for _, w := range h.watches {
		if w.listed = w.parked.Load() != nil; w.listed {
			kept = append(kept, w)
		}
	}
	clear(h.watches[len(kept):])
	h.watches = kept
}

// waiting collects the parked fetches that an event concerns. The caller holds h.mu.
func (h *hosted) waiting(what event) (wake []*parkedFetch) {
	if len(h.watches) == 0 {
		return nil
	}
	h.dropIdle()
	for _, w := range h.watches {
		if parked := w.parked.Load(); parked != nil && w.concerned(parked, what) {
			wake = append(wake, parked)
		}
	}
	return wake
}

// concerned tells whether the event may complete the parked fetch. A follower needs records now and the high watermark
// soon. A consumer that wants many bytes is left alone until as many have been appended: h.appended runs ahead of what is
// committed, so this errs on the side of waking.
func (w *watch) concerned(parked *parkedFetch, what event) bool {
	switch {
	case what&roleChanged != 0:
		return true
	case w.follower:
		if what&watermarkMoved != 0 {
			parked.hurry()
		}
		return what&endMoved != 0
	case what&watermarkMoved == 0:
		return false
	case parked.readCommitted: // a marker makes much readable that was counted before
		return true
	}
	grown := w.at.appended - w.counted
	w.counted = w.at.appended
	return parked.missing.Add(-grown) <= 0
}
