package checklist

import (
	"maps"
	"slices"
	"sync"
)

// Diary is what one member of a group went through. Its library tells it from its own goroutines.
type Diary struct {
	mu         sync.Mutex
	partitions map[int32]bool
	rebalances int // assignments told, also empty ones
	revoked    int // partitions taken away
	seen       map[string]int
	err        error
}

// Assigned adds partitions.
func (d *Diary) Assigned(partitions ...int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.partitions == nil {
		d.partitions = map[int32]bool{}
	}
	d.rebalances++
	for _, p := range partitions {
		d.partitions[p] = true
	}
}

// Revoked takes partitions away.
func (d *Diary) Revoked(partitions ...int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.revoked += len(partitions)
	for _, p := range partitions {
		delete(d.partitions, p)
	}
}

// Record notes a consumed value.
func (d *Diary) Record(value []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen == nil {
		d.seen = map[string]int{}
	}
	d.seen[string(value)]++
}

// Failed notes that the member cannot go on.
func (d *Diary) Failed(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

func (d *Diary) held() []int32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.partitions))
}

func (d *Diary) counts() (rebalances, revoked int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rebalances, d.revoked
}

func (d *Diary) saw(value string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen[value] > 0
}

func (d *Diary) failed() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}
