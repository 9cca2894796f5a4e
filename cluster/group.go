package cluster

import (
	"slices"
	"strings"
	"time"
)

// Group is one group as its coordinator tells of it. The listing is read often and costs one request a broker; members and
// offsets are read of a bounded number of groups a round, those that somebody looks at first. So each has an age of its own.
type Group struct {
	Name         string
	State        string    // Kafka's: Stable, Empty, PreparingRebalance, CompletingRebalance, Dead, …; empty: a broker before Kafka 2.6
	Type         string    // Kafka's: classic, consumer, share; empty: a broker before Kafka 3.8
	ProtocolType string    // consumer, connect, sr, …; empty: only offsets were ever committed
	Coordinator  int32     // the broker that listed it
	At           time.Time // when it was listed

	Protocol  string // the assignor; empty: none chosen, or not read
	Epoch     int32  // of groups of type consumer; -1: the group's type has none, or not read
	Members   []GroupMember
	MembersAt time.Time // when Protocol and Members were read; zero: never

	Partitions []GroupPartition // by topic and partition
	Lag        int64            // sum of the known lags; -1: of no partition known
	OffsetsAt  time.Time        // when Partitions were read; zero: never
	Trend      []LagSample      // of Lag, oldest first
	Err        error            // why the last reading in depth failed; nil: it did not
}

// GroupMember is one member of a group.
type GroupMember struct {
	ID         string
	InstanceID string // group.instance.id of a static member; empty: dynamic
	ClientID   string
	Host       string // as the broker writes it: /127.0.0.1
	Assigned   []TopicPartitions
}

// Count is the number of partitions that the member has.
func (m GroupMember) Count() int {
	n := 0
	for _, t := range m.Assigned {
		n += len(t.Partitions)
	}
	return n
}

// TopicPartitions are some partitions of a topic, in order.
type TopicPartitions struct {
	Topic      string
	Partitions []int32
}

// GroupPartition is how far a group is in one partition.
type GroupPartition struct {
	Topic     string
	Partition int32
	Committed int64 // -1: nothing is committed
	Epoch     int32 // the leader epoch that was committed; -1: none
	Metadata  string
	End       int64     // high watermark; -1 unknown
	EndAt     time.Time // when End was read
	Lag       int64     // -1 unknown, or Beyond
	Beyond    int64     // by how much Committed is beyond the end of the log: the topic was made anew, or truncated; 0: it is not
	Member    int       // index of the member that has it in the group's Members; -1: nobody, or not known
}

// LagSample is a group's lag at one reading.
type LagSample struct {
	At  time.Time
	Lag int64
}

// Active says whether the group has members, or is about to; -1 members are not known.
func (g Group) Active() bool { return g.State != "Empty" && g.State != "Dead" && g.State != "" }

// MemberCount is the number of members, or -1 as long as they were not read.
func (g Group) MemberCount() int {
	if g.MembersAt.IsZero() {
		return Unknown
	}
	return len(g.Members)
}

// Drift is how fast the lag grows, in records a second, over the samples of at most the last minute; known is false when
// there are not two of them yet.
func (g Group) Drift() (perSecond float64, known bool) {
	if len(g.Trend) < 2 {
		return 0, false
	}
	last := g.Trend[len(g.Trend)-1]
	first := last
	for _, s := range slices.Backward(g.Trend) {
		if last.At.Sub(s.At) > time.Minute {
			break
		}
		first = s
	}
	span := last.At.Sub(first.At).Seconds()
	if span <= 0 {
		return 0, false
	}
	return float64(last.Lag-first.Lag) / span, true
}

// Group returns the group with this name.
func (s *Snapshot) Group(name string) (Group, bool) {
	i, ok := slices.BinarySearchFunc(s.Groups, name, func(g Group, name string) int { return strings.Compare(g.Name, name) })
	if !ok {
		return Group{}, false
	}
	return s.Groups[i], true
}
