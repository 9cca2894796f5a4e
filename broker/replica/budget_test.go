package replica

import "testing"

func TestGrantsShareABudget(t *testing.T) {
	b := budget{limit: 100}
	first, second := grant{of: &b}, grant{of: &b}
	if got := first.reserve(80); got != 80 {
		t.Fatalf("reserved %d of an untouched budget, want 80", got)
	}
	first.settle(80, 60)
	if got := second.reserve(80); got != 40 {
		t.Errorf("reserved %d beside 60, want the 40 that are left", got)
	}
	second.settle(40, 70) // one batch comes whole, whatever is left
	if got := second.reserve(1); got != 0 {
		t.Errorf("reserved %d of a budget that is used up", got)
	}
	first.end()
	first.end()
	second.drop()
	if held := b.held.Load(); held != 0 {
		t.Errorf("%d bytes are held after all was given back", held)
	}
	if got := first.reserve(10); got != 10 || b.held.Load() != 0 {
		t.Errorf("a reply that is over reserved %d and holds %d, want 10 and nothing", got, b.held.Load())
	}
}
