package cluster

import (
	"slices"
	"time"
)

// causeWindow is how long after a fault a fact can still be its consequence. It exceeds Kafka's default
// zookeeper.session.timeout.ms (18 s) and replica.lag.time.max.ms (30 s) together.
const causeWindow = time.Minute

// linker finds the cause of each fact among those before it. What a broker suffered explains its session's end, the
// elections of new leaders for the partitions that it led, its leaving of ISRs, and the first writes after; what brought
// it back explains its registration, its truncations and its return to the ISR.
type linker struct {
	faults     map[int32]mark        // last kill, stop, pause or failure of a broker's process that was not undone
	returns    map[int32]mark        // last start or resume of a broker's process
	elections  map[partitionKey]mark // what the last election of a partition's leader followed from
	controller int32                 // the last one elected; -1 unknown
}

// mark is one fact as a cause.
type mark struct {
	seq  int64
	time time.Time
}

// partitionKey names a partition.
type partitionKey struct {
	topic     string
	partition int32
}

func newLinker() linker {
	return linker{
		faults: map[int32]mark{}, returns: map[int32]mark{}, elections: map[partitionKey]mark{}, controller: -1,
	}
}

// link sets f.Cause and f.SinceCause, and remembers f as a possible cause.
func (l *linker) link(f *Fact) {
	m := mark{f.Seq, f.Time}
	switch f.Kind {
	case KindProcessKilled, KindProcessPaused, KindProcessFailed, KindProcessExited, KindProcessStopping, KindProcessStopped:
		l.fault(f, m)
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

// fault: the fact is the origin, or the end of a stop that was asked for before.
func (l *linker) fault(f *Fact, m mark) {
	earlier, known := l.faults[f.Broker]
	ends := f.Kind == KindProcessStopped || f.Kind == KindProcessExited
	if ends && known && f.Time.Sub(earlier.time) <= causeWindow {
		settle(f, earlier)
		return
	}
	f.Cause, f.SinceCause = 0, 0
	if f.Broker >= 0 {
		l.faults[f.Broker] = m
	}
}

// undo: a broker's process runs again. A fault that ended by a start explains nothing that comes later; one that ended by
// a resume may, since what the others decided meanwhile is still on its way.
func (l *linker) undo(f *Fact, m mark) {
	f.Cause, f.SinceCause = 0, 0
	if f.Broker < 0 {
		return
	}
	l.returns[f.Broker] = m
	if f.Kind == KindProcessStarting {
		delete(l.faults, f.Broker)
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
	tp := partitionKey{f.Topic, f.Partition}
	switch f.Kind {
	case KindSessionExpired, KindSessionClosed, KindBrokerDown, KindControllerResigned:
		return l.faults[f.Broker]
	case KindProcessStarted, KindProcessReady, KindSessionOpened, KindBrokerUp, KindReplicaTruncated:
		return l.returns[f.Broker]
	case KindControllerElected:
		return l.faults[l.controller]
	case KindLeaderElected, KindPartitionOffline:
		return l.electionCause(f)
	case KindReplicaLeader, KindFirstWrite:
		return l.elections[tp]
	case KindISRShrunk:
		return latest(l.faults, missing(f.Ints("old"), f.Ints("new")))
	case KindISRGrown:
		return latest(l.returns, missing(f.Ints("new"), f.Ints("old")))
	}
	return mark{}
}

// electionCause: the old leader's fault; where there was no leader, the return of the broker that leads now.
func (l *linker) electionCause(f *Fact) mark {
	if f.Text("reason") == "new partition" {
		return mark{}
	}
	if old, ok := f.Int("old"); ok && old >= 0 {
		return l.faults[int32(old)]
	}
	if leader, ok := f.Int("new"); ok {
		return l.returns[int32(leader)]
	}
	return mark{}
}

func (l *linker) remember(f *Fact, cause mark) {
	tp := partitionKey{f.Topic, f.Partition}
	switch f.Kind {
	case KindLeaderElected, KindPartitionOffline:
		if cause.seq == 0 && f.Kind == KindLeaderElected {
			cause = mark{f.Seq, f.Time}
		}
		l.elections[tp] = cause
	case KindControllerElected:
		l.controller = f.Broker
	case KindTopicDeleted:
		for known := range l.elections {
			if known.topic == f.Topic {
				delete(l.elections, known)
			}
		}
	}
}

func latest(marks map[int32]mark, brokers []int32) mark {
	var found mark
	for _, b := range brokers {
		if m := marks[b]; m.seq > found.seq {
			found = m
		}
	}
	return found
}

// missing returns the elements of all that are not in some.
func missing(all, some []int32) []int32 {
	return slices.DeleteFunc(slices.Clone(all), func(b int32) bool { return slices.Contains(some, b) })
}
