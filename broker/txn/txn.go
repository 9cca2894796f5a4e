package txn

import (
	"math"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage"
)

// Txn is one transactional id at its coordinator: a pure core, guarded by its owner. Make it with New or Loaded.
type Txn struct {
	id          string
	current     Metadata
	previousID  int64 // the producer id before the last rotation, -1 if none; not in the log
	lastEpoch   int16 // the epoch that the last bump replaced, -1 if it may not be repeated (KIP-360); not in the log
	pending     *pending
	fenceFailed bool   // the epoch was raised to fence a producer, and writing that failed
	cause       string // why the transaction that is ending ends
	unmarked    map[storage.TopicPartition]struct{}
}

// pending is a transition under way: until it is written the id is in its old state.
type pending struct {
	to         Metadata
	tombstone  bool // the id is being removed
	writing    bool // the record is handed to the log; a completion waits for its markers first
	previousID int64
	lastEpoch  int16
	token      any         // who is answered when it is written; nil: nobody
	answer     *kerr.Error // the answer then, nil for success
	fence      bool        // the epoch was raised for it
	cause      string
}

// Effects are what a decision asks for. The zero value asks for nothing.
type Effects struct {
	Reply   *Reply
	Write   *Record // hand the outcome to Written
	Again   bool    // Write was tried before: pause first
	Mark    *Mark   // hand what happened to Marked or GaveUp
	Forget  bool    // the id is gone
	NeedsID bool    // the same Init again, with a fresh producer id
	Events  []Event
}

// Reply answers a request.
type Reply struct {
	Token         any
	Err           *kerr.Error // nil for success
	ProducerID    int64       // of Init, else -1
	ProducerEpoch int16
}

// Record is what is to be written for the id.
type Record struct {
	Metadata
	Tombstone bool
}

// Mark asks for the markers of a transaction whose outcome is decided.
type Mark struct {
	ProducerID    int64
	ProducerEpoch int16
	Commit        bool
	Partitions    []storage.TopicPartition
}

// What an Event tells.
const (
	Began     = "began"
	Prepared  = "prepared"
	Committed = "committed"
	Aborted   = "aborted"
	Fenced    = "fenced" // a request of an older producer was refused
)

// Why a transaction ends.
const (
	ByClient   = "client"
	ByTimeout  = "timeout"   // transaction.timeout.ms went by
	ByFencing  = "fenced"    // another producer took the transactional id over
	ByRecovery = "recovered" // decided before this coordinator took over
)

// Event is something to tell the broker's owner.
type Event struct {
	Kind          string
	Cause         string // of Prepared, Committed and Aborted
	Commit        bool   // of Prepared
	ProducerID    int64
	ProducerEpoch int16
	Partitions    int   // in the transaction
	TookMs        int64 // since the transaction began; of Committed and Aborted
}

// New is a transactional id that nobody used before. Its first Init gives the producer id out.
func New(id string, producerID int64, timeoutMs int32, nowMs int64) *Txn {
	return Loaded(id, Metadata{ProducerID: producerID, ProducerEpoch: none, TimeoutMs: timeoutMs, UpdatedMs: nowMs, StartedMs: none})
}

// Loaded is a transactional id as its latest record says.
func Loaded(id string, m Metadata) *Txn {
	return &Txn{id: id, current: m, previousID: none, lastEpoch: none}
}

// Current is the state of the id: what the log says, but that an epoch is raised before that is written.
func (t *Txn) Current() Metadata { return t.current }

// Dying reports whether the id is about to be removed.
func (t *Txn) Dying() bool { return t.pending != nil && t.pending.tombstone }

func refuse(token any, err *kerr.Error) Effects {
	return Effects{Reply: &Reply{Token: token, Err: err, ProducerID: none, ProducerEpoch: none}}
}

func (t *Txn) fenced(token any) Effects {
	e := refuse(token, kerr.ProducerFenced)
	e.Events = []Event{t.event(Fenced)}
	return e
}

func (t *Txn) event(kind string) Event {
	return Event{Kind: kind, ProducerID: t.current.ProducerID, ProducerEpoch: t.current.ProducerEpoch, Partitions: len(t.current.Partitions)}
}

// begin starts a transition by having its record written.
func (t *Txn) begin(p pending) Effects {
	p.writing = true
	t.pending = &p
	return Effects{Write: &Record{Metadata: p.to, Tombstone: p.tombstone}}
}

// Written ends the transition whose record was to be written. err is the coordinator's error, nil if the record is
// committed.
func (t *Txn) Written(err *kerr.Error, nowMs int64) Effects {
	p := t.pending
	switch {
	case p == nil || !p.writing:
		return Effects{}
	case err == nil:
		return t.apply(p, nowMs)
	case t.current.State.preparing() && err == kerr.CoordinatorNotAvailable:
		return Effects{Write: &Record{Metadata: p.to}, Again: true}
	}
	t.pending = nil
	t.fenceFailed = t.fenceFailed || p.fence
	if p.token == nil {
		return Effects{}
	}
	return refuse(p.token, err)
}

// apply makes a transition true.
func (t *Txn) apply(p *pending, nowMs int64) Effects {
	if p.tombstone {
		return Effects{Forget: true} // the transition stays: who has found the id before it is gone is told to try again
	}
	t.pending = nil
	was := t.current
	t.current, t.previousID, t.lastEpoch = p.to, p.previousID, p.lastEpoch
	e := Effects{}
	switch {
	case p.token == nil:
	case p.answer != nil:
		e = refuse(p.token, p.answer)
	default:
		e.Reply = &Reply{Token: p.token, ProducerID: p.to.ProducerID, ProducerEpoch: p.to.ProducerEpoch}
	}
	switch p.to.State {
	case Ongoing:
		if was.State != Ongoing {
			e.Events = []Event{t.event(Began)}
		}
	case PrepareCommit, PrepareAbort:
		t.cause = p.cause
		told := t.event(Prepared)
		told.Cause, told.Commit = p.cause, p.to.State == PrepareCommit
		complete := t.complete(nowMs)
		complete.Reply, complete.Events = e.Reply, []Event{told}
		return complete
	case CompleteCommit, CompleteAbort:
		e.Events = []Event{t.ended(len(was.Partitions), nowMs)}
	}
	return e
}

func (t *Txn) ended(partitions int, nowMs int64) Event {
	told := t.event(Aborted)
	if t.current.State == CompleteCommit {
		told.Kind = Committed
	}
	told.Cause, told.Partitions, told.TookMs = t.cause, partitions, nowMs-t.current.StartedMs
	return told
}

// bumped is the epoch that fences the current one.
func (t *Txn) bumped() int16 {
	if t.fenceFailed || t.current.ProducerEpoch == math.MaxInt16 {
		return t.current.ProducerEpoch // never given out: raised already
	}
	return t.current.ProducerEpoch + 1
}
