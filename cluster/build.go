package cluster

import (
	"fmt"
	"slices"
	"time"

	"klab/launcher/lifecycle"
)

// build makes the next snapshot. Topics about which nothing new was read are shared with the one before.
func (m *model) build(now time.Time) *Snapshot {
	m.seq++
	s := &Snapshot{
		Seq: m.seq, At: m.meta.at, Name: m.name, ClusterID: m.meta.clusterID, Controller: m.meta.controller, KRaft: m.meta.kraft,
		Err: m.err, Launched: m.launched, ZooKeeper: m.host.zookeeper,
	}
	if s.Err == nil && m.hostErr != nil {
		s.Err = fmt.Errorf("the launcher does not answer: %w", m.hostErr)
	}
	for _, name := range sortedKeys(m.topics) {
		s.Topics = append(s.Topics, m.topics[name].build())
	}
	s.Groups, s.GroupsAt, s.GroupsErr = m.groups.build(), m.groups.at(), m.groups.err
	s.Reassignments, s.ReassignmentsAt = m.buildMoves(), m.moves.at
	s.Brokers = m.buildBrokers(s, now)
	s.Health = judge(s, now)
	return s
}

func (t *topicModel) build() Topic {
	if !t.dirty {
		return t.built
	}
	t.dirty = false
	b := Topic{Name: t.meta.name, ID: t.meta.id, Internal: t.meta.internal, Partitions: make([]Partition, 0, len(t.meta.partitions))}
	for _, p := range t.meta.partitions {
		part := t.partitions[p.id].build(t.minISR)
		b.Partitions = append(b.Partitions, part)
		b.Bytes = addSizes(b.Bytes, part.Logs)
		b.BytesAt = oldest(b.BytesAt, part.Logs)
	}
	slices.SortFunc(b.Partitions, func(a, b Partition) int { return int(a.ID) - int(b.ID) })
	t.built = b
	return b
}

func addSizes(sum int64, logs []ReplicaLog) int64 {
	for _, l := range logs {
		if l.Bytes < 0 || sum < 0 {
			return Unknown
		}
		sum += l.Bytes
	}
	return sum
}

// oldest is the earliest time at which a log's size was read.
func oldest(at time.Time, logs []ReplicaLog) time.Time {
	for _, l := range logs {
		if !l.BytesAt.IsZero() && (at.IsZero() || l.BytesAt.Before(at)) {
			at = l.BytesAt
		}
	}
	return at
}

func (p *partitionModel) build(minISR int) Partition {
	b := Partition{
		ID: p.meta.id, Leader: p.meta.leader, Epoch: p.meta.epoch, Replicas: p.meta.replicas, ISR: p.meta.isr, Offline: p.meta.offline, Adding: p.adding(),
		LogStart: p.logStart, LogStartAt: p.startAt, HighWatermark: p.high, MinISR: minISR, At: p.at, Logs: make([]ReplicaLog, 0, len(p.meta.replicas)),
	}
	leaderEnd := int64(Unknown)
	if l, ok := p.logs[p.meta.leader]; ok {
		leaderEnd = l.end
	}
	for _, id := range p.meta.replicas {
		b.Logs = append(b.Logs, p.buildLog(id, leaderEnd))
	}
	return b
}

// adding are the replicas that a reassignment adds, if it is one of the replicas that the metadata names.
func (p *partitionModel) adding() []int32 {
	if len(missing(p.move.Replicas, p.meta.replicas)) > 0 || len(missing(p.meta.replicas, p.move.Replicas)) > 0 {
		return nil // it ended, or has just begun
	}
	return p.move.Adding
}

func (p *partitionModel) buildLog(broker int32, leaderEnd int64) ReplicaLog {
	l, ok := p.logs[broker]
	if !ok {
		return ReplicaLog{Broker: broker, EndOffset: Unknown, Bytes: Unknown, Lag: Unknown}
	}
	b := ReplicaLog{Broker: broker, EndOffset: l.end, Bytes: l.bytes, Lag: Unknown, BytesAt: l.bytesAt, CaughtUp: l.caughtUp, At: l.at}
	if l.end >= 0 && leaderEnd >= 0 {
		b.Lag = max(0, leaderEnd-l.end)
	}
	return b
}

// buildBrokers makes the list of all brokers: registered, run by the launcher, or named in an assignment.
func (m *model) buildBrokers(s *Snapshot, now time.Time) []Broker {
	counts := map[int32]*Broker{}
	count := func(id int32) *Broker {
		b, ok := counts[id]
		if !ok {
			b = &Broker{ID: id}
			counts[id] = b
		}
		return b
	}
	for _, t := range s.Topics {
		for _, p := range t.Partitions {
			tally(p, count)
		}
	}
	for _, h := range m.host.brokers {
		count(h.id)
	}
	for id := range m.brokers {
		count(id)
	}
	brokers := make([]Broker, 0, len(counts))
	for _, id := range sortedKeys(counts) {
		b := *counts[id]
		m.describe(&b, now, s.Age(now))
		b.Controller = s.Controller == id
		if b.Controller && m.launched && !b.State.Alive() && b.State != BrokerPaused {
			b.Controller, s.Controller = false, -1 // its process is gone, whatever the metadata still says
		}
		brokers = append(brokers, b)
	}
	return brokers
}

func tally(p Partition, count func(int32) *Broker) {
	for _, id := range p.Replicas {
		count(id).Replicas++
	}
	for _, id := range p.ISR {
		count(id).InSync++
	}
	if p.Leader >= 0 {
		count(p.Leader).Leads++
	}
}

// describe fills in what is known of a broker beside its counts.
func (m *model) describe(b *Broker, now time.Time, age time.Duration) {
	known := m.broker(b.ID)
	b.Host, b.Port, b.Rack = known.meta.host, known.meta.port, known.meta.rack
	b.LogBytes, b.RSS = Unknown, Unknown
	if b.LogBytesAt = m.dirAt[b.ID]; !b.LogBytesAt.IsZero() {
		b.LogBytes = m.logBytes[b.ID]
	}
	fresh := age >= 0 && (age <= freshFor || m.err == nil)
	state, since := stateOf(known.registered, fresh), time.Time{}
	if h, ok := m.process(b.ID); ok {
		b.PID, b.RSS = h.pid, h.rss
		if b.Host == "" {
			b.Host, b.Port = h.host, h.port
		}
		if h.state.Alive() {
			b.Started = h.started
		}
		if state = processState(h.state, state); state != BrokerStarting || h.state == lifecycle.Starting {
			since = h.since
		}
	}
	b.State, b.Since = known.enter(state, since, now)
}

// process is the launcher's view of a broker's process, as long as the launcher answers.
func (m *model) process(id int32) (hostBroker, bool) {
	i := slices.IndexFunc(m.host.brokers, func(h hostBroker) bool { return h.id == id })
	if i < 0 || m.hostErr != nil {
		return hostBroker{}, false
	}
	return m.host.brokers[i], true
}

// stateOf judges a broker by its registration alone.
func stateOf(registered, fresh bool) BrokerState {
	switch {
	case !fresh:
		return BrokerUnknown
	case registered:
		return BrokerUp
	}
	return BrokerDown
}

// processState judges a broker by its process, and one that runs by its registration as well.
func processState(process lifecycle.State, registered BrokerState) BrokerState {
	switch process {
	case lifecycle.Running:
		if registered == BrokerDown {
			return BrokerStarting
		}
		return BrokerUp
	case lifecycle.Starting:
		return BrokerStarting
	case lifecycle.Stopping:
		return BrokerStopping
	case lifecycle.Paused:
		return BrokerPaused
	case lifecycle.Killed:
		return BrokerKilled
	}
	return BrokerDown
}

// enter notes a broker's state, and returns it with the time since which it is so: that of its process, where it is known.
func (b *brokerModel) enter(state BrokerState, since, now time.Time) (BrokerState, time.Time) {
	if b.state != state {
		first := b.state == BrokerUnknown && b.since.IsZero()
		if b.state, b.since = state, now; first {
			b.since = time.Time{}
		}
	}
	if !since.IsZero() {
		b.since = since
	}
	return b.state, b.since
}
