package cluster

import (
	"slices"
	"strings"
	"time"
)

// causeWindow is how long after a fault a fact can still be its consequence. It exceeds Kafka's default
// zookeeper.session.timeout.ms (18 s) and replica.lag.time.max.ms (30 s) together.
const causeWindow = time.Minute

// reorder bounds how far the facts of different sources come out of the order of their times. A later fault explains nothing.
const reorder = 20 * time.Millisecond

// bounceWindow is how long after a broker's registration the controller can still be dealing with its earlier fault: of a
// broker that came back at once it learns of both together.
const bounceWindow = time.Second

// linker finds the cause of each fact among those before it. What a broker suffered explains its session's end, the
// elections of new leaders for the partitions that it led, its leaving of ISRs, and what followed from these in a
// partition; what brought it back explains its registration, its truncations and its return to the ISR.
type linker struct {
	faults     map[int32]fault // last kill, stop, pause or failure of a broker's process
	returns    map[int32]mark  // last start or resume of a broker's process
	starts     map[int32]mark  // last start
	partitions map[partitionKey]*changes
	moves      map[partitionKey]*reassignment // the last one
	controller int32                          // the last one elected; -1 unknown
}

// mark is one fact as a cause. The zero mark is none.
type mark struct {
	seq  int64
	time time.Time
}

// fault is what a broker suffered, and when the cluster had it back.
type fault struct {
	mark
	over time.Time // zero: not yet
}

// reassignment is a change of a partition's replicas. It begins a leader epoch at its start, and one at its end.
type reassignment struct {
	mark             // its start
	adding, removing []int32
	told             time.Time // its newest fact
}

// adds is the reassignment as a cause, if it is what brought these brokers.
func (r reassignment) adds(brokers ...int32) mark {
	if len(missing(brokers, r.adding)) > 0 {
		return mark{}
	}
	return r.mark
}

// removes is the same for brokers that went.
func (r reassignment) removes(brokers ...int32) mark {
	if len(missing(brokers, r.removing)) > 0 {
		return mark{}
	}
	return r.mark
}

// partitionKey names a partition.
type partitionKey struct {
	topic     string
	partition int32
}

func newLinker() linker {
	return linker{
		faults: map[int32]fault{}, returns: map[int32]mark{}, starts: map[int32]mark{},
		partitions: map[partitionKey]*changes{}, moves: map[partitionKey]*reassignment{}, controller: -1,
	}
}

// link sets f.Cause and f.SinceCause, and remembers f as a possible cause.
func (l *linker) link(f *Fact) {
	m := mark{f.Seq, f.Time}
	switch f.Kind {
	case KindProcessKilled, KindProcessPaused, KindProcessFailed, KindProcessExited, KindProcessStopping, KindProcessStopped:
		l.suffer(f, m)
		return
	case KindProcessStarting, KindProcessResumed:
		l.undo(f, m)
		return
	}
	cause := l.causeOf(f)
	if f.Time.Sub(cause.time) > causeWindow {
		cause = mark{}
	}
	settle(f, cause)
	l.remember(f, cause)
}

// suffer: the fact is the origin, or the end of a stop, a kill or a failure before it.
func (l *linker) suffer(f *Fact, m mark) {
	earlier, known := l.faults[f.Broker]
	ends := f.Kind == KindProcessStopped || f.Kind == KindProcessExited
	if ends && known && earlier.seq > l.returns[f.Broker].seq && f.Time.Sub(earlier.time) <= causeWindow {
		settle(f, earlier.mark)
		return
	}
	f.Cause, f.SinceCause = 0, 0
	if f.Broker >= 0 {
		l.faults[f.Broker] = fault{mark: m}
	}
}

// undo: a broker's process runs again. Its fault goes on to explain what the others decide, until they have it back.
func (l *linker) undo(f *Fact, m mark) {
	f.Cause, f.SinceCause = 0, 0
	if f.Broker < 0 {
		return
	}
	l.returns[f.Broker] = m
	if f.Kind == KindProcessStarting {
		l.starts[f.Broker] = m
	}
}

func settle(f *Fact, cause mark) {
	if cause.seq == 0 {
		f.Cause, f.SinceCause = 0, NoCause
		return
	}
	f.Cause, f.SinceCause = cause.seq, max(0, f.Time.Sub(cause.time))
}

func (l *linker) causeOf(f *Fact) mark {
	switch f.Kind {
	case KindSessionExpired, KindSessionClosed:
		return l.faultOf(f, l.holder(f))
	case KindBrokerDown, KindControllerResigned:
		return l.faultOf(f, f.Broker)
	case KindProcessStarted, KindProcessReady, KindSessionOpened, KindBrokerUp:
		return l.returns[f.Broker]
	case KindControllerElected:
		return l.faultOf(f, l.controller)
	case KindLeaderElected, KindPartitionOffline:
		return l.electionCause(f)
	case KindReplicaLeader, KindFirstWrite:
		return l.leadershipCause(f)
	case KindReplicaTruncated:
		return later(l.returns[f.Broker], l.of(f).last())
	case KindISRShrunk:
		gone := missing(f.Ints("old"), f.Ints("new"))
		return newest(l.faultOf(f, gone...), l.moveOf(f).removes(gone...))
	case KindReassignEnded:
		return l.moveOf(f).mark
	case KindISRGrown:
		come := missing(f.Ints("new"), f.Ints("old"))
		back := l.moveOf(f).adds(come...)
		for _, b := range come {
			back = newest(back, l.returns[b])
		}
		return back
	}
	return mark{}
}

// holder is the broker that a session was of. One that came back at once has a new registration, but the old session
// still holds the controller's znode.
func (l *linker) holder(f *Fact) int32 {
	paths, _ := f.Fields["ephemerals"].([]any)
	if f.Broker < 0 && slices.ContainsFunc(paths, isControllerPath) {
		return l.controller
	}
	return f.Broker
}

func isControllerPath(path any) bool {
	text, _ := path.(string)
	return strings.HasSuffix(text, "/controller")
}

// electionCause: the old leader's fault; where there was no leader, the return of the broker that leads now. The return to
// the preferred leader follows from the cluster's own schedule.
func (l *linker) electionCause(f *Fact) mark {
	if reason := f.Text("reason"); reason == "new partition" || reason == "preferred leader" {
		return mark{}
	}
	if old, ok := f.Int("old"); ok && old >= 0 {
		return newest(l.faultOf(f, int32(old)), l.moveOf(f).removes(int32(old)))
	}
	if leader, ok := f.Int("new"); ok {
		return l.returns[int32(leader)]
	}
	return mark{}
}

// leadershipCause: what the change that began this leader epoch followed from. A broker that started since takes up the
// same epoch again. When the change has not been told of yet, the newest fault since the one before it is its cause.
func (l *linker) leadershipCause(f *Fact) mark {
	history := l.of(f)
	epoch, told := f.Int("epoch")
	if !told {
		epoch = history.epoch
	}
	c, found := history.begun(epoch)
	if r := l.moveOf(f); !found && r.told.After(history.changed()) {
		return r.mark
	}
	if !found {
		c = change{at: history.changed()}
	}
	cause := c.from
	if !c.certain {
		others := missing(history.members, []int32{f.Broker})
		if m := l.faultOf(f, others...); m.time.After(c.at) {
			cause = m
		}
	}
	again := found || len(history.list) == 0 || history.offline
	if m := l.starts[f.Broker]; again && m.time.After(c.at) {
		cause = newest(cause, m)
	}
	return cause
}

// moveOf is the last reassignment of f's partition; the zero one if none is known.
func (l *linker) moveOf(f *Fact) reassignment {
	if r := l.moves[partitionKey{f.Topic, f.Partition}]; r != nil {
		return *r
	}
	return reassignment{}
}

// faultOf returns the newest fault of these brokers that can explain f.
func (l *linker) faultOf(f *Fact, brokers ...int32) mark {
	var found mark
	for _, b := range brokers {
		x := l.faults[b]
		over := !x.over.IsZero() && f.Time.After(x.over.Add(bounceWindow))
		if !over && !x.time.After(f.Time.Add(reorder)) {
			found = newest(found, x.mark)
		}
	}
	return found
}

func (l *linker) remember(f *Fact, cause mark) {
	switch f.Kind {
	case KindLeaderElected, KindPartitionOffline, KindISRShrunk, KindISRGrown, KindReplicaLeader:
		tp := partitionKey{f.Topic, f.Partition}
		if l.partitions[tp] == nil {
			l.partitions[tp] = &changes{epoch: -1}
		}
		l.partitions[tp].add(f, cause)
	case KindReassignStarted:
		l.moves[partitionKey{f.Topic, f.Partition}] = &reassignment{mark{f.Seq, f.Time}, f.Ints("adding"), f.Ints("removing"), f.Time}
	case KindReassignEnded:
		if r := l.moves[partitionKey{f.Topic, f.Partition}]; r != nil {
			r.told = f.Time
		}
	case KindControllerElected:
		l.controller = f.Broker
	case KindBrokerUp:
		if x, ok := l.faults[f.Broker]; ok && x.over.IsZero() && x.time.Before(f.Time) {
			x.over = f.Time
			l.faults[f.Broker] = x
		}
	case KindClusterStarting: // its end before explains nothing of this life
		clear(l.faults)
		l.controller = -1
	case KindTopicDeleted:
		for known := range l.partitions {
			if known.topic == f.Topic {
				delete(l.partitions, known)
			}
		}
		for known := range l.moves {
			if known.topic == f.Topic {
				delete(l.moves, known)
			}
		}
	}
}

// of returns what is known of f's partition.
func (l *linker) of(f *Fact) *changes {
	if c := l.partitions[partitionKey{f.Topic, f.Partition}]; c != nil {
		return c
	}
	return &changes{epoch: -1}
}

// newest returns the mark that was made later.
func newest(a, b mark) mark {
	if b.seq > a.seq {
		return b
	}
	return a
}

// later returns m, or what c followed from when c came after m.
func later(m mark, c change) mark {
	if c.at.After(m.time) {
		return c.from
	}
	return m
}

// missing returns the elements of all that are not in some.
func missing(all, some []int32) []int32 {
	return slices.DeleteFunc(slices.Clone(all), func(b int32) bool { return slices.Contains(some, b) })
}
