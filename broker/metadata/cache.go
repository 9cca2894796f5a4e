package metadata

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/storage"
)

// leaderDuringDelete is the leader the controller announces for a partition of a topic that is being deleted.
const leaderDuringDelete = -2

// Cache publishes the current Snapshot. Create it with NewCache; it is safe for concurrent use.
type Cache struct {
	current atomic.Pointer[Snapshot]
	mu      sync.Mutex    // held by Apply, so that updates do not lose one another
	heard   chan struct{} // closed with the first update
	named   chan struct{} // closed with the first that names a topic
	first   sync.Once     // closes heard
	topics  sync.Once     // closes named
}

// NewCache returns a cache that knows of no broker and no topic.
func NewCache() *Cache {
	c := &Cache{heard: make(chan struct{}), named: make(chan struct{})}
	c.current.Store(&Snapshot{ControllerID: -1, topics: map[string]*Topic{}, names: map[storage.TopicID]string{}})
	return c
}

// Snapshot returns the current picture. It never returns nil.
func (c *Cache) Snapshot() *Snapshot { return c.current.Load() }

// Heard is closed once the first update has been applied: until then nothing is known, be there what there may.
func (c *Cache) Heard() <-chan struct{} { return c.heard }

// HeardOfTopics is closed once an update has named a topic. A new controller tells of the live brokers first, and of the
// topics as soon as it has looked after them.
func (c *Cache) HeardOfTopics() <-chan struct{} { return c.named }

// Apply takes over an UpdateMetadata request of any version (kafka-formats D.2): the live brokers are replaced as a
// whole, the listed partitions one by one, and partitions whose topic is being deleted are removed. It returns the
// partitions it removed, so that others may forget them too.
func (c *Cache) Apply(req *kmsg.UpdateMetadataRequest) (deleted []storage.TopicPartition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := *c.current.Load()
	next.ControllerID, next.ControllerEpoch = req.ControllerID, req.ControllerEpoch
	next.brokers = liveBrokers(req)
	states := topicStates(req)
	if len(states) > 0 {
		next.topics, next.names = maps.Clone(next.topics), maps.Clone(next.names)
	}
	for i := range states {
		deleted = next.applyTopic(&states[i], deleted)
	}
	c.current.Store(&next)
	c.first.Do(func() { close(c.heard) })
	if len(next.topics) > 0 {
		c.topics.Do(func() { close(c.named) })
	}
	return deleted
}

// topicStates gives the versions before 5, which list partitions one by one, the shape of the later ones.
func topicStates(req *kmsg.UpdateMetadataRequest) []kmsg.UpdateMetadataRequestTopicState {
	states := req.TopicStates
	at := map[string]int{}
	for _, p := range req.PartitionStates {
		i, ok := at[p.Topic]
		if !ok {
			i = len(states)
			at[p.Topic] = i
			states = append(states, kmsg.UpdateMetadataRequestTopicState{Topic: p.Topic})
		}
		states[i].PartitionStates = append(states[i].PartitionStates, p)
	}
	return states
}

// applyTopic changes one topic of a snapshot that is not yet published and owns its maps.
func (s *Snapshot) applyTopic(state *kmsg.UpdateMetadataRequestTopicState, deleted []storage.TopicPartition) []storage.TopicPartition {
	topic := &Topic{Name: state.Topic, ID: state.TopicID}
	if old, ok := s.topics[state.Topic]; ok {
		topic.Partitions = slices.Clone(old.Partitions)
		if topic.ID == (storage.TopicID{}) {
			topic.ID = old.ID
		}
		delete(s.names, old.ID)
	}
	for i := range state.PartitionStates {
		p := &state.PartitionStates[i]
		if p.Leader == leaderDuringDelete {
			topic.remove(p.Partition)
			deleted = append(deleted, storage.TopicPartition{Topic: state.Topic, Partition: p.Partition})
			continue
		}
		topic.put(partitionOf(p))
	}
	if len(topic.Partitions) == 0 {
		delete(s.topics, state.Topic)
		return deleted
	}
	s.topics[state.Topic] = topic
	if topic.ID != (storage.TopicID{}) {
		s.names[topic.ID] = state.Topic
	}
	return deleted
}

func (t *Topic) put(p Partition) {
	i, found := t.index(p.ID)
	if found {
		t.Partitions[i] = p
		return
	}
	t.Partitions = slices.Insert(t.Partitions, i, p)
}

func (t *Topic) remove(id int32) {
	if i, found := t.index(id); found {
		t.Partitions = slices.Delete(t.Partitions, i, i+1)
	}
}

func partitionOf(p *kmsg.UpdateMetadataRequestTopicPartition) Partition {
	return Partition{
		ID:              p.Partition,
		Leader:          p.Leader,
		LeaderEpoch:     p.LeaderEpoch,
		PartitionEpoch:  p.ZKVersion,
		ControllerEpoch: p.ControllerEpoch,
		ISR:             slices.Clone(p.ISR),
		Replicas:        slices.Clone(p.Replicas),
		OfflineReplicas: slices.Clone(p.OfflineReplicas),
	}
}

func liveBrokers(req *kmsg.UpdateMetadataRequest) []Broker {
	brokers := make([]Broker, 0, len(req.LiveBrokers))
	for i := range req.LiveBrokers {
		live := &req.LiveBrokers[i]
		b := Broker{ID: live.ID, Rack: live.Rack}
		if req.Version == 0 {
			b.Endpoints = []Endpoint{{Listener: protocolName(0), Host: live.Host, Port: live.Port}}
		}
		for _, e := range live.Endpoints {
			name := e.ListenerName
			if name == "" { // before v3 a listener is named by its protocol
				name = protocolName(e.SecurityProtocol)
			}
			b.Endpoints = append(b.Endpoints, Endpoint{Listener: name, Host: e.Host, Port: e.Port, SecurityProtocol: e.SecurityProtocol})
		}
		brokers = append(brokers, b)
	}
	slices.SortFunc(brokers, func(a, b Broker) int { return int(a.ID) - int(b.ID) })
	return brokers
}

func protocolName(protocol int16) string {
	switch protocol {
	case 1:
		return "SSL"
	case 2:
		return "SASL_PLAINTEXT"
	case 3:
		return "SASL_SSL"
	default:
		return "PLAINTEXT"
	}
}
