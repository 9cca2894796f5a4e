package server

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"klab/coordinator/server/jute"
	"klab/coordinator/server/tree"
	"klab/coordinator/server/txnlog"
)

const (
	// maxBatch is how many tasks, and batchBytes how much log and how many answers, go into one commit.
	maxBatch   = 1000
	batchBytes = 4 << 20
)

// A task is one thing for the processor to do.
type task struct {
	conn   *conn // nil for the server's own
	action action
}

// An action runs in the processor's goroutine.
type action interface {
	run(p *processor, c *conn)
}

// A processor is the single goroutine that owns all state (see the package comment). Only submit, since, clock, refuse and
// the immutable fields may be used from outside of it.
type processor struct {
	cfg     Config
	log     *slog.Logger
	clock   func() time.Time
	observe func(Fact)
	start   time.Time
	tasks   chan task
	done    chan struct{} // closed when nothing more is taken

	tree      *tree.Tree
	store     *txnlog.Store
	sessions  *sessionTable
	watches   *tree.Watches[*conn]
	conns     map[*conn]struct{} // past the handshake
	stats     serverStats
	expiry    alarm
	reaping   alarm
	snapshots sync.WaitGroup // at most one is being written
	snapping  chan struct{}  // holds a token meanwhile
	refusals  throttle

	// What the batch leaves behind for commit.
	touched []*conn
	answers int // bytes added to what is pending for connections
	facts   []Fact
	served  []servedRequest
	body    []byte // scratch for answers
}

func newProcessor(cfg Config, opt Options, t *tree.Tree, store *txnlog.Store, secret []byte) *processor {
	p := &processor{
		cfg: cfg, log: opt.Log, clock: opt.Clock, observe: opt.Observe, start: opt.Clock(),
		tasks: make(chan task, cfg.GlobalOutstandingLimit), done: make(chan struct{}),
		tree: t, store: store, watches: tree.NewWatches[*conn](), conns: map[*conn]struct{}{},
		snapping: make(chan struct{}, 1),
	}
	p.sessions = newSessionTable(secret, t.LastSession(), p.start)
	return p
}

// submit hands a task over, waiting while the queue is full. It reports false when the server is ending.
func (p *processor) submit(t task) bool {
	select {
	case p.tasks <- t:
		return true
	case <-p.done:
		return false
	}
}

// since converts a time to the time since the server's start.
func (p *processor) since(t time.Time) time.Duration { return t.Sub(p.start) }

func (p *processor) now() time.Duration { return p.since(p.clock()) }

// run takes tasks until stop is closed, then does those that are waiting, and returns. A failure of the log ends it at
// once. The caller must call close.
func (p *processor) run(stop <-chan struct{}) error {
	defer p.shut()
	p.begin()
	for stopping := false; !stopping; {
		if err := p.commit(); err != nil {
			return err
		}
		select {
		case t := <-p.tasks:
			t.action.run(p, t.conn)
		case <-stop:
			stopping = true
		}
		p.runWaiting()
	}
	return p.commit()
}

// begin brings the recovered state to life: every session has its full timeout from now.
func (p *processor) begin() {
	now := p.now()
	for id, timeout := range p.tree.Sessions() {
		p.sessions.add(id, time.Duration(timeout)*time.Millisecond, now)
	}
	if p.store.Fresh() {
		p.snapshot()
	}
	for _, id := range p.tree.Orphans() {
		p.logSessionEnd(id)
	}
}

// runWaiting does what else is in the queue, up to the size of a batch.
func (p *processor) runWaiting() {
	for range maxBatch {
		if p.store.Pending() > batchBytes || p.answers > batchBytes {
			return
		}
		select {
		case t := <-p.tasks:
			t.action.run(p, t.conn)
		default:
			return
		}
	}
}

// commit makes the batch durable, then lets its answers, events and facts go, and sets the timers.
func (p *processor) commit() error {
	if err := p.store.Commit(); err != nil {
		p.log.Error("the transaction log failed; the server ends", "err", err)
		return err
	}
	p.recordLatency()
	for _, c := range p.touched {
		p.release(c)
	}
	for _, f := range p.facts {
		p.observe(f)
	}
	clear(p.touched)
	clear(p.facts)
	p.touched, p.facts, p.answers = p.touched[:0], p.facts[:0], 0
	p.setAlarms()
	if txns, bytes := p.store.SinceSnapshot(); txns >= p.cfg.SnapCount || bytes >= p.cfg.SnapSizeLimit {
		p.snapshot()
	}
	return nil
}

// release moves what waits for a connection into its outbox.
func (p *processor) release(c *conn) {
	c.touched = false
	if len(c.pending) > 0 && !c.out.put(c.pending) {
		c.ending = true
	}
	if c.pending = c.pending[:0]; cap(c.pending) > 64<<10 {
		c.pending = nil
	}
	if c.ending {
		c.out.close()
	}
}

// shut refuses tasks from now on and stops the timers.
func (p *processor) shut() {
	close(p.done)
	p.expiry.stop()
	p.reaping.stop()
}

// close writes a last snapshot, so that the next start is quick and another ZooKeeper can take over, and closes the
// store. If the log failed it only closes.
func (p *processor) close() error {
	p.snapshots.Wait()
	var err error
	if txns, _ := p.store.SinceSnapshot(); txns > 0 && p.store.Commit() == nil {
		im := p.tree.Image()
		err = p.store.Roll()
		if err == nil {
			err = p.store.WriteSnapshot(im)
		}
	}
	return errors.Join(err, p.store.Close())
}

// snapshot begins to write one, unless one is being written.
func (p *processor) snapshot() {
	select {
	case p.snapping <- struct{}{}:
	default:
		return
	}
	im := p.tree.Image()
	if err := p.store.Roll(); err != nil {
		return // the next commit reports it
	}
	p.snapshots.Go(func() {
		defer func() { <-p.snapping }()
		if err := p.store.WriteSnapshot(im); err != nil {
			p.log.Error("a snapshot failed; the log keeps growing until one succeeds", "err", err)
		}
	})
}

// refuse logs why a client is turned away. Any goroutine may call it.
func (p *processor) refuse(host, reason string, args ...any) {
	if p.refusals.allow(host, p.clock()) {
		p.log.Warn(reason, args...)
	}
}

// touch lists a connection for the next commit.
func (p *processor) touch(c *conn) {
	if !c.touched {
		c.touched = true
		p.touched = append(p.touched, c)
	}
}

// end closes a connection at the next commit, after what is pending for it.
func (p *processor) end(c *conn) {
	c.ending = true
	p.touch(c)
}

// stamp returns the zxid and time for a write.
func (p *processor) stamp() tree.Stamp {
	return tree.Stamp{Zxid: p.tree.LastZxid() + 1, Time: p.clock().UnixMilli()}
}

// write applies operations of a client, logs them and sends the watch events they cause.
func (p *processor) write(c *conn, cxid int32, ops ...tree.Op) tree.Outcome {
	at := p.stamp()
	owner := c.session.Load().id
	out := p.tree.Write(at, tree.Caller{Session: owner, Identities: c.identities}, ops...)
	if len(out.Changes) > 0 {
		p.store.Append(tree.Txn{Stamp: at, Session: owner, Cxid: cxid, Changes: out.Changes})
		p.fire(out.Events)
	}
	return out
}

// fire sends events to those who watch and may read the node.
func (p *processor) fire(events []tree.Event) {
	for _, e := range events {
		for _, c := range p.watches.Fire(e) {
			if p.tree.MayRead(e.ACL, c.identities) {
				p.notify(c, e.Type, e.Path)
			}
		}
	}
}

// notify queues a WatcherEvent in state SyncConnected.
func (p *processor) notify(c *conn, kind tree.EventType, path string) {
	start := len(c.pending)
	b := appendReplyHeader(c.pending, xidNotification, -1, tree.OK)
	b = jute.AppendInt(b, int32(kind))
	b = jute.AppendInt(b, 3)
	c.pending = jute.AppendUString(b, path)
	c.stats.sent++
	p.finish(c, start)
}

// finish ends the frame that begins at start of what is pending for a connection, and lists it for the next commit.
func (p *processor) finish(c *conn, start int) {
	finishFrame(c.pending, start)
	p.answers += len(c.pending) - start
	p.stats.sent++
	p.touch(c)
}

// appendReplyHeader begins a frame: room for its length, then the header.
func appendReplyHeader(b []byte, xid int32, zxid int64, code tree.Code) []byte {
	b = jute.AppendInt(b, 0)
	b = jute.AppendInt(b, xid)
	b = jute.AppendLong(b, zxid)
	return jute.AppendInt(b, int32(code))
}
