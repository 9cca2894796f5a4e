package server

import (
	"maps"
	"sync"
	"time"
)

// throttleTime is the time between two lines of log about one address.
const throttleTime = time.Second

// A throttle keeps a client that is turned away and comes again at once from filling the log.
type throttle struct {
	mu   sync.Mutex
	last map[string]time.Time // by address; older ones are forgotten
}

// allow tells whether to log something about an address.
func (t *throttle) allow(host string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at, ok := t.last[host]; ok && now.Sub(at) < throttleTime {
		return false
	}
	if t.last == nil {
		t.last = map[string]time.Time{}
	}
	maps.DeleteFunc(t.last, func(_ string, at time.Time) bool { return now.Sub(at) >= throttleTime })
	t.last[host] = now
	return true
}
