package demos

import (
	"testing"
	"time"
)

func TestTheLedgerTellsLossFromNotYetRead(t *testing.T) {
	l, r := newLedger(), newReading()
	at := time.Unix(0, 0)
	for n := range int64(4) {
		l.acked(n, 0, n, at.Add(time.Duration(n)*time.Millisecond))
	}
	r.record(0, 0, 0)
	if lost := r.lost(l); lost != 0 {
		t.Errorf("%d lost, but the reader is only at 1", lost)
	}
	r.record(0, 3, 3) // past 1 and 2 without reading them
	if lost := r.lost(l); lost != 2 {
		t.Errorf("%d lost, want 2", lost)
	}
}

func TestReadingAgainIsNoRepeatAndTwiceInTheLogIs(t *testing.T) {
	r := newReading()
	for range 2 {
		for n := range int64(3) {
			r.record(0, n, n)
		}
	}
	if r.read != 6 || r.repeats != 0 || r.disorder != 0 || r.position() != 3 {
		t.Errorf("read %d, repeats %d, disorder %d, position %d", r.read, r.repeats, r.disorder, r.position())
	}
	r.record(0, 3, 1)
	if r.repeats != 1 {
		t.Errorf("repeats %d, want 1", r.repeats)
	}
	r.record(0, 4, 9)
	r.record(0, 5, 8)
	if r.disorder != 1 {
		t.Errorf("disorder %d, want 1", r.disorder)
	}
}

func TestTheGapIsTheLongestSilenceThatEndedInTheStep(t *testing.T) {
	l, at := newLedger(), time.Unix(0, 0)
	for i, ms := range []int{0, 900, 910} {
		l.acked(int64(i), 0, int64(i), at.Add(time.Duration(ms)*time.Millisecond))
	}
	l.stepBegins()
	l.acked(3, 0, 3, at.Add(3000*time.Millisecond)) // a silence that began before the step
	if l.stepGap != 2090*time.Millisecond {
		t.Errorf("gap %v", l.stepGap)
	}
	l.rest()
	l.acked(4, 0, 4, at.Add(time.Hour))
	if l.stepGap != 2090*time.Millisecond {
		t.Errorf("gap %v after a rest that nobody minded", l.stepGap)
	}
}
