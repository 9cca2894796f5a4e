package server

import "time"

// rates are how fast connections come, in all and at each listener (KIP-612).
type rates struct {
	all         rate
	perListener map[string]*rate
}

// count counts a new connection and returns how long it is to wait. The brokers' own listener is held up by its own limit alone.
func (r *rates) count(l *Limits, listener string, protected bool, now time.Time) (wait time.Duration) {
	if !protected {
		wait = r.all.count(l, l.MaxCreationRate, now)
	}
	own := r.perListener[listener]
	if own == nil {
		own = new(rate)
		r.perListener[listener] = own
	}
	return max(wait, own.count(l, l.of(listener).MaxCreationRate, now))
}

// rate counts events in windows of time, as Kafka's Rate does.
type rate struct{ windows []window }

type window struct {
	start, last time.Time
	events      int
}

// count counts one event and returns how long it would have had to come later for the limit of events a second to hold, at most
// one window.
func (r *rate) count(l *Limits, limit int, now time.Time) time.Duration {
	expired := time.Duration(l.RateWindows) * l.RateWindow
	for len(r.windows) > 0 && now.Sub(r.windows[0].last) >= expired {
		r.windows = r.windows[1:]
	}
	if n := len(r.windows); n == 0 || now.Sub(r.windows[n-1].start) >= l.RateWindow {
		r.windows = append(r.windows, window{start: now})
	}
	newest := &r.windows[len(r.windows)-1]
	newest.events++
	newest.last = now
	events := 0
	for _, w := range r.windows {
		events += w.events
	}
	if limit <= 0 {
		return l.RateWindow
	}
	due := time.Duration(float64(events) / float64(limit) * float64(time.Second))
	return min(max(due-r.elapsed(l, now), 0), l.RateWindow)
}

// elapsed is the time that the windows stand for: all of them but the last count as full, whether they were or not.
func (r *rate) elapsed(l *Limits, now time.Time) time.Duration {
	d := now.Sub(r.windows[0].start)
	if full, least := int(d/l.RateWindow), l.RateWindows-1; full < least {
		d += time.Duration(least-full) * l.RateWindow
	}
	return max(d, time.Millisecond)
}
