package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage"
	"klab/broker/storage/batch"
)

// Effects are what a group wants done, in each list in this order.
type Effects struct {
	Joins   []JoinAnswer
	Syncs   []SyncAnswer
	Commits []CommitAnswer
	Appends []*Append
	Events  []Event
}

// JoinAnswer is a reply to the join that waits under a token.
type JoinAnswer struct {
	Token Token
	Reply JoinReply
}

// SyncAnswer is a reply to the sync that waits under a token.
type SyncAnswer struct {
	Token Token
	Reply SyncReply
}

// CommitAnswer is a reply to the commit that waits under a token: an error, or nil, for each of its offsets.
type CommitAnswer struct {
	Token  Token
	Errors []*kerr.Error
}

// Append is records that belong into one batch. Its outcome must be told with Group.Appended.
type Append struct {
	Records       []batch.Record
	ProducerID    int64 // of a transactional batch, else batch.None
	ProducerEpoch int16
	Guard         storage.Guard
	Local         bool // see internaltopic.Write
	done          func(now time.Time, base int64, err *kerr.Error)
}

// EventKind is what happened to a group.
type EventKind uint8

const (
	MemberJoined EventKind = iota
	MemberLeft
	MemberExpired
	Rebalancing
	Rebalanced // the new generation has its assignment, or is empty
)

// Event is something that happened, for whoever watches.
type Event struct {
	Kind       EventKind
	Generation int32
	MemberID   string // of the member events
	InstanceID *string
	ClientID   string
	Host       string
	Members    int // of Rebalanced
	Reason     string
}

func (g *Group) append(records []batch.Record, done func(now time.Time, base int64, err *kerr.Error)) *Append {
	a := &Append{Records: records, ProducerID: batch.None, ProducerEpoch: batch.None, done: done}
	g.out.Appends = append(g.out.Appends, a)
	return a
}

// Appended tells that an append is committed, and the offset of its batch, or why it is not.
func (g *Group) Appended(now time.Time, a *Append, base int64, err *kerr.Error) Effects {
	if a.done != nil {
		a.done(now, base, err)
	}
	return g.settle(now)
}

func (g *Group) tell(e Event) {
	e.Generation = g.generation
	g.out.Events = append(g.out.Events, e)
}

func (g *Group) tellOf(kind EventKind, m *member, reason string) {
	g.tell(Event{Kind: kind, MemberID: m.id, InstanceID: m.instance, ClientID: m.clientID, Host: m.host, Reason: reason})
}

// settle does what is due by now and hands over what was collected.
func (g *Group) settle(now time.Time) Effects {
	g.expire(now)
	out := g.out
	g.out = Effects{}
	return out
}
