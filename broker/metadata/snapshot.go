package metadata

import (
	"iter"
	"slices"

	"klab/broker/storage"
)

// Snapshot is one state of the cluster's metadata. It and everything reachable from it is immutable.
type Snapshot struct {
	ControllerID    int32 // broker that sent the last update; -1 before the first
	ControllerEpoch int32 // its epoch; 0 before the first

	brokers []Broker // by id
	topics  map[string]*Topic
	names   map[storage.TopicID]string
}

// Broker is a live broker.
type Broker struct {
	ID        int32
	Rack      *string // nil when broker.rack is not set
	Endpoints []Endpoint
}

// Endpoint is where a broker's listener can be reached.
type Endpoint struct {
	Listener         string
	Host             string
	Port             int32
	SecurityProtocol int16 // 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL
}

// Topic is a topic and its partitions by id.
type Topic struct {
	Name       string
	ID         storage.TopicID // zero for a topic created before topic ids (KIP-516)
	Partitions []Partition
}

// Partition is the state the controller last announced. A Leader of -1 means none.
type Partition struct {
	ID              int32
	Leader          int32
	LeaderEpoch     int32
	PartitionEpoch  int32 // version of the partition's state znode
	ControllerEpoch int32
	ISR             []int32
	Replicas        []int32
	OfflineReplicas []int32
}

// Brokers lists the live brokers by id. The slice must not be changed.
func (s *Snapshot) Brokers() []Broker { return s.brokers }

// Broker finds a live broker.
func (s *Snapshot) Broker(id int32) (*Broker, bool) {
	i, found := slices.BinarySearchFunc(s.brokers, id, func(b Broker, id int32) int { return int(b.ID) - int(id) })
	if !found {
		return nil, false
	}
	return &s.brokers[i], true
}

// Alive reports whether the broker is among the live ones.
func (s *Snapshot) Alive(id int32) bool {
	_, ok := s.Broker(id)
	return ok
}

// Endpoint finds where broker id listens under the given listener name. An empty name means the broker's first.
func (s *Snapshot) Endpoint(id int32, listener string) (Endpoint, bool) {
	b, ok := s.Broker(id)
	if !ok {
		return Endpoint{}, false
	}
	for _, e := range b.Endpoints {
		if listener == "" || e.Listener == listener {
			return e, true
		}
	}
	return Endpoint{}, false
}

// Topic finds a topic by name.
func (s *Snapshot) Topic(name string) (*Topic, bool) {
	t, ok := s.topics[name]
	return t, ok
}

// TopicName finds the name of a topic id; the zero id has none.
func (s *Snapshot) TopicName(id storage.TopicID) (string, bool) {
	name, ok := s.names[id]
	return name, ok
}

// Topics iterates over all topics in no particular order.
func (s *Snapshot) Topics() iter.Seq[*Topic] {
	return func(yield func(*Topic) bool) {
		for _, t := range s.topics {
			if !yield(t) {
				return
			}
		}
	}
}

// TopicCount is the number of topics.
func (s *Snapshot) TopicCount() int { return len(s.topics) }

// Partition finds one partition of a topic.
func (s *Snapshot) Partition(topic string, id int32) (*Partition, bool) {
	t, ok := s.topics[topic]
	if !ok {
		return nil, false
	}
	return t.Partition(id)
}

// Partition finds a partition by id.
func (t *Topic) Partition(id int32) (*Partition, bool) {
	i, found := t.index(id)
	if !found {
		return nil, false
	}
	return &t.Partitions[i], true
}

func (t *Topic) index(id int32) (int, bool) {
	return slices.BinarySearchFunc(t.Partitions, id, func(p Partition, id int32) int { return int(p.ID) - int(id) })
}
