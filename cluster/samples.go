package cluster

import "time"

// offsets are one broker's answers to ListOffsets.
type offsets struct {
	broker int32
	asked  time.Time // before the request was sent; zero: not noted
	at     time.Time
	ends   map[partitionKey]int64 // log end of the replica on this broker
	highs  map[partitionKey]int64 // high watermark; of partitions that this broker leads
	starts map[partitionKey]int64 // log start; of partitions that this broker leads
}

// applyOffsets takes a broker's answers in. What a broker says as leader counts only while the metadata agrees that it is.
func (m *model) applyOffsets(o offsets) {
	for key, end := range o.ends {
		if p := m.partition(key); p != nil {
			p.sampleEnd(o.broker, end, o.at)
		}
	}
	for key, high := range o.highs {
		if p := m.partition(key); p != nil && p.meta.leader == o.broker {
			p.high, p.at, p.asked = high, o.at, o.asked
		}
	}
	for key, start := range o.starts {
		if p := m.partition(key); p != nil && p.meta.leader == o.broker {
			p.logStart, p.startAt = start, o.at
		}
	}
}

// partition returns a partition whose topic will be built anew, or nil.
func (m *model) partition(key partitionKey) *partitionModel {
	t, ok := m.topics[key.topic]
	if !ok {
		return nil
	}
	t.dirty = true
	return t.partitions[key.partition]
}

func (p *partitionModel) log(broker int32) *logModel {
	l, ok := p.logs[broker]
	if !ok {
		l = &logModel{end: Unknown, bytes: Unknown}
		p.logs[broker] = l
	}
	return l
}

func (p *partitionModel) sampleEnd(broker int32, end int64, at time.Time) {
	l := p.log(broker)
	l.end, l.at = end, at
	if p.meta.leader == broker {
		p.leaderAt.add(end, at)
		l.caughtUp = at
		for id, follower := range p.logs {
			if id != broker {
				p.catchUp(follower)
			}
		}
		return
	}
	p.catchUp(l)
}

// catchUp finds the last moment at which a follower, as last sampled, held all that the leader held then.
func (p *partitionModel) catchUp(l *logModel) {
	if at, ok := p.leaderAt.lastAtMost(l.end, l.at); ok && at.After(l.caughtUp) {
		l.caughtUp = at
	}
}

// applySizes takes a broker's answer to DescribeLogDirs in.
func (m *model) applySizes(broker int32, at time.Time, sizes map[partitionKey]int64) {
	var total int64
	for key, bytes := range sizes {
		total += bytes
		if p := m.partition(key); p != nil {
			l := p.log(broker)
			l.bytes, l.bytesAt = bytes, at
		}
	}
	m.moves.sampleSizes(broker, at, sizes)
	m.dirAt[broker], m.logBytes[broker] = at, total
}

// applyMinISR takes the topics' min.insync.replicas in.
func (m *model) applyMinISR(at time.Time, values map[string]int) {
	for name, n := range values {
		if t, ok := m.topics[name]; ok {
			t.dirty = t.dirty || t.minISR != n
			t.minISR, t.configAt = n, at
		}
	}
}

// history is the recent course of a leader's log end: each entry says that the end was there from first to last.
type history struct {
	entries [16]struct {
		end         int64
		first, last time.Time
	}
	n int
}

func (h *history) add(end int64, at time.Time) {
	if h.n > 0 && h.entries[h.n-1].end == end {
		h.entries[h.n-1].last = at
		return
	}
	if h.n == len(h.entries) {
		copy(h.entries[:], h.entries[1:])
		h.n--
	}
	e := &h.entries[h.n]
	e.end, e.first, e.last = end, at, at
	h.n++
}

// lastAtMost returns the last known moment, not after at, at which the end was at most offset.
func (h *history) lastAtMost(offset int64, at time.Time) (time.Time, bool) {
	for i := h.n - 1; i >= 0; i-- {
		e := h.entries[i]
		if e.end > offset || e.first.After(at) {
			continue
		}
		if e.last.After(at) {
			return at, true
		}
		return e.last, true
	}
	return time.Time{}, false
}
