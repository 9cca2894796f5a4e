package cluster

// ring keeps the newest records, bounded in number and in payload bytes. Records are numbered from 1 as they come.
type ring struct {
	slots    []Record // slots[(seq-1) % len] holds record seq
	maxBytes int
	bytes    int
	first    int64 // Seq of the oldest record kept; last+1 when there is none
	last     int64 // Seq of the newest record; 0: none yet
}

func newRing(records, bytes int) *ring {
	return &ring{slots: make([]Record, max(1, records)), maxBytes: bytes, first: 1}
}

// after is an empty ring with the same bounds, whose first record will follow on seq.
func (r *ring) after(seq int64) *ring {
	next := newRing(len(r.slots), r.maxBytes)
	next.first, next.last = seq+1, seq
	return next
}

// joined is a ring of what r holds and then what next holds, which was made by r.after(r.last): the newest within the bounds.
func (r *ring) joined(next *ring) *ring {
	if next.first > r.last+1 { // next has forgotten records by itself: it is full
		return next
	}
	all := r.after(r.first - 1)
	for _, part := range []*ring{r, next} {
		for seq := part.first; seq <= part.last; seq++ {
			all.push(*part.slot(seq))
		}
	}
	return all
}

// push numbers and keeps a record, and forgets older ones where the bounds ask for it. A record larger than maxBytes is
// kept alone.
func (r *ring) push(rec Record) {
	size := rec.Size()
	for r.first <= r.last && (r.len() == len(r.slots) || r.bytes+size > r.maxBytes) {
		r.forget()
	}
	r.last++
	rec.Seq = r.last
	*r.slot(r.last) = rec
	r.bytes += size
}

func (r *ring) forget() {
	slot := r.slot(r.first)
	r.bytes -= slot.Size()
	*slot = Record{}
	r.first++
}

func (r *ring) len() int { return int(r.last - r.first + 1) }

func (r *ring) slot(seq int64) *Record { return &r.slots[(seq-1)%int64(len(r.slots))] }

// window returns at most n records from seq on, or from the oldest one kept.
func (r *ring) window(seq int64, n int) []Record {
	seq = max(seq, r.first)
	last := min(r.last, seq+int64(n)-1)
	if seq > last {
		return nil
	}
	records := make([]Record, 0, last-seq+1)
	for ; seq <= last; seq++ {
		records = append(records, *r.slot(seq))
	}
	return records
}
