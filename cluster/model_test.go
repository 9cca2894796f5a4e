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
		{Broker: 3, EndOffset: 180, Bytes: 4096, Lag: 0, CaughtUp: at(200), At: at(200)},
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
