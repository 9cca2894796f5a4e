// Package memory keeps a process that has become idle small. Go's collector lets a heap stay as large as its last busy moment made it
// for minutes; a lab's brokers are busy for seconds and idle for hours, five processes side by side.
package memory

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	interval = 5 * time.Second
	// quietBytes is what a process may allocate in an interval and still be idle: timers, heartbeats, a status.
	quietBytes = 1 << 20
	// trims is how often memory is given back after a busy time. Pools keep their buffers through one collection.
	trims = 2
)

// Trim gives memory back to the system whenever this process has become idle. It never returns.
func Trim() {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	var w watcher
	for range time.Tick(interval) {
		metrics.Read(sample)
		if w.idle(sample[0].Value.Uint64()) {
			debug.FreeOSMemory()
		}
	}
}

// watcher decides when to trim.
type watcher struct {
	allocated uint64 // in all, at the last look
	trimmed   int    // since the last busy interval
}

// idle reports whether memory is to be given back now, when so many bytes have been allocated in all.
func (w *watcher) idle(allocated uint64) bool {
	quiet := allocated-w.allocated < quietBytes
	w.allocated = allocated
	if !quiet {
		w.trimmed = 0
		return false
	}
	w.trimmed = min(w.trimmed+1, trims+1)
	return w.trimmed <= trims
}
