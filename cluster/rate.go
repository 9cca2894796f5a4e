package cluster

import "time"

// rate counts events in slots of a tenth of a second over the last two seconds.
type rate struct {
	slots [20]int64
	at    int64 // the newest slot's number since the epoch
}

const rateSlot = 100 * time.Millisecond

func (r *rate) add(now time.Time, n int64) {
	r.move(now)
	r.slots[r.at%int64(len(r.slots))] += n
}

// move forgets the slots that have grown too old.
func (r *rate) move(now time.Time) {
	slot := now.UnixNano() / int64(rateSlot)
	if slot-r.at >= int64(len(r.slots)) {
		*r = rate{at: slot}
	}
	for r.at < slot {
		r.at++
		r.slots[r.at%int64(len(r.slots))] = 0
	}
}

// perSecond is the rate over the last two seconds.
func (r *rate) perSecond(now time.Time) float64 {
	r.move(now)
	var n int64
	for _, s := range r.slots {
		n += s
	}
	return float64(n) / (float64(len(r.slots)) * rateSlot.Seconds())
}
