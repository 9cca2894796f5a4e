package cluster

import (
	"errors"
	"slices"
	"testing"
	"time"

	"klab/launcher/lifecycle"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// threeBrokers is a reading with one topic of one partition on brokers 1 to 3, led by leader under epoch.
func threeBrokers(at time.Time, leader, epoch int32, isr ...int32) metadata {
	m := metadata{at: at, clusterID: "c", controller: 1}
	for id := int32(1); id <= 3; id++ {
		m.brokers = append(m.brokers, metaBroker{id: id, host: "127.0.0.1", port: 9092 + id})
	}
	p := metaPartition{id: 0, leader: leader, epoch: epoch, replicas: []int32{3, 1, 2}, isr: isr}
	m.topics = []metaTopic{{name: "orders", id: "A", partitions: []metaPartition{p}}}
	return m
}

func kinds(facts []Fact) []string {
	list := make([]string, len(facts))
	for i, f := range facts {
		list[i] = f.Kind
	}
	return list
}

func wantKinds(t *testing.T, facts []Fact, want ...string) {
	t.Helper()
	if got := kinds(facts); !slices.Equal(got, want) {
		t.Errorf("facts %v, want %v", got, want)
	}
}

func TestDifferencesBecomeFacts(t *testing.T) {
	m := newModel("c", false)
	wantKinds(t, m.applyMetadata(threeBrokers(noon, 3, 4, 1, 2, 3))) // the first reading is how things are, not news
	wantKinds(t, m.applyMetadata(threeBrokers(noon, 3, 4, 1, 2, 3)))

	after := threeBrokers(noon.Add(time.Second), 1, 5, 1, 2)
	after.brokers = after.brokers[:2]
	facts := m.applyMetadata(after)
	wantKinds(t, facts, KindBrokerDown, KindLeaderElected, KindISRShrunk)
	if f := facts[1]; f.Topic != "orders" || f.Broker != 1 || f.Source != "metadata" || f.Time != after.at || f.Fields["old"] != int32(3) {
		t.Errorf("election = %+v", f)
	}
	wantKinds(t, m.applyMetadata(threeBrokers(noon, -1, 6, 1, 2)), KindBrokerUp, KindPartitionOffline)
	wantKinds(t, m.applyMetadata(threeBrokers(noon, 1, 7, 1, 2, 3)), KindLeaderElected, KindISRGrown)

	recreated := threeBrokers(noon, 1, 0, 1, 2, 3)
	recreated.topics[0].id = "B"
	recreated.topics[0].partitions = append(recreated.topics[0].partitions, metaPartition{id: 1, leader: 1, replicas: []int32{1}, isr: []int32{1}})
	wantKinds(t, m.applyMetadata(recreated), KindTopicDeleted, KindTopicCreated)
	wantKinds(t, m.fail(noon, errors.New("timeout")), KindStale)
	wantKinds(t, m.fail(noon, errors.New("timeout")))
	recreated.topics = nil
	wantKinds(t, m.applyMetadata(recreated), KindFresh, KindTopicDeleted)
}

func TestLaunchedClustersMakeNoFactsOfDifferences(t *testing.T) {
	m := newModel("c", true)
	m.applyMetadata(threeBrokers(noon, 3, 4, 1, 2, 3))
	wantKinds(t, m.applyMetadata(threeBrokers(noon, 1, 5, 1, 2)))
}

// A broker that comes back answers from the state that it had when it was paused.
func TestOlderEpochsAreNotBelieved(t *testing.T) {
	m := newModel("c", false)
	m.applyMetadata(threeBrokers(noon, 3, 4, 1, 2, 3))
	m.applyMetadata(threeBrokers(noon, 1, 5, 1, 2))
	wantKinds(t, m.applyMetadata(threeBrokers(noon, 3, 4, 1, 2, 3)))
	p, _ := m.build(noon).Partition("orders", 0)
	if p.Leader != 1 || p.Epoch != 5 || len(p.ISR) != 2 {
		t.Errorf("partition = %+v", p)
	}
}

func TestUnknownIsNeverInvented(t *testing.T) {
	m := newModel("c", false)
	empty := m.build(noon)
	if empty.Health.Level != HealthUnknown || !empty.At.IsZero() || empty.Age(noon) >= 0 {
		t.Errorf("empty snapshot = %+v", empty)
	}
	m.applyMetadata(threeBrokers(noon, 3, 4, 1, 2, 3))
	s := m.build(noon)
	p, _ := s.Partition("orders", 0)
	if p.HighWatermark != Unknown || p.LogStart != Unknown || p.MinISR != Unknown || !p.At.IsZero() {
		t.Errorf("partition = %+v", p)
	}
	for _, l := range p.Logs {
		if l.EndOffset != Unknown || l.Lag != Unknown || l.Bytes != Unknown || !l.At.IsZero() || !l.CaughtUp.IsZero() {
			t.Errorf("log = %+v", l)
		}
	}
	topic, _ := s.Topic("orders")
	if topic.Bytes != Unknown || topic.Records() != Unknown || s.Brokers[0].LogBytes != Unknown || s.Brokers[0].RSS != Unknown {
		t.Errorf("sizes: %+v %+v", topic, s.Brokers[0])
	}
}

func TestSamples(t *testing.T) {
	m := newModel("c", false)
	m.applyMetadata(threeBrokers(noon, 3, 4, 1, 2, 3))
	key := partitionKey{"orders", 0}
	at := func(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }
	end := func(broker int32, ms int, end int64) {
		m.applyOffsets(offsets{broker: broker, at: at(ms), ends: map[partitionKey]int64{key: end}})
	}
	end(3, 0, 100)
	end(1, 10, 100) // caught up
	end(3, 100, 150)
	end(1, 110, 150)
	end(2, 110, 120) // was caught up with what the leader had at 0
	end(3, 200, 180)
	m.applyOffsets(offsets{broker: 3, at: at(200), highs: map[partitionKey]int64{key: 120}, starts: map[partitionKey]int64{key: 7}})
	m.applyOffsets(offsets{broker: 2, at: at(200), highs: map[partitionKey]int64{key: 90}}) // does not lead: not believed
	m.applySizes(3, at(200), map[partitionKey]int64{key: 4096})

	p, _ := m.build(at(200)).Partition("orders", 0)
	if p.HighWatermark != 120 || p.LogStart != 7 || p.At != at(200) {
		t.Errorf("partition = %+v", p)
	}
	want := []ReplicaLog{
		{Broker: 3, EndOffset: 180, Bytes: 4096, BytesAt: at(200), Lag: 0, CaughtUp: at(200), At: at(200)},
		{Broker: 1, EndOffset: 150, Bytes: Unknown, Lag: 30, CaughtUp: at(100), At: at(110)},
		{Broker: 2, EndOffset: 120, Bytes: Unknown, Lag: 60, CaughtUp: at(0), At: at(110)},
	}
	if !slices.Equal(p.Logs, want) {
		t.Errorf("logs = %+v\nwant   %+v", p.Logs, want)
	}
}

func TestSnapshotsAreImmutable(t *testing.T) {
	m := newModel("c", false)
	m.applyMetadata(threeBrokers(noon, 3, 4, 1, 2, 3))
	before := m.build(noon)
	was, _ := before.Partition("orders", 0)
	m.applyMetadata(threeBrokers(noon, 1, 5, 1, 2))
	m.applyOffsets(offsets{broker: 1, at: noon, ends: map[partitionKey]int64{{"orders", 0}: 9}})
	after := m.build(noon)
	if still, _ := before.Partition("orders", 0); still.Leader != 3 || len(still.ISR) != 3 || still.Logs[1] != was.Logs[1] {
		t.Errorf("an old snapshot changed: %+v", still)
	}
	if now, _ := after.Partition("orders", 0); now.Leader != 1 || now.Logs[1].EndOffset != 9 {
		t.Errorf("new snapshot = %+v", now)
	}
}

func TestBrokerStates(t *testing.T) {
	all := threeBrokers(noon, 3, 4, 1, 2, 3)
	for _, c := range []struct {
		process    lifecycle.State
		registered bool
		want       BrokerState
	}{
		{lifecycle.Running, true, BrokerUp},
		{lifecycle.Running, false, BrokerStarting}, // it runs, and the cluster does not know it
		{lifecycle.Starting, false, BrokerStarting},
		{lifecycle.Stopping, true, BrokerStopping},
		{lifecycle.Paused, true, BrokerPaused}, // its session goes on for a while
		{lifecycle.Killed, true, BrokerKilled},
		{lifecycle.Stopped, false, BrokerDown},
		{lifecycle.Failed, false, BrokerDown},
	} {
		m := newModel("c", true)
		reading := all
		if !c.registered {
			reading.brokers = all.brokers[:2]
		}
		since := noon.Add(-time.Minute)
		m.applyHost(hostStatus{brokers: []hostBroker{{id: 3, host: "127.0.0.1", port: 9095, state: c.process, since: since, rss: 7}}}, nil)
		m.applyMetadata(reading)
		b, ok := m.build(noon).Broker(3)
		if !ok || b.State != c.want || b.RSS != 7 || b.Port != 9095 {
			t.Errorf("%v, registered %v: %+v, want %v", c.process, c.registered, b, c.want)
		}
		if unseen := c.process == lifecycle.Running && !c.registered; !unseen && b.Since != since {
			t.Errorf("%v: since %v", c.process, b.Since)
		}
	}
}

func TestBrokersOfAClusterNotLaunched(t *testing.T) {
	m := newModel("c", false)
	m.applyMetadata(threeBrokers(noon, 3, 4, 1, 2, 3))
	two := threeBrokers(noon.Add(time.Second), 1, 5, 1, 2)
	two.brokers = two.brokers[:2]
	m.build(noon)
	m.applyMetadata(two)
	s := m.build(two.at)
	if b, ok := s.Broker(3); !ok || b.State != BrokerDown || b.Since != two.at || b.Host != "127.0.0.1" || b.Replicas != 1 || b.InSync != 0 {
		t.Errorf("the lost broker = %+v", b)
	}
	if b, _ := s.Broker(1); b.State != BrokerUp || !b.Since.IsZero() || b.Leads != 1 {
		t.Errorf("a broker that was there from the first = %+v", b)
	}
	m.fail(two.at, errors.New("timeout"))
	later := m.build(two.at.Add(time.Minute))
	if b, _ := later.Broker(1); b.State != BrokerUnknown {
		t.Errorf("nobody answers for a minute, and broker 1 is %v", b.State)
	}
	if later.Health.Level != HealthUnknown || later.Err == nil {
		t.Errorf("health %+v, err %v", later.Health, later.Err)
	}
}

// The metadata names a controller until its session expires; its process is known to be gone at once.
func TestControllerOfADeadProcess(t *testing.T) {
	m := newModel("c", true)
	m.applyMetadata(threeBrokers(noon, 3, 4, 1, 2, 3))
	m.applyHost(hostStatus{brokers: []hostBroker{{id: 1, state: lifecycle.Killed}}}, nil)
	s := m.build(noon)
	if b, _ := s.Broker(1); s.Controller != -1 || b.Controller {
		t.Errorf("controller %d, %+v", s.Controller, b)
	}
}

// KRaft's brokers name any of themselves as controller (KIP-590): that is no controller, and no election.
func TestAQuorumIsNotAskedOfMetadata(t *testing.T) {
	m := newModel("c", false)
	for i := range 6 {
		now := threeBrokers(noon.Add(time.Duration(i)*time.Second), 3, 4, 1, 2, 3)
		now.controller, now.kraft = int32(1+i%3), true
		if facts := m.applyMetadata(now); len(facts) != 0 {
			t.Errorf("facts = %+v", facts)
		}
	}
	s := m.build(noon)
	if s.Controller != Unknown || s.Health.Level != HealthOK || s.Health.Words != "3 of 3 brokers · controller - · 1 partition in sync" {
		t.Errorf("controller %d, health %+v", s.Controller, s.Health)
	}
	lead := func(id int32) []Fact {
		d := diff{at: noon, on: true}
		m.applyQuorum(id, &d)
		return d.facts
	}
	if facts := lead(2); len(facts) != 0 {
		t.Errorf("the first reading tells %+v", facts)
	}
	if facts := lead(3); len(facts) != 1 || facts[0].Kind != KindControllerElected || facts[0].Broker != 3 {
		t.Errorf("facts = %+v", facts)
	}
	m.applyMetadata(func() metadata { r := threeBrokers(noon, 3, 4, 1, 2, 3); r.kraft = true; return r }())
	s = m.build(noon)
	if b, _ := s.Broker(3); s.Controller != 3 || !b.Controller || s.Health.ControllerUnknown {
		t.Errorf("controller %d, %+v, health %+v", s.Controller, b, s.Health)
	}
	if lead(Unknown); m.build(noon).Controller != Unknown {
		t.Error("a quorum that does not answer still has its leader")
	}
}

// A partition on its way has more replicas than it shall keep: those to come are not missing (as kafka-topics.sh counts).
func TestAReassignmentIsNotUnderReplication(t *testing.T) {
	m := newModel("c", false)
	r := threeBrokers(noon, 3, 4, 2, 3)
	r.topics[0].partitions[0].replicas = []int32{1, 2, 3}
	m.applyMetadata(r)
	if s := m.build(noon); s.Health.UnderReplicated != 1 {
		t.Errorf("health = %+v", s.Health)
	}
	m.applyMoves(noon, []Reassignment{{Topic: "orders", Replicas: []int32{1, 2, 3}, Adding: []int32{1}}}, &diff{})
	s := m.build(noon)
	if p, _ := s.Partition("orders", 0); s.Health.UnderReplicated != 0 || p.UnderReplicated() || !slices.Equal(p.Adding, []int32{1}) || s.Topics[0].ReplicationFactor() != 2 {
		t.Errorf("health = %+v, %+v", s.Health, p)
	}
	r = threeBrokers(noon, 3, 4, 3)
	r.topics[0].partitions[0].replicas = []int32{1, 2, 3}
	m.applyMetadata(r)
	if s := m.build(noon); s.Health.UnderReplicated != 1 {
		t.Errorf("a replica that stays is missing too: %+v", s.Health)
	}
	m.applyMoves(noon, nil, &diff{})
	r = threeBrokers(noon, 3, 4, 2, 3)
	r.topics[0].partitions[0].replicas = []int32{1, 2, 3}
	m.applyMetadata(r)
	if s := m.build(noon); s.Health.UnderReplicated != 1 {
		t.Errorf("it is over, and a replica is missing: %+v", s.Health)
	}
}

// Sizes and log starts are kept while nobody tells new ones: with the time at which they were told.
func TestSizesHaveAnAge(t *testing.T) {
	m := newModel("c", false)
	m.applyMetadata(threeBrokers(noon, 3, 4, 1, 2, 3))
	key := partitionKey{"orders", 0}
	m.applySizes(1, noon, map[partitionKey]int64{key: 7})
	m.applySizes(3, noon.Add(time.Second), map[partitionKey]int64{key: 8})
	m.applyOffsets(offsets{broker: 3, at: noon.Add(time.Second), starts: map[partitionKey]int64{key: 2}})
	m.applyMetadata(threeBrokers(noon.Add(time.Hour), 3, 4, 1, 2, 3))
	s := m.build(noon.Add(time.Hour))
	b1, _ := s.Broker(1)
	b2, _ := s.Broker(2)
	if b1.LogBytes != 7 || b1.LogBytesAt != noon || b2.LogBytes != Unknown || !b2.LogBytesAt.IsZero() {
		t.Errorf("brokers = %+v, %+v", b1, b2)
	}
	p, _ := s.Partition("orders", 0)
	l, _ := p.LogOf(3)
	if l.Bytes != 8 || l.BytesAt != noon.Add(time.Second) || p.LogStartAt != noon.Add(time.Second) || s.Topics[0].BytesAt != noon || s.Topics[0].Bytes != Unknown {
		t.Errorf("partition = %+v", s.Topics[0])
	}
}
