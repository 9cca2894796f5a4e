package cluster

import (
	"slices"
	"time"
)

// metadata is one reading of the cluster's metadata, from one broker.
type metadata struct {
	at         time.Time
	clusterID  string
	controller int32 // with kraft: the quorum's leader, as it was last read
	kraft      bool  // what brokers name as controller is any one of them (KIP-590): the quorum is asked
	brokers    []metaBroker
	topics     []metaTopic
}

type metaBroker struct {
	id   int32
	host string
	port int32
	rack string
}

type metaTopic struct {
	name       string
	id         string
	internal   bool
	partitions []metaPartition
}

type metaPartition struct {
	id, leader, epoch      int32
	replicas, isr, offline []int32
}

// model is everything observed so far, from which snapshots are built. It is a plain struct: what is read goes in with the
// time at which it was read, facts and snapshots come out.
type model struct {
	name     string
	launched bool // facts come from the launcher, and none is made of differences between readings

	seq      int64
	meta     metadata
	err      error // of the last attempt to read metadata
	topics   map[string]*topicModel
	brokers  map[int32]*brokerModel // every broker ever seen
	host     hostStatus
	hostErr  error
	dirAt    map[int32]time.Time // when a broker's log sizes were read
	logBytes map[int32]int64
	groups   groupsModel
	moves    movesModel
	changed  bool // groups and reassignments are to be read at once
}

// topicModel is one topic: its newest metadata, and the samples of its partitions.
type topicModel struct {
	meta       metaTopic
	minISR     int
	configAt   time.Time
	partitions map[int32]*partitionModel
	built      Topic // as in the last snapshot; valid unless dirty
	dirty      bool
}

type partitionModel struct {
	meta     metaPartition
	logStart int64
	high     int64
	at       time.Time
	asked    time.Time // before high was asked for
	startAt  time.Time
	leaderAt history
	move     Reassignment // under way when the reassignments were last read; the zero value: none
	logs     map[int32]*logModel
}

// logModel is one replica's log.
type logModel struct {
	end      int64
	at       time.Time
	bytes    int64
	bytesAt  time.Time
	caughtUp time.Time
}

// brokerModel is what is remembered of a broker beyond one reading.
type brokerModel struct {
	meta       metaBroker
	registered bool
	state      BrokerState
	since      time.Time // when it was seen to enter state; zero: it was so from the first
}

func newModel(name string, launched bool) *model {
	return &model{
		name: name, launched: launched, meta: metadata{controller: -1},
		topics: map[string]*topicModel{}, brokers: map[int32]*brokerModel{},
		dirAt: map[int32]time.Time{}, logBytes: map[int32]int64{}, groups: newGroupsModel(), moves: newMovesModel(),
	}
}

// applyMetadata takes a reading in, and returns the facts that it shows.
func (m *model) applyMetadata(now metadata) []Fact {
	old := m.meta
	var d diff
	if !m.launched {
		d = diff{at: now.at, on: !old.at.IsZero()}
	}
	if m.err != nil {
		d.add(Fact{Kind: KindFresh, Broker: -1, Partition: -1})
	}
	m.err = nil
	if now.kraft {
		now.controller = Unknown
		if old.kraft {
			now.controller = old.controller
		}
	}
	d.brokers(old, now)
	m.registerBrokers(now)
	m.applyTopics(now.topics, &d)
	m.changed = m.changed || d.moving
	m.meta = now
	m.meta.topics = nil
	return d.facts
}

func (m *model) registerBrokers(now metadata) {
	for _, b := range m.brokers {
		b.registered = false
	}
	for _, b := range now.brokers {
		known := m.broker(b.id)
		known.meta, known.registered = b, true
	}
}

func (m *model) broker(id int32) *brokerModel {
	b, ok := m.brokers[id]
	if !ok {
		b = &brokerModel{meta: metaBroker{id: id}}
		m.brokers[id] = b
	}
	return b
}

func (m *model) applyTopics(topics []metaTopic, d *diff) {
	present := make(map[string]bool, len(topics))
	for _, t := range topics {
		present[t.name] = true
		known, ok := m.topics[t.name]
		if ok && known.meta.id != "" && t.id != "" && known.meta.id != t.id {
			d.topicDeleted(t.name)
			ok = false
		}
		if !ok {
			known = &topicModel{minISR: Unknown, partitions: map[int32]*partitionModel{}}
			m.topics[t.name] = known
			d.topicCreated(t)
			known.apply(t, &diff{})
			continue
		}
		known.apply(t, d)
	}
	for name := range m.topics {
		if !present[name] {
			d.topicDeleted(name)
			delete(m.topics, name)
		}
	}
}

// apply takes a topic's newest metadata. A broker that was away answers from an older state: what it says of a partition
// under an older leader epoch is left out.
func (t *topicModel) apply(now metaTopic, d *diff) {
	if len(t.meta.partitions) > 0 && len(now.partitions) > len(t.meta.partitions) {
		d.partitionsAdded(now.name, len(t.meta.partitions), len(now.partitions))
	}
	if len(t.meta.partitions) != len(now.partitions) || t.meta.id != now.id {
		t.dirty = true
	}
	for _, p := range now.partitions {
		known, ok := t.partitions[p.id]
		if !ok {
			t.partitions[p.id] = &partitionModel{meta: p, logStart: Unknown, high: Unknown, logs: map[int32]*logModel{}}
			t.dirty = true
			continue
		}
		if p.epoch < known.meta.epoch || same(p, known.meta) {
			continue
		}
		d.partition(now.name, known.meta, p)
		d.moving = d.moving || !slices.Equal(p.replicas, known.meta.replicas)
		if p.epoch != known.meta.epoch {
			known.leaderAt = history{}
		}
		known.meta, t.dirty = p, true
	}
	t.meta = now
}

func same(a, b metaPartition) bool {
	return a.leader == b.leader && a.epoch == b.epoch && slices.Equal(a.replicas, b.replicas) &&
		slices.Equal(a.isr, b.isr) && slices.Equal(a.offline, b.offline)
}

// applyQuorum takes the leader of a KRaft cluster's controllers; Unknown: nobody told.
func (m *model) applyQuorum(leader int32, d *diff) {
	if old := m.meta.controller; leader >= 0 && old >= 0 {
		d.controller(old, leader)
	}
	m.meta.controller = leader
}

// applyMoves takes the reassignments under way, and tells the partitions of them.
func (m *model) applyMoves(at time.Time, now []Reassignment, d *diff) {
	for key := range m.moves.list {
		if p := m.partition(key); p != nil {
			p.move = Reassignment{}
		}
	}
	m.moves.move(at, now, d)
	for _, r := range now {
		if p := m.partition(partitionKey{r.Topic, r.Partition}); p != nil {
			p.move = r
		}
	}
}

// fail notes that no broker gave metadata.
func (m *model) fail(at time.Time, err error) []Fact {
	var d diff
	if !m.launched && m.err == nil && !m.meta.at.IsZero() {
		d = diff{at: at, on: true}
		d.add(Fact{Kind: KindStale, Broker: -1, Partition: -1, Fields: map[string]any{"error": err.Error()}})
	}
	m.err = err
	return d.facts
}

// applyHost takes the launcher's view of its processes.
func (m *model) applyHost(status hostStatus, err error) {
	m.hostErr = err
	if err == nil {
		m.host = status
	}
}
