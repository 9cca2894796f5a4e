package session

import "sync"

// gate is a door that goroutines wait at. It starts shut.
type gate struct {
	mu     sync.Mutex
	isOpen bool
	ch     chan struct{} // closed while the gate is open
}

func newGate() *gate { return &gate{ch: make(chan struct{})} }

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.isOpen {
		g.isOpen = true
		close(g.ch)
	}
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isOpen {
		g.isOpen = false
		g.ch = make(chan struct{})
	}
}

// passage is a channel that is closed when the gate is open.
func (g *gate) passage() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ch
}
