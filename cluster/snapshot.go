package cluster

import (
	"slices"
	"time"
)

// Unknown stands for a number that has not been observed.
const Unknown = -1

// Snapshot is all that is known of a cluster at one moment. It is immutable: readers share it, nobody changes it.
type Snapshot struct {
	Seq             int64     // grows by one with every published snapshot
	At              time.Time // when the newest metadata in it was read; zero: never
	Name            string    // the launcher's name of the cluster, else its first bootstrap address
	Health          Health
	ClusterID       string // empty: unknown
	Controller      int32  // its id, with KRaft not always a broker's; -1: none, or unknown
	KRaft           bool   // the controllers are a quorum, whose leader is Controller, as far as the brokers tell
	Brokers         []Broker
	Topics          []Topic        // by name
	Groups          []Group        // by name
	GroupsAt        time.Time      // when a broker last listed its groups; zero: never
	GroupsErr       error          // why they could not be listed; nil: some broker did
	Reassignments   []Reassignment // under way, by topic and partition
	ReassignmentsAt time.Time      // when they were read; zero: never
	Err             error          // why the data is old; nil: it is fresh
	Launched        bool           // the launcher runs this cluster: its processes can be stopped, killed and paused
	ZooKeeper       *ZooKeeper
}

// ZooKeeper is the ensemble behind a launched cluster; nil in a Snapshot when it is not known.
type ZooKeeper struct {
	Connect string // host:port,…[/chroot]
	PID     int    // 0: not a process of ours
	State   string // the launcher's word: running, paused, killed, …
}

// BrokerState is what a broker is doing, as seen from outside it.
type BrokerState int

const (
	BrokerUnknown  BrokerState = iota // nobody could be asked
	BrokerUp                          // registered; its process runs, where that can be seen
	BrokerDown                        // not registered, or its process ended
	BrokerStarting                    // its process runs and is not registered yet
	BrokerStopping                    // asked to stop, still there
	BrokerPaused                      // its process is suspended (SIGSTOP)
	BrokerKilled                      // its process was killed (SIGKILL)
)

var brokerStateNames = [...]string{"unknown", "up", "down", "starting", "stopping", "paused", "killed"}

func (s BrokerState) String() string { return brokerStateNames[s] }

// MarshalText writes the state's name.
func (s BrokerState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Alive says whether the broker can be expected to answer.
func (s BrokerState) Alive() bool { return s == BrokerUp || s == BrokerStopping }

// Broker is one broker: registered, or missing from the cluster.
type Broker struct {
	ID         int32
	Host       string
	Port       int32
	Rack       string
	State      BrokerState
	Since      time.Time // when State was entered, as far as it was seen; zero: it was so when first seen
	Controller bool
	Leads      int       // partitions it leads
	Replicas   int       // replicas assigned to it
	InSync     int       // of these, in the ISR
	LogBytes   int64     // bytes of all its logs; -1 unknown
	LogBytesAt time.Time // when it told them; zero: never
	RSS        int64     // resident memory in bytes; -1 unknown
	PID        int       // 0 unknown
	Started    time.Time // zero unknown
}

// Topic is one topic with its partitions in order of their ids.
type Topic struct {
	Name       string
	ID         string // Kafka's 22 characters; empty: the broker has no topic ids
	Internal   bool
	Partitions []Partition
	Bytes      int64     // of all replicas of all partitions; -1 as long as one is unknown
	BytesAt    time.Time // when the oldest of its parts was read; zero: none was
}

// ReplicationFactor is the size of the largest assignment among the topic's partitions, without what a reassignment adds.
func (t Topic) ReplicationFactor() int {
	rf := 0
	for _, p := range t.Partitions {
		rf = max(rf, len(p.Replicas)-len(p.Adding))
	}
	return rf
}

// Records is the number of offsets between log start and high watermark over all partitions, or -1 as long as one is
// unknown. Offsets of markers and of compacted records count too, so it is the most that a reader can get.
func (t Topic) Records() int64 {
	var n int64
	for _, p := range t.Partitions {
		if p.LogStart < 0 || p.HighWatermark < 0 {
			return Unknown
		}
		n += p.HighWatermark - p.LogStart
	}
	return n
}

// Partition is one partition as the cluster's metadata and its replicas' own answers show it.
type Partition struct {
	ID            int32
	Leader        int32 // -1: none
	Epoch         int32 // leader epoch; -1 unknown
	Replicas      []int32
	ISR           []int32
	Offline       []int32
	Adding        []int32      // of Replicas, those that a reassignment under way adds
	LogStart      int64        // -1 unknown
	LogStartAt    time.Time    // when LogStart was read from the leader; zero: never
	HighWatermark int64        // -1 unknown
	MinISR        int          // min.insync.replicas of its topic; -1 unknown
	Logs          []ReplicaLog // one for each of Replicas, in that order
	At            time.Time    // when HighWatermark was read from the leader; zero: never
}

// UnderReplicated says whether a replica is missing from the ISR. Those that a reassignment adds are not expected in it yet, as
// Kafka counts.
func (p Partition) UnderReplicated() bool { return len(p.ISR) < len(p.Replicas)-len(p.Adding) }

// InISR says whether broker is in the ISR.
func (p Partition) InISR(broker int32) bool { return slices.Contains(p.ISR, broker) }

// LogOf returns the replica's log on broker.
func (p Partition) LogOf(broker int32) (ReplicaLog, bool) {
	i := slices.IndexFunc(p.Logs, func(l ReplicaLog) bool { return l.Broker == broker })
	if i < 0 {
		return ReplicaLog{}, false
	}
	return p.Logs[i], true
}

// ReplicaLog is one replica's log, as its own broker answered.
type ReplicaLog struct {
	Broker    int32
	EndOffset int64     // log end offset; -1 unknown
	Bytes     int64     // -1 unknown
	BytesAt   time.Time // when Bytes was read; zero: never
	Lag       int64     // records behind the leader's log end; -1 unknown
	CaughtUp  time.Time // the last moment at which it is known to have held everything the leader held; zero: never seen
	At        time.Time // when EndOffset was read; zero: never
}

// Broker returns the broker with this id.
func (s *Snapshot) Broker(id int32) (Broker, bool) {
	i, ok := slices.BinarySearchFunc(s.Brokers, id, func(b Broker, id int32) int { return int(b.ID) - int(id) })
	if !ok {
		return Broker{}, false
	}
	return s.Brokers[i], true
}

// Topic returns the topic with this name.
func (s *Snapshot) Topic(name string) (Topic, bool) {
	i, ok := slices.BinarySearchFunc(s.Topics, name, func(t Topic, name string) int {
		switch {
		case t.Name < name:
			return -1
		case t.Name > name:
			return 1
		}
		return 0
	})
	if !ok {
		return Topic{}, false
	}
	return s.Topics[i], true
}

// Partition returns one partition of a topic.
func (s *Snapshot) Partition(topic string, id int32) (Partition, bool) {
	t, ok := s.Topic(topic)
	if !ok {
		return Partition{}, false
	}
	for _, p := range t.Partitions {
		if p.ID == id {
			return p, true
		}
	}
	return Partition{}, false
}

// Age is how old the snapshot's metadata is at now; negative: there is none yet.
func (s *Snapshot) Age(now time.Time) time.Duration {
	if s.At.IsZero() {
		return -1
	}
	return max(0, now.Sub(s.At))
}
