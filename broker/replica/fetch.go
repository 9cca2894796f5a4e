package replica

import (
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Replica ids of a fetch or list-offsets request that is not a follower's.
const (
	consumerID int32 = -1
	debugID    int32 = -2 // a tool that may ask any replica
)

// fetch is one Fetch request under way.
type fetch struct {
	r        *Replicas
	version  int16
	replica  int32 // a follower's broker id, or consumerID
	listener string
	maxWait  time.Duration
	minBytes int
	maxBytes int

	readCommitted bool
	hardMaxBytes  bool // before v3 not even the first batch may exceed the limits
	leaderOnly    bool
	rack          string // a consumer's, when consumers are sent to the nearest replica

	session     *session
	incremental bool // leave out partitions with nothing new
	reply       func(*kmsg.FetchResponse)
	holds       grant // of a consumer's
}

// watermarkDelay is how soon a follower learns of a high watermark. At once would be two more round trips for every write
// of a producer that waits for each, just when its next one comes in (measured: half its latency again); within this
// time the next records mostly carry the news.
const watermarkDelay = 5 * time.Millisecond

// parkedFetch is a fetch that waits for records, for the high watermark (followers), or for its time to be up.
type parkedFetch struct {
	*fetch
	timer   *time.Timer
	hurried atomic.Bool // the timer was set to watermarkDelay
	// missing is how many bytes the last evaluation lacked, less what became readable since.
	missing atomic.Int64
}

// Fetch answers req through reply, called once: before Fetch returns if there is something to tell, else when there is or
// the request's wait is over. listener is the one the request came in by; leader hints name endpoints on it. reply must
// not block. written is to be called once the response was written, or will not be: until then its records count as held, and
// their memory is not used again.
func (r *Replicas) Fetch(req *kmsg.FetchRequest, listener string, reply func(*kmsg.FetchResponse)) (written func()) {
	now := r.cfg.Clock()
	f := r.newFetch(req, listener, reply)
	if err := f.join(req, now); err != nil {
		resp := kmsg.NewPtrFetchResponse()
		resp.ErrorCode = err.Code
		reply(resp)
		return f.holds.end
	}
	f.start(now)
	return f.holds.end
}

func (r *Replicas) newFetch(req *kmsg.FetchRequest, listener string, reply func(*kmsg.FetchResponse)) *fetch {
	f := &fetch{
		r:             r,
		version:       req.Version,
		replica:       req.ReplicaID,
		listener:      listener,
		maxWait:       time.Duration(req.MaxWaitMillis) * time.Millisecond,
		maxBytes:      r.cfg.ClientFetchMaxBytes,
		readCommitted: req.IsolationLevel == 1,
		hardMaxBytes:  req.Version < 3,
		reply:         reply,
		holds:         grant{of: &r.held, buffers: r.cfg.Buffers},
	}
	if req.Version >= 15 {
		f.replica = req.ReplicaState.ID
	}
	if req.Version >= 3 {
		f.maxBytes = min(f.maxBytes, int(req.MaxBytes))
	}
	f.minBytes = min(int(req.MinBytes), f.maxBytes)
	f.leaderOnly = f.follower() || req.Version < 11
	if r.cfg.RackAware {
		f.rack = req.Rack
	}
	return f
}

func (f *fetch) follower() bool { return f.replica >= 0 }

// join finds or makes the session of a request (KIP-227).
func (f *fetch) join(req *kmsg.FetchRequest, now time.Time) *kerr.Error {
	if req.Version < 7 || req.SessionEpoch == sessionEpochInitial || req.SessionEpoch == sessionEpochFinal {
		if req.SessionID != 0 {
			f.r.sessions.remove(req.SessionID)
		}
		f.session = newSession(req, f.follower(), now)
		if req.Version >= 7 && req.SessionEpoch == sessionEpochInitial {
			f.r.sessions.put(f.session, now)
		}
		return nil
	}
	s, err := f.r.sessions.get(req, now)
	if err != nil {
		return err
	}
	f.session, f.incremental = s, true
	return f.resume(req)
}

// resume applies an incremental request to its session. A fetch of the session that is still parked is answered first: the
// other side sends a second one only to change what it fetches.
func (f *fetch) resume(req *kmsg.FetchRequest) *kerr.Error {
	s := f.session
	s.mu.Lock()
	if s.epoch != req.SessionEpoch {
		s.mu.Unlock()
		return kerr.InvalidFetchSessionEpoch
	}
	s.epoch = nextSessionEpoch(s.epoch)
	s.mu.Unlock()
	if parked := s.parked.Load(); parked != nil {
		parked.complete(true)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.update(req)
	if len(s.parts) == 0 { // nothing left to keep
		f.r.sessions.remove(s.id)
		s.id = 0
	}
	return nil
}

// start evaluates the fetch and replies or parks it.
func (f *fetch) start(now time.Time) {
	s := f.session
	s.mu.Lock()
	for other := s.parked.Load(); other != nil; other = s.parked.Load() { // of a client that uses the session on two connections
		s.mu.Unlock()
		other.complete(true)
		s.mu.Lock()
	}
	e := evaluation{fetch: f, now: now, arriving: true}
	e.run()
	if f.maxWait <= 0 || len(s.parts) == 0 || e.enough() {
		f.finish(&e)
		return
	}
	parked := &parkedFetch{fetch: f}
	parked.timer = time.AfterFunc(f.maxWait, parked.expire)
	s.parked.Store(parked) // from here on, whatever happens to a watched partition wakes it
	again, enough := parked.evaluate(now, false)
	e.discard()
	if enough {
		again.wake = append(again.wake, e.wake...)
		parked.finish(again)
		return
	}
	s.mu.Unlock()
	e.settle()
}

// finish replies with an evaluation and releases the session.
func (f *fetch) finish(e *evaluation) {
	resp := e.response()
	f.session.mu.Unlock()
	e.settle()
	f.holds.lend(e.buffers)
	f.reply(resp)
}

// wake is called when something that the fetch waits for has happened. A follower is answered by the caller, on the way
// from append to acknowledgement; a consumer by a goroutine of its own, so that many consumers do not hold up a writer.
func (p *parkedFetch) wake() {
	if p.follower() {
		p.complete(false)
		return
	}
	go p.complete(false)
}

// hurry shortens a follower's wait: the high watermark has moved.
func (p *parkedFetch) hurry() {
	if p.hurried.CompareAndSwap(false, true) {
		p.timer.Reset(min(p.maxWait, watermarkDelay))
	}
}

func (p *parkedFetch) expire() { p.complete(true) }

// complete replies if there is enough to tell, or in any case if the wait is over.
func (p *parkedFetch) complete(over bool) {
	s := p.session
	s.mu.Lock()
	if s.parked.Load() != p {
		s.mu.Unlock()
		return
	}
	e, enough := p.evaluate(p.r.cfg.Clock(), over)
	if !enough {
		s.mu.Unlock()
		return
	}
	p.finish(e)
}

// evaluate looks whether there is enough to tell by now and keeps count of what is missing. The caller holds session.mu.
func (p *parkedFetch) evaluate(now time.Time, over bool) (*evaluation, bool) {
	for {
		p.missing.Store(int64(p.minBytes)) // partitions count against it from the moment they are looked at
		e := &evaluation{fetch: p.fetch, now: now, watching: !over}
		e.run()
		if over || e.enough() {
			return e, true
		}
		if e.watermarkMoved {
			p.hurry()
		}
		e.discard()
		if p.missing.Add(-int64(e.bytes)) > 0 {
			e.holds.drop() // what was read has been given back
			return nil, false
		}
	}
}

// finish ends the wait with a reply.
func (p *parkedFetch) finish(e *evaluation) {
	p.session.parked.Store(nil)
	p.timer.Stop()
	p.fetch.finish(e)
}
