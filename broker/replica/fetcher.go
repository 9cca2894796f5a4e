package replica

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/partition"
)

const (
	// firstRetry is the pause after a first failure; it doubles up to replica.fetch.backoff.ms. Kafka waits the full second
	// at once; most failures here are a leader that has not yet heard of its election and will within milliseconds.
	firstRetry = 10 * time.Millisecond
	// maxInFlight allows for one fetch that waits at the leader, and one more that adds partitions to it.
	maxInFlight = 2
)

// fetcher replicates partitions from one leader over one connection. Its goroutine sends a fetch, appends what comes back
// and sends the next; the leader holds a fetch that has nothing to return for replica.fetch.wait.max.ms.
//
// A partition that is assigned while such a fetch waits must not wait with it: the goroutine is interrupted and sends a
// second fetch in the same session, which our leaders answer (after the first) at once, and Kafka's when the first is done.
type fetcher struct {
	r        *Replicas
	key      fetcherKey
	clientID string
	ctx      context.Context
	cancel   context.CancelFunc

	assigned int // partitions; guarded by Replicas.control

	mu       sync.Mutex   // guards the assignments on their way to the goroutine, and its interruption
	changes  []assignment // not yet taken over
	awaiting net.Conn     // being read without anything having arrived; nil otherwise
	wakeup   chan struct{}

	// The goroutine's own:

	conn     *leaderConn // nil while not connected
	keepOpen func() bool // ends that conn is closed with ctx
	failures pause       // of the connection
	parts    []*following
	byKey    map[partKey]*following
	session  fetchSession
	inFlight []int32 // correlation ids of fetches not answered, in order
}

// assignment gives a replica to a fetcher, or takes it away (epoch None).
type assignment struct {
	at    *hosted
	epoch int32
}

// following is one replica being replicated.
type following struct {
	at    *hosted
	epoch int32 // leader epoch
	next  position

	fenced     bool // the leader is in a later epoch: wait for the controller's word
	outOfRange bool // the leader does not have next.offset: ask what it has
	failures   pause
	retryAt    time.Time

	inSession bool
	told      position // what the session's last request said
	since     int32    // correlation id of the first fetch that asked for it
}

// position is where a replica's log ends and starts.
type position struct {
	offset    int64 // log end
	lastEpoch int32 // of the last batch, None if the log knows none
	start     int64 // log start
}

// pause grows with every failure in a row.
type pause time.Duration

func (p *pause) next(most time.Duration) time.Duration {
	*p = pause(min(max(2*time.Duration(*p), firstRetry), most))
	return time.Duration(*p)
}

func newFetcher(r *Replicas, key fetcherKey) *fetcher {
	f := &fetcher{
		r:        r,
		key:      key,
		clientID: fmt.Sprintf("broker-%d-fetcher-%d", r.cfg.BrokerID, key.index),
		wakeup:   make(chan struct{}, 1),
		byKey:    map[partKey]*following{},
	}
	f.ctx, f.cancel = context.WithCancel(r.ctx)
	return f
}

// assign tells the goroutine about a replica and interrupts its wait.
func (f *fetcher) assign(h *hosted, epoch int32) {
	f.mu.Lock()
	f.changes = append(f.changes, assignment{h, epoch})
	f.interrupt()
	f.mu.Unlock()
}

// interrupt ends the goroutine's wait for a response or for a pause to be over. The caller holds f.mu.
func (f *fetcher) interrupt() {
	if f.awaiting != nil {
		f.awaiting.SetReadDeadline(longAgo)
	}
	f.nudge()
}

// nudge ends a pause.
func (f *fetcher) nudge() {
	select {
	case f.wakeup <- struct{}{}:
	default:
	}
}

func (f *fetcher) stop() {
	f.cancel()
	f.mu.Lock()
	f.interrupt()
	f.mu.Unlock()
}

func (f *fetcher) run() {
	defer f.disconnect()
	for f.ctx.Err() == nil {
		f.takeOver()
		now := time.Now()
		if ready, retryAt := f.ready(now); !ready && len(f.inFlight) == 0 {
			f.sleep(retryAt)
			continue
		}
		err := f.exchange(now)
		if err == nil {
			f.failures = 0
			continue
		}
		if errors.Is(err, errInterrupted) {
			continue
		}
		f.disconnect()
		if f.ctx.Err() == nil {
			wait := f.failures.next(f.r.cfg.FetchBackoff)
			f.r.cfg.Log.Info("cannot fetch from a leader", "leader", f.key.leader, "error", err, "retry in", wait)
			f.sleep(time.Now().Add(wait))
		}
	}
}

// takeOver applies the assignments that came in.
func (f *fetcher) takeOver() {
	f.mu.Lock()
	changes := f.changes
	f.changes = nil
	f.mu.Unlock()
	for _, c := range changes {
		f.remove(c.at)
		if c.epoch != partition.None {
			f.add(c.at, c.epoch)
		}
	}
}

func (f *fetcher) add(h *hosted, epoch int32) {
	p := &following{at: h, epoch: epoch}
	h.mu.Lock()
	p.next = h.position()
	h.mu.Unlock()
	f.parts = append(f.parts, p)
	f.byKey[f.session.key(h)] = p
	f.session.outdated = true
}

func (f *fetcher) remove(h *hosted) {
	for i, p := range f.parts {
		if p.at != h {
			continue
		}
		f.parts = append(f.parts[:i], f.parts[i+1:]...)
		if p.inSession {
			f.session.forget(h)
		}
		delete(f.byKey, f.session.key(h))
		return
	}
}

// position reads where the log is. The caller holds h.mu.
func (h *hosted) position() position {
	return position{offset: h.core.EndOffset(), lastEpoch: h.log.LatestEpoch(), start: h.log.StartOffset()}
}

// ready tells whether there is a partition to fetch now, and else when there will be (zero: not before an assignment).
func (f *fetcher) ready(now time.Time) (ok bool, retryAt time.Time) {
	for _, p := range f.parts {
		switch {
		case p.fenced:
		case !p.retryAt.After(now):
			ok = true
		case retryAt.IsZero() || p.retryAt.Before(retryAt):
			retryAt = p.retryAt
		}
	}
	return ok, retryAt
}

func (f *fetcher) sleep(until time.Time) {
	var over <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
	case <-f.wakeup:
	case <-f.ctx.Done():
	}
}

// exchange sends a fetch if one is due and takes in one response.
func (f *fetcher) exchange(now time.Time) error {
	if f.conn == nil {
		if err := f.connect(); err != nil {
			return err
		}
	}
	if len(f.inFlight) == 0 {
		if err := f.askOffsets(); err != nil {
			return err
		}
	}
	if len(f.inFlight) == 0 || f.session.id != 0 && f.hasNews(now) && len(f.inFlight) < maxInFlight {
		if err := f.sendFetch(now); err != nil {
			return err
		}
	}
	if err := f.await(now); err != nil {
		return err
	}
	return f.receiveFetch()
}

// await waits for the first bytes of a response, but no longer than until something else is to be done.
func (f *fetcher) await(now time.Time) error {
	limit := now.Add(f.r.cfg.SocketTimeout + f.r.cfg.FetchWaitMax)
	deadline := limit
	if len(f.inFlight) < maxInFlight && f.session.id != 0 {
		if _, retryAt := f.ready(now); !retryAt.IsZero() && retryAt.Before(deadline) {
			deadline = retryAt
		}
	}
	f.mu.Lock()
	if len(f.changes) > 0 {
		f.mu.Unlock()
		return errInterrupted
	}
	f.awaiting = f.conn.Conn
	f.conn.SetReadDeadline(deadline)
	f.mu.Unlock()
	err := f.conn.ready()
	f.mu.Lock()
	f.awaiting = nil
	f.conn.SetReadDeadline(limit)
	f.mu.Unlock()
	if isTimeout(err) && f.ctx.Err() == nil && time.Now().Before(limit) {
		return errInterrupted
	}
	return err
}

func (f *fetcher) connect() error {
	endpoint, ok := f.r.cfg.Metadata.Snapshot().Endpoint(f.key.leader, f.r.cfg.Listener)
	if !ok {
		return fmt.Errorf("cannot find broker %d: it is not among the live brokers", f.key.leader)
	}
	ctx, cancel := context.WithTimeout(f.ctx, f.r.cfg.SocketTimeout)
	defer cancel()
	addr := net.JoinHostPort(endpoint.Host, strconv.Itoa(int(endpoint.Port)))
	conn, err := f.r.cfg.Dial(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("cannot connect to broker %d at %s: %w", f.key.leader, addr, err)
	}
	f.conn = newLeaderConn(conn, f.clientID)
	f.keepOpen = context.AfterFunc(f.ctx, func() { conn.Close() }) // a leader that hangs holds up nobody who stops this broker
	return nil
}

// disconnect drops the connection; the leader's session is of no use without it, as what it was last told is unknown.
func (f *fetcher) disconnect() {
	if f.conn != nil {
		f.keepOpen()
		f.conn.Close()
		f.conn = nil
	}
	f.inFlight = nil
	f.resetSession()
}

// receiveFetch takes in the response of the oldest fetch in flight.
func (f *fetcher) receiveFetch() error {
	resp := kmsg.NewPtrFetchResponse()
	resp.Version = f.session.version
	correlation := f.inFlight[0]
	if err := f.conn.receive(correlation, resp); err != nil {
		return err
	}
	f.inFlight = f.inFlight[1:]
	if err := kerr.TypedErrorForCode(resp.ErrorCode); err != nil {
		return f.refused(err)
	}
	f.session.answered(resp.SessionID)
	for i := range resp.Topics {
		t := &resp.Topics[i]
		for j := range t.Partitions {
			a := &t.Partitions[j]
			p := f.byKey[f.session.answerKey(t, a)]
			if p != nil && p.inSession && correlation >= p.since {
				f.take(p, a)
			}
		}
	}
	if resp.SessionID == 0 && f.session.id != 0 { // nothing was left in it
		f.resetSession()
	}
	return nil
}

// refused handles an error of a fetch as a whole. A lost session costs a full fetch, nothing more.
func (f *fetcher) refused(err *kerr.Error) error {
	switch err {
	case kerr.FetchSessionIDNotFound, kerr.InvalidFetchSessionEpoch, kerr.FetchSessionTopicIDError:
		if len(f.inFlight) > 0 { // its answer would be for the lost session too
			f.disconnect()
			return nil
		}
		f.resetSession()
		return nil
	default:
		return fmt.Errorf("cannot fetch from broker %d: %w", f.key.leader, err)
	}
}
