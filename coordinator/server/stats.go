package server

import (
	"time"
)

// serverStats are the counters behind srvr, stat and mntr.
type serverStats struct {
	received, sent int64 // packets
	latency        latencies
}

// connStats are the counters behind cons.
type connStats struct {
	received, sent int64
	lastOp         int32
	lastXid        int32
	lastZxid       int64
	lastReply      time.Duration // since the server's start
	latency        latencies
}

// latencies are in milliseconds, from the read of a request to the release of its answer.
type latencies struct{ last, low, high, sum, count int64 }

func (l *latencies) note(ms int64) {
	if l.count == 0 || ms < l.low {
		l.low = ms
	}
	l.last, l.high = ms, max(l.high, ms)
	l.sum += ms
	l.count++
}

func (l *latencies) mean() float64 {
	if l.count == 0 {
		return 0
	}
	return float64(l.sum) / float64(l.count)
}

// A servedRequest waits for the commit that releases its answer.
type servedRequest struct {
	conn     *conn
	received time.Time
}

func (s *connStats) note(r *clientRequest, zxid int64) {
	s.received++
	s.sent++
	s.lastOp, s.lastXid, s.lastZxid = r.op, r.xid, zxid
}

// recordLatency notes how long the batch's requests took, the fsync included.
func (p *processor) recordLatency() {
	if len(p.served) == 0 {
		return
	}
	now := p.clock()
	for _, s := range p.served {
		ms := now.Sub(s.received).Milliseconds()
		p.stats.latency.note(ms)
		s.conn.stats.latency.note(ms)
		s.conn.stats.lastReply = p.since(now)
	}
	clear(p.served)
	p.served = p.served[:0]
}

func (p *processor) outstanding() int {
	n := 0
	for c := range p.conns {
		n += int(c.queued.Load())
	}
	return n
}
