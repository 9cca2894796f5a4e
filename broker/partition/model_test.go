package partition

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The model is three brokers with a core and a log each, and a controller that elects from the ISR. The checks:
//
//   - what any leader has shown below its high watermark never changes,
//   - what was acknowledged with acks=all is among it,
//   - a high watermark moves only to offsets that all members of the maximal ISR have,
//   - a leader's high watermark does not go back.

type entry struct {
	epoch int32
	value int
}

type epochStart struct {
	epoch int32
	start int64
}

type modelLog struct {
	entries []entry
	epochs  []epochStart
}

func (l *modelLog) end() int64 { return int64(len(l.entries)) }

func (l *modelLog) latest() int32 {
	if len(l.epochs) == 0 {
		return None
	}
	return l.epochs[len(l.epochs)-1].epoch
}

func (l *modelLog) assign(epoch int32) {
	if epoch > l.latest() {
		l.epochs = slices.DeleteFunc(l.epochs, func(e epochStart) bool { return e.start >= l.end() })
		l.epochs = append(l.epochs, epochStart{epoch, l.end()})
	}
}

func (l *modelLog) append(e entry) {
	l.assign(e.epoch)
	l.entries = append(l.entries, e)
}

func (l *modelLog) truncate(to int64) {
	l.entries = l.entries[:to]
	l.epochs = slices.DeleteFunc(l.epochs, func(e epochStart) bool { return e.start >= to })
}

// endOf is kafka-formats D.6, read slowly.
func (l *modelLog) endOf(epoch int32) EpochEnd {
	switch {
	case epoch == None || epoch > l.latest():
		return EpochEnd{None, -1}
	case epoch == l.latest():
		return EpochEnd{epoch, l.end()}
	}
	higher := slices.IndexFunc(l.epochs, func(e epochStart) bool { return e.epoch > epoch })
	if higher == 0 {
		return EpochEnd{epoch, l.epochs[0].start}
	}
	return EpochEnd{l.epochs[higher-1].epoch, l.epochs[higher].start}
}

type modelBroker struct {
	core *Partition
	log  modelLog
	told State // the last LeaderAndIsr
	sent *Proposal
}

type model struct {
	now       time.Time
	brokers   map[int32]*modelBroker
	state     State // the controller's
	alive     brokers
	written   int
	committed []entry
	acked     map[int]int64 // value -> offset
}

func newModel(minISR int) *model {
	m := &model{now: t0, brokers: map[int32]*modelBroker{}, alive: brokers{1: true, 2: true, 3: true}, acked: map[int]int64{}}
	m.state = State{Leader: 1, ISR: []int32{1, 2, 3}, Replicas: []int32{1, 2, 3}}
	for id := range m.alive {
		m.brokers[id] = &modelBroker{core: New(id, Settings{MinISR: minISR, LagTimeMax: lagTimeMax}, 0, 0), told: State{LeaderEpoch: None}}
	}
	return m
}

type ack struct {
	value  int
	offset int64
}

func (m *model) effects(t *rapid.T, id int32, e Effects) {
	b := m.brokers[id]
	if e.Propose != nil {
		b.sent = e.Propose
	}
	for _, w := range e.Acked {
		if a := w.Token.(ack); e.AckError == nil {
			m.acked[a.value] = a.offset
		}
	}
	if e.HighWatermarkMoved && b.core.Role() == Leader {
		for i := range b.core.followers {
			f := &b.core.followers[i]
			if b.core.inMaximalISR(f.id) && f.end < b.core.HighWatermark() {
				t.Fatalf("broker %d: the high watermark moved to %d, but %d in the maximal ISR is at %d", id, b.core.HighWatermark(), f.id, f.end)
			}
		}
		m.show(t, id)
	}
}

// show compares what a leader shows with what has been shown before.
func (m *model) show(t *rapid.T, id int32) {
	b := m.brokers[id]
	for offset := range b.core.HighWatermark() {
		shown := b.log.entries[offset]
		if offset == int64(len(m.committed)) {
			m.committed = append(m.committed, shown)
		}
		if m.committed[offset] != shown {
			t.Fatalf("broker %d shows %+v at offset %d, where %+v was shown before", id, shown, offset, m.committed[offset])
		}
	}
}

func (m *model) tell(t *rapid.T, id int32) {
	b := m.brokers[id]
	if b.told.LeaderEpoch >= m.state.LeaderEpoch {
		return
	}
	b.told = m.state
	b.told.ISR = slices.Clone(m.state.ISR)
	if m.state.Leader != id {
		m.effects(t, id, b.core.BecomeFollower(b.told))
		if b.log.latest() == None {
			b.log.truncate(b.core.HighWatermark())
			b.core.Truncated(0, b.log.end())
		}
		return
	}
	b.log.assign(m.state.LeaderEpoch)
	_, e := b.core.BecomeLeader(b.told, m.now, m.alive)
	m.effects(t, id, e)
}

// fetch is one round trip of a follower.
func (m *model) fetch(t *rapid.T, id int32) {
	b := m.brokers[id]
	if b.core.Role() != Follower || b.core.Leader() == None {
		return
	}
	leaderID := b.core.Leader()
	leader := m.brokers[leaderID]
	if !m.alive[leaderID] || leader.core.CheckLeader(b.core.LeaderEpoch()) != nil {
		return
	}
	offset, last := b.log.end(), b.log.latest()
	if last >= 0 {
		own := leader.log.endOf(last)
		if own.Epoch == None {
			return
		}
		if Diverges(offset, last, own) {
			to := TruncationOffset(own, b.log.endOf(own.Epoch), offset)
			b.log.truncate(to)
			b.core.Truncated(0, to)
			return
		}
	}
	if offset > leader.log.end() {
		b.log.truncate(leader.log.end())
		b.core.Truncated(0, leader.log.end())
		return
	}
	_, e := leader.core.FollowerFetched(Fetched{Replica: id, Offset: offset}, m.now, m.alive)
	m.effects(t, leaderID, e)
	if offset < leader.log.end() {
		b.log.append(leader.log.entries[offset])
	}
	m.effects(t, id, b.core.Replicated(b.log.end(), leader.core.HighWatermark()))
}

func (m *model) write(t *rapid.T, id int32) {
	b := m.brokers[id]
	if b.core.Admit(AcksAll) != nil {
		return
	}
	m.written++
	b.log.append(entry{b.core.LeaderEpoch(), m.written})
	end := b.log.end()
	m.effects(t, id, b.core.Appended(end, m.now, m.alive))
	if done, err := b.core.Await(Waiter{end, ack{m.written, end - 1}}); done && err == nil {
		m.acked[m.written] = end - 1
	}
}

// answer has the controller decide on a broker's proposal; the answer may be lost.
func (m *model) answer(t *rapid.T, id int32, lost bool) {
	b := m.brokers[id]
	if b.sent == nil {
		return
	}
	a := Answer{}
	dead := slices.ContainsFunc(b.sent.ISR, func(id int32) bool { return !m.alive[id] })
	switch {
	case b.sent.LeaderEpoch != m.state.LeaderEpoch:
		return // fenced: a LeaderAndIsr is on its way
	case slices.Equal(b.sent.ISR, m.state.ISR):
	case b.sent.PartitionEpoch != m.state.PartitionEpoch || dead:
		return
	default:
		m.state.ISR = b.sent.ISR
		m.state.PartitionEpoch++
	}
	if lost {
		return // it is sent again
	}
	a.LeaderEpoch, a.PartitionEpoch, a.ISR = m.state.LeaderEpoch, m.state.PartitionEpoch, slices.Clone(m.state.ISR)
	sent := b.sent
	b.sent = nil
	_, e := b.core.AlterPartitionAnswered(sent, a, m.now, m.alive)
	m.effects(t, id, e)
}

// elect is a clean election: a dead leader leaves the ISR, and another member takes over.
func (m *model) elect(id int32) {
	if !slices.Contains(m.state.ISR, id) || !m.alive[id] {
		return
	}
	m.state.ISR = slices.DeleteFunc(slices.Clone(m.state.ISR), func(id int32) bool { return !m.alive[id] })
	m.state.Leader = id
	m.state.LeaderEpoch++
	m.state.PartitionEpoch++
}

func (m *model) check(t *rapid.T) {
	for value, offset := range m.acked {
		if offset >= int64(len(m.committed)) || m.committed[offset].value != value {
			t.Fatalf("value %d was acknowledged at offset %d, but is not committed there", value, offset)
		}
	}
	for id, b := range m.brokers {
		if b.core.HighWatermark() > b.log.end() {
			t.Fatalf("broker %d: high watermark %d beyond the log end %d", id, b.core.HighWatermark(), b.log.end())
		}
		if b.core.Role() == Leader && b.core.LeaderEpoch() == m.state.LeaderEpoch {
			m.mustHave(t, id)
		}
	}
}

// mustHave checks that the leader the controller elected last has everything that was ever shown.
func (m *model) mustHave(t *rapid.T, id int32) {
	log := m.brokers[id].log.entries
	if len(log) < len(m.committed) || !slices.Equal(log[:len(m.committed)], m.committed) {
		t.Fatalf("broker %d leads with %v, but %v was committed", id, log, m.committed)
	}
}

// heal ends all faults; after some rounds of fetches every log must be the leader's.
func (m *model) heal(t *rapid.T) {
	for id := range m.brokers {
		m.alive[id] = true
	}
	m.elect(m.state.ISR[0])
	for id := range m.brokers {
		m.tell(t, id)
	}
	leader := m.brokers[m.state.Leader]
	for range 20 * (m.written + 2) {
		for id := range m.brokers {
			m.fetch(t, id)
		}
	}
	m.check(t)
	for id, b := range m.brokers {
		if !slices.Equal(b.log.entries, leader.log.entries) {
			t.Fatalf("broker %d has %v, its leader %v, after everything healed", id, b.log, leader.log)
		}
	}
}

func TestCommittedRecordsSurviveCleanElections(t *testing.T) {
	for range 25 { // rapid's default of 100 runs finds too little here
		rapid.Check(t, survives)
	}
}

func survives(t *rapid.T) {
	m := newModel(rapid.IntRange(1, 3).Draw(t, "min ISR"))
	broker := rapid.SampledFrom([]int32{1, 2, 3})
	marks := map[int32]int64{}
	for id := range m.brokers {
		m.tell(t, id)
	}
	actions := map[string]func(*rapid.T){
		"write": func(t *rapid.T) { m.write(t, broker.Draw(t, "at")) },
		"fetch": func(t *rapid.T) { m.fetch(t, broker.Draw(t, "by")) },
		"catch up": func(t *rapid.T) {
			id := broker.Draw(t, "by")
			for range 5 {
				m.fetch(t, id)
			}
		},
		"tell":   func(t *rapid.T) { m.tell(t, broker.Draw(t, "whom")) },
		"elect":  func(t *rapid.T) { m.elect(broker.Draw(t, "whom")) },
		"answer": func(t *rapid.T) { m.answer(t, broker.Draw(t, "whom"), rapid.Bool().Draw(t, "lost")) },
		"die or live": func(t *rapid.T) {
			id := broker.Draw(t, "who")
			m.alive[id] = !m.alive[id]
		},
		"lag": func(t *rapid.T) { // one member of the ISR stops fetching for long and is removed
			laggard := broker.Draw(t, "who")
			m.now = m.now.Add(time.Minute)
			for id := range m.brokers {
				for range 3 {
					if id != laggard {
						m.fetch(t, id)
					}
				}
			}
			for id := range m.brokers {
				m.effects(t, id, m.brokers[id].core.Tick(m.now, m.alive))
				m.answer(t, id, false)
			}
		},
		"fail over": func(t *rapid.T) {
			m.elect(broker.Draw(t, "to"))
			for id := range m.brokers {
				m.tell(t, id)
			}
		},
		"pass time": func(t *rapid.T) { m.now = m.now.Add(10 * time.Second) },
		"tick": func(t *rapid.T) {
			id := broker.Draw(t, "who")
			m.effects(t, id, m.brokers[id].core.Tick(m.now, m.alive))
		},
		"": func(t *rapid.T) {
			m.check(t)
			for id, b := range m.brokers {
				key := id*1000 + b.core.LeaderEpoch()
				if b.core.Role() == Leader && b.core.HighWatermark() < marks[key] {
					t.Fatalf("broker %d: the leader's high watermark went back from %d to %d", id, marks[key], b.core.HighWatermark())
				}
				marks[key] = b.core.HighWatermark()
			}
		},
	}
	for range 3 { // rapid's default of 30 steps ends before the interesting ones
		t.Repeat(actions)
	}
	m.heal(t)
}
