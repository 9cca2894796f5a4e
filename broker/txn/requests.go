package txn

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage"
)

// InitProducerID answers a transactional InitProducerId request, waiting for the log and for a producer id if one is
// needed. r.Fresh is of no account. On success err is nil. Errors: INVALID_REQUEST, INVALID_TRANSACTION_TIMEOUT, those of
// Txn.Init, and those of a coordinator that is not (yet) the right one.
func (c *Coordinator) InitProducerID(ctx context.Context, id string, r Init) (producerID int64, epoch int16, err *kerr.Error) {
	switch {
	case id == "":
		return none, none, kerr.InvalidRequest
	case r.TimeoutMs <= 0 || time.Duration(r.TimeoutMs)*time.Millisecond > c.cfg.MaxTimeout:
		return none, none, kerr.InvalidTransactionTimeout
	}
	for r.Fresh = none; ; {
		reply, needsID, err := c.tryInit(ctx, id, r)
		if err != nil {
			return none, none, err
		}
		if !needsID {
			return reply.ProducerID, reply.ProducerEpoch, reply.Err
		}
		fresh, failed := c.cfg.ProducerIDs(ctx)
		if failed != nil {
			c.cfg.Log.Warn("cannot give out a producer id", "transactional id", id, "error", failed)
			return none, none, kerr.CoordinatorLoadInProgress
		}
		r.Fresh = fresh
	}
}

// tryInit asks the id; needsID if it cannot decide without a fresh producer id.
func (c *Coordinator) tryInit(ctx context.Context, id string, r Init) (reply Reply, needsID bool, _ *kerr.Error) {
	p, err := c.owner(id)
	if err != nil {
		return Reply{}, false, err
	}
	e, err := c.find(id)
	switch {
	case err != nil:
		return Reply{}, false, err
	case e == nil && r.Fresh == none:
		return Reply{}, true, nil
	case e == nil:
		e = p.add(id, func() *Txn { return New(id, r.Fresh, r.TimeoutMs, c.nowMs()) })
	}
	replied := make(chan Reply, 1)
	now := c.nowMs()
	c.do(e, func(t *Txn) Effects {
		effects := t.Init(func(r Reply) { replied <- r }, r, now)
		needsID = effects.NeedsID
		return effects
	})
	if needsID {
		return Reply{}, true, nil
	}
	select {
	case reply = <-replied:
		return reply, false, nil
	case <-ctx.Done():
		return Reply{}, false, kerr.CoordinatorNotAvailable
	}
}

// decide runs a request of a producer that must be known.
func (c *Coordinator) decide(id string, done func(*kerr.Error), do func(t *Txn, token any, nowMs int64) Effects) {
	if id == "" {
		done(kerr.InvalidRequest)
		return
	}
	e, err := c.find(id)
	if err == nil && e == nil {
		err = kerr.InvalidProducerIDMapping
	}
	if err != nil {
		done(err)
		return
	}
	token, now := func(r Reply) { done(r.Err) }, c.nowMs()
	c.do(e, func(t *Txn) Effects { return do(t, token, now) })
}

// AddPartitions adds partitions to the transaction of a producer, and calls done once, with nil when they are in it. done
// must not block.
func (c *Coordinator) AddPartitions(id string, producerID int64, epoch int16, partitions []storage.TopicPartition, done func(*kerr.Error)) {
	c.decide(id, done, func(t *Txn, token any, now int64) Effects { return t.Add(token, producerID, epoch, partitions, now) })
}

// End commits or aborts the transaction of a producer, and calls done once, with nil when the outcome is decided. done
// must not block.
func (c *Coordinator) End(id string, producerID int64, epoch int16, commit bool, done func(*kerr.Error)) {
	c.decide(id, done, func(t *Txn, token any, now int64) Effects { return t.End(token, producerID, epoch, commit, now) })
}

// Verify tells which of the partitions are not part of a producer's open transaction, or one error for all (KIP-890).
func (c *Coordinator) Verify(id string, producerID int64, epoch int16, partitions []storage.TopicPartition) (foreign []storage.TopicPartition, _ *kerr.Error) {
	if id == "" {
		return nil, kerr.InvalidRequest
	}
	e, err := c.find(id)
	switch {
	case err != nil:
		return nil, err
	case e == nil:
		return nil, kerr.InvalidProducerIDMapping
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.txn.Verify(producerID, epoch, partitions)
}

// Describe tells the state of a transactional id. Errors: INVALID_REQUEST, TRANSACTIONAL_ID_NOT_FOUND, those of a
// coordinator that is not (yet) the right one.
func (c *Coordinator) Describe(id string) (Metadata, *kerr.Error) {
	if id == "" && !c.isClosed() {
		return Metadata{}, kerr.InvalidRequest
	}
	e, err := c.find(id)
	switch {
	case err != nil:
		return Metadata{}, err
	case e == nil:
		return Metadata{}, kerr.TransactionalIDNotFound
	}
	m, dying := e.look()
	if dying {
		return Metadata{}, kerr.TransactionalIDNotFound
	}
	return m, nil
}

func (e *entry) look() (m Metadata, dying bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	m = e.txn.Current()
	m.Partitions = slices.Clone(m.Partitions)
	if e.txn.Marking() {
		m.Partitions = e.txn.Unmarked() // as in Kafka, those that have their marker are out
	}
	return m, e.txn.Dying()
}

// Filter chooses transactional ids; what is empty chooses all.
type Filter struct {
	States      []State
	ByState     bool // States counts, even if it is empty
	ProducerIDs []int64
	LongerMs    int64 // open for longer than this; -1: any
}

func (f *Filter) matches(m *Metadata, nowMs int64) bool {
	return (len(f.ProducerIDs) == 0 || slices.Contains(f.ProducerIDs, m.ProducerID)) &&
		(!f.ByState || slices.Contains(f.States, m.State)) &&
		(f.LongerMs < 0 || nowMs-m.StartedMs > f.LongerMs)
}

// Listed is one transactional id in a list.
type Listed struct {
	ID         string
	ProducerID int64
	State      State
}

// List lists the ids that are coordinated here, in no order. The error is COORDINATOR_LOAD_IN_PROGRESS while any partition
// is loaded.
func (c *Coordinator) List(f Filter) ([]Listed, *kerr.Error) {
	if c.isClosed() {
		return nil, kerr.CoordinatorNotAvailable
	}
	if c.loading() {
		return nil, kerr.CoordinatorLoadInProgress
	}
	var list []Listed
	now := c.nowMs()
	for _, e := range c.entries() {
		if m, dying := e.look(); !dying && f.matches(&m, now) {
			list = append(list, Listed{e.id, m.ProducerID, m.State})
		}
	}
	return list, nil
}

func (c *Coordinator) isClosed() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.closed
}

func (c *Coordinator) loading() bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, p := range c.partitions {
		p.mu.Lock()
		loaded := p.loaded
		p.mu.Unlock()
		if !loaded {
			return true
		}
	}
	return false
}
