package group

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage/batch"
)

// apply narrates what a group wants done.
func (s *stage) apply(out Effects) {
	for _, e := range out.Events {
		s.say("* %s", narrate(e))
	}
	for _, j := range out.Joins {
		s.say("%v <- %s", j.Token, describeJoin(j.Reply))
	}
	for _, y := range out.Syncs {
		s.say("%v <- %s %q", y.Token, code(y.Reply.Err), y.Reply.Assignment)
	}
	for _, c := range out.Commits {
		s.say("%v <- %s", c.Token, codes(c.Errors))
	}
	for _, a := range out.Appends {
		s.say("append %s", describeAppend(a))
		s.pending = append(s.pending, a)
	}
}

func narrate(e Event) string {
	switch e.Kind {
	case Rebalancing:
		return fmt.Sprintf("rebalancing generation %d: %s", e.Generation, e.Reason)
	case Rebalanced:
		return fmt.Sprintf("rebalanced to generation %d with %d members: %s", e.Generation, e.Members, e.Reason)
	default:
		return fmt.Sprintf("%s %s %s", e.MemberID, [...]string{"joined", "left", "expired"}[e.Kind], e.Reason)
	}
}

func describeJoin(r JoinReply) string {
	if r.Err != nil {
		return fmt.Sprintf("%s id=%q", code(r.Err), r.MemberID)
	}
	text := fmt.Sprintf("OK id=%s gen=%d %s/%s leader=%s", r.MemberID, r.Generation, *r.ProtocolType, *r.Protocol, r.Leader)
	if r.SkipAssignment {
		text += " skip"
	}
	for i, m := range r.Members {
		text += map[bool]string{true: " members=", false: ","}[i == 0] + m.MemberID
	}
	return text
}

func describeAppend(a *Append) string {
	var parts []string
	for _, r := range a.Records {
		k, err := readKey(r.Key)
		if err != nil {
			panic(err)
		}
		switch {
		case k.kind == groupKey && r.Value == nil:
			parts = append(parts, "group gone")
		case k.kind == groupKey:
			g, err := readGroup(k.group, &Limits{}, r.Value)
			if err != nil {
				panic(err)
			}
			text := fmt.Sprintf("group gen=%d leader=%s", g.generation, g.leader)
			for _, m := range g.members.all {
				text += fmt.Sprintf(" %s:%s", m.id, m.assignment)
			}
			parts = append(parts, text)
		case r.Value == nil:
			parts = append(parts, fmt.Sprintf("%s-%d gone", k.of.Topic, k.of.Partition))
		default:
			o, err := readOffset(r.Value)
			if err != nil {
				panic(err)
			}
			parts = append(parts, fmt.Sprintf("%s-%d=%d", k.of.Topic, k.of.Partition, o.At))
		}
	}
	slices.Sort(parts)
	text := strings.Join(parts, ", ")
	if a.ProducerID >= 0 {
		text += fmt.Sprintf(" in the transaction of %d", a.ProducerID)
	}
	return text
}

// load forgets the group and reads it back from what was committed.
func (s *stage) load() {
	l := newLoading(s.limits)
	for _, b := range s.log {
		if err := l.replay(b); err != nil {
			s.t.Fatal(err)
		}
	}
	g := l.result(s.now)["g"]
	if g == nil {
		s.say("no group")
		g = New("g", s.limits, s.now)
	}
	s.group, s.pending = g, nil
	s.apply(g.Loaded(s.now))
}

// ended writes a transaction's marker, and tells the group.
func (s *stage) ended(producer int64, commit bool) {
	m := batch.Marker{Type: batch.Abort}
	if commit {
		m.Type = batch.Commit
	}
	b := batch.BuildMarker(m, producer, 0, s.now.UnixMilli())
	b.SetBaseOffset(s.next)
	s.next++
	s.log = append(s.log, b)
	s.group.TransactionEnded(producer, commit)
}

func built(a *Append, base int64) batch.Batch {
	o := batch.NewOptions()
	o.BaseOffset = base
	if a.ProducerID != batch.None {
		o.Transactional, o.ProducerID, o.ProducerEpoch, o.BaseSequence = true, a.ProducerID, a.ProducerEpoch, 0
	}
	b, err := batch.Build(o, a.Records...)
	if err != nil {
		panic(err)
	}
	return b
}

func membership(named map[string]string) Membership {
	w := Membership{MemberID: named["id"], InstanceID: optional(named, "inst"), Generation: -1}
	if v, ok := named["gen"]; ok {
		w.Generation = int32(number(v))
	}
	return w
}

func optional(named map[string]string, name string) *string {
	v, ok := named[name]
	if !ok {
		return nil
	}
	return &v
}

func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func duration(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		panic(err)
	}
	return d
}

func partitions(names []string) (all []TopicPartition) {
	for _, n := range names {
		topic, p, _ := strings.Cut(n, "-")
		all = append(all, TopicPartition{topic, int32(number(p))})
	}
	return all
}

func mapKeys(m map[string]string) iter.Seq[string] { return maps.Keys(m) }

func code(err *kerr.Error) string {
	if err == nil {
		return "OK"
	}
	return err.Message
}

func codes(errs []*kerr.Error) string {
	var all []string
	for _, err := range errs {
		all = append(all, code(err))
	}
	return strings.Join(all, " ")
}

func kerrNamed(name string) *kerr.Error {
	for i := int16(1); i < 130; i++ {
		if err := kerr.TypedErrorForCode(i); err != nil && err.Message == name {
			return err
		}
	}
	panic("no error " + name)
}
