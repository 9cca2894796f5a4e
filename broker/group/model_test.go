package group

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"

	"klab/broker/storage/batch"
)

// world is a group, its clients and its log, in which anything happens in any order.
type world struct {
	t        *rapid.T
	limits   Limits
	now      time.Time
	group    *Group
	appends  []*Append
	log      []batch.Batch
	next     int64
	made     int
	clients  map[string]*client          // by member id, as they believe
	waiting  map[Token]*client           // who waits for a reply
	owners   map[int32]map[string]string // by generation: who was given what
	acked    map[TopicPartition]int64    // the last commit that was acknowledged
	writes   map[Token]*Commit
	requests int
}

// client is a member as it sees itself.
type client struct {
	instance   *string
	id         string
	generation int32
	leads      []JoinedMember
}

func (c *client) owner() string {
	if c.instance != nil {
		return *c.instance
	}
	return c.id
}

func newWorld(t *rapid.T) *world {
	w := &world{
		t: t, now: time.UnixMilli(1_700_000_000_000), clients: map[string]*client{}, waiting: map[Token]*client{},
		owners: map[int32]map[string]string{}, acked: map[TopicPartition]int64{}, writes: map[Token]*Commit{},
		limits: Limits{MaxSession: time.Hour, InitialDelay: rapid.SampledFrom([]time.Duration{0, time.Second}).Draw(t, "delay"), MaxSize: 5, MetadataMax: 10, Retention: time.Hour},
	}
	w.group = New("g", &w.limits, w.now)
	return w
}

func (w *world) token() Token {
	w.requests++
	return fmt.Sprint("request", w.requests)
}

// someone is a client that has an id, or nil.
func (w *world) someone() *client {
	ids := sortedKeys(w.clients)
	if len(ids) == 0 {
		return nil
	}
	return w.clients[rapid.SampledFrom(ids).Draw(w.t, "who")]
}

func (w *world) join(c *client) {
	w.made++
	req := &Join{
		MemberID: c.id, InstanceID: c.instance, ClientID: "c", Session: 5 * time.Second, Rebalance: 4 * time.Second, ProtocolType: "consumer",
		NeedsKnownID: rapid.Bool().Draw(w.t, "known") && c.instance == nil, CanSkip: rapid.Bool().Draw(w.t, "skip"), UniqueMemberPart: fmt.Sprint(w.made),
		Protocols: []Protocol{{"range", []byte{byte(rapid.IntRange(0, 1).Draw(w.t, "metadata"))}}},
	}
	token := w.token()
	w.waiting[token] = c
	w.apply(w.group.Join(w.now, req, token))
}

func (w *world) sync(c *client) {
	req := &Sync{Membership: Membership{c.id, c.instance, c.generation}, Assignments: map[string][]byte{}}
	for i, m := range c.leads {
		req.Assignments[m.MemberID] = fmt.Append(nil, "part", i)
	}
	token := w.token()
	w.waiting[token] = c
	w.apply(w.group.Sync(w.now, req, token))
}

func (w *world) commit(c *client, producer int64) {
	tp := TopicPartition{"t", int32(rapid.IntRange(0, 2).Draw(w.t, "partition"))}
	req := &Commit{Membership: Membership{c.id, c.instance, c.generation}, ProducerID: -1, ProducerEpoch: -1}
	if producer >= 0 {
		req.Transactional, req.ProducerID, req.ProducerEpoch = true, producer, 0
	}
	at := rapid.Int64Range(0, 1000).Draw(w.t, "offset")
	req.Offsets = []CommittedOffset{{tp, Offset{At: at, LeaderEpoch: -1, Committed: w.now.UnixMilli(), Expires: -1}}}
	token := w.token()
	w.writes[token] = req
	w.apply(w.group.Commit(w.now, req, token))
}

// written lets the oldest append succeed, or fail.
func (w *world) written(err *kerr.Error) {
	if len(w.appends) == 0 {
		return
	}
	a := w.appends[0]
	w.appends = w.appends[1:]
	base := int64(-1)
	if err == nil {
		base = w.next
		w.next += int64(len(a.Records))
		w.log = append(w.log, built(a, base))
	}
	w.apply(w.group.Appended(w.now, a, base, err))
}

// move ends the group here, and loads it elsewhere.
func (w *world) move() {
	w.appends = nil // what is under way is fenced
	w.apply(w.group.Unload(w.now))
	if len(w.waiting) > 0 {
		w.t.Fatalf("nobody answers %v", w.waiting)
	}
	clear(w.writes)
	l := newLoading(&w.limits)
	for _, b := range w.log {
		if err := l.replay(b); err != nil {
			w.t.Fatal(err)
		}
	}
	if w.group = l.result(w.now)["g"]; w.group == nil {
		w.group = New("g", &w.limits, w.now)
	}
	w.apply(w.group.Loaded(w.now))
}

func (w *world) apply(out Effects) {
	for _, j := range out.Joins {
		w.joined(w.answered(j.Token), j.Reply)
	}
	for _, s := range out.Syncs {
		c := w.answered(s.Token)
		if s.Reply.Err == nil {
			w.own(c, string(s.Reply.Assignment))
		}
	}
	for _, c := range out.Commits {
		req := w.writes[c.Token]
		if req == nil {
			w.t.Fatalf("%v is answered twice", c.Token)
		}
		delete(w.writes, c.Token)
		if c.Errors[0] == nil && !req.Transactional {
			w.acked[req.Offsets[0].TopicPartition] = req.Offsets[0].At
		}
	}
	w.appends = append(w.appends, out.Appends...)
}

func (w *world) answered(token Token) *client {
	c := w.waiting[token]
	if c == nil {
		w.t.Fatalf("%v is answered twice", token)
	}
	delete(w.waiting, token)
	return c
}

func (w *world) joined(c *client, r JoinReply) {
	switch {
	case r.Err == nil || r.Err == kerr.MemberIDRequired:
		if r.MemberID == "" {
			w.t.Fatal("a member has no id")
		}
		delete(w.clients, c.id)
		c.id, c.generation, c.leads = r.MemberID, r.Generation, nil
		if r.Leader == r.MemberID && !r.SkipAssignment {
			c.leads = r.Members
		}
		w.clients[c.id] = c
	case r.Err == kerr.UnknownMemberID || r.Err == kerr.FencedInstanceID:
		delete(w.clients, c.id)
	}
}

// own notes what a member was given: nobody else may be given it in the same generation.
func (w *world) own(c *client, part string) {
	if part == "" {
		return
	}
	given := w.owners[c.generation]
	if given == nil {
		given = map[string]string{}
		w.owners[c.generation] = given
	}
	if other, ok := given[part]; ok && other != c.owner() {
		w.t.Fatalf("%s of generation %d belongs to %s and %s", part, c.generation, other, c.owner())
	}
	given[part] = c.owner()
}

// check holds at any time.
func (w *world) check() {
	g := w.group
	waiting := 0
	for _, m := range g.members.all {
		if m.join != nil {
			waiting++
		}
		if g.members.get(m.id) != m {
			w.t.Fatalf("member %s is not found", m.id)
		}
	}
	switch {
	case waiting != g.members.waiting || len(g.members.byID) != len(g.members.all):
		w.t.Fatalf("%d wait, %d are counted", waiting, g.members.waiting)
	case (g.leader == "") != (g.members.size() == 0) || g.leader != "" && g.members.get(g.leader) == nil:
		w.t.Fatalf("leader %q of %d members", g.leader, g.members.size())
	case g.state == Empty && g.members.size() > 0, g.state == Stable && (g.protocol == nil || g.members.size() == 0):
		w.t.Fatalf("%v with %d members", g.state, g.members.size())
	}
	for tp, at := range w.acked {
		if len(w.writes) > 0 {
			break // who is about to change it may have been first
		}
		if got := g.Fetch([]TopicPartition{tp}, false)[0]; got.At != at {
			w.t.Fatalf("%v is %d, and %d was acknowledged", tp, got.At, at)
		}
	}
}

func TestAnythingInAnyOrder(t *testing.T) {
	for range 20 { // a hundred histories each, which take milliseconds
		rapid.Check(t, anything)
	}
}

func anything(t *rapid.T) {
	w := newWorld(t)
	one, two := "one", "two"
	act := func(f func(c *client)) func(*rapid.T) {
		return func(t *rapid.T) {
			w.t = t
			if c := w.someone(); c != nil {
				f(c)
			}
		}
	}
	t.Repeat(map[string]func(*rapid.T){
		"":    func(t *rapid.T) { w.t = t; w.check() },
		"new": func(t *rapid.T) { w.t = t; w.join(&client{}) },
		"static": func(t *rapid.T) {
			w.t = t
			w.join(&client{instance: rapid.SampledFrom([]*string{&one, &two}).Draw(t, "instance")})
		},
		"rejoin": act(w.join),
		"sync":   act(w.sync),
		"sync2":  act(w.sync),
		"commit": act(func(c *client) { w.commit(c, -1) }),
		"tx":     act(func(c *client) { w.commit(c, 7) }),
		"beat": act(func(c *client) {
			_, out := w.group.Heartbeat(w.now, Membership{c.id, c.instance, c.generation})
			w.apply(out)
		}),
		"leave": act(func(c *client) {
			_, _, out := w.group.Leave(w.now, []Leaving{{MemberID: c.id, InstanceID: c.instance}})
			w.apply(out)
		}),
		"written":  func(t *rapid.T) { w.t = t; w.written(nil) },
		"written2": func(t *rapid.T) { w.t = t; w.written(nil) },
		"failed":   func(t *rapid.T) { w.t = t; w.written(kerr.NotEnoughReplicas) },
		"aborted":  func(t *rapid.T) { w.t = t; w.end(7) },
		"time": func(t *rapid.T) {
			w.t = t
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 6000).Draw(t, "ms")) * time.Millisecond)
			w.apply(w.group.Tick(w.now))
		},
		"move": func(t *rapid.T) { w.t = t; w.move() },
	})
	w.move()
	w.check()
}

// end aborts a transaction, so that its offsets never count.
func (w *world) end(producer int64) {
	for len(w.appends) > 0 {
		w.written(nil)
	}
	b := batch.BuildMarker(batch.Marker{Type: batch.Abort}, producer, 0, w.now.UnixMilli())
	b.SetBaseOffset(w.next)
	w.next++
	w.log = append(w.log, b)
	w.group.TransactionEnded(producer, false)
}

func sortedKeys(m map[string]*client) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
