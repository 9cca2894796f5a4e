package znode

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// TopicPartition names a partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String is Kafka's form, topic-partition.
func (tp TopicPartition) String() string { return tp.Topic + "-" + itoa(tp.Partition) }

// Compare orders by topic, then by partition.
func (tp TopicPartition) Compare(other TopicPartition) int {
	return cmp.Or(cmp.Compare(tp.Topic, other.Topic), cmp.Compare(tp.Partition, other.Partition))
}

// ReplicaAssignment says on which brokers a partition lives. The order of
// Replicas matters: the first is the preferred leader. While the partition is
// being reassigned, Adding and Removing are the replicas on their way in and out.
type ReplicaAssignment struct {
	Replicas []int32
	Adding   []int32
	Removing []int32
}

// IsReassigning reports whether a reassignment of the partition is under way.
func (a ReplicaAssignment) IsReassigning() bool { return len(a.Adding) > 0 || len(a.Removing) > 0 }

// TopicAssignment is the data of /brokers/topics/<topic>.
type TopicAssignment struct {
	ID         UUID // zero: the topic has none yet (written before Kafka 2.8)
	Partitions map[int32]ReplicaAssignment
}

// Encode writes version 3. Partitions come in numeric order.
func (t TopicAssignment) Encode() []byte {
	ids := slices.Sorted(maps.Keys(t.Partitions))
	b := append(make([]byte, 0, 96+24*len(ids)), `{"version":3,"partitions":`...)
	b = appendReplicas(b, ids, func(p int32) ([]int32, bool) { return t.Partitions[p].Replicas, true })
	b = append(b, `,"adding_replicas":`...)
	b = appendReplicas(b, ids, func(p int32) ([]int32, bool) { r := t.Partitions[p].Adding; return r, len(r) > 0 })
	b = append(b, `,"removing_replicas":`...)
	b = appendReplicas(b, ids, func(p int32) ([]int32, bool) { r := t.Partitions[p].Removing; return r, len(r) > 0 })
	if t.ID != (UUID{}) {
		b = append(b, `,"topic_id":"`...)
		b = append(b, t.ID.String()...)
		b = append(b, '"')
	}
	return append(b, '}')
}

func appendReplicas(b []byte, ids []int32, replicas func(int32) ([]int32, bool)) []byte {
	b = append(b, '{')
	first := true
	for _, p := range ids {
		r, ok := replicas(p)
		if !ok {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, '"')
		b = strconv.AppendInt(b, int64(p), 10)
		b = append(b, `":`...)
		b = appendInts(b, r)
	}
	return append(b, '}')
}

func appendInts(b []byte, ints []int32) []byte {
	b = append(b, '[')
	for i, n := range ints {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return append(b, ']')
}

// DecodeTopicAssignment reads versions 1 to 3 and never looks at the version.
func DecodeTopicAssignment(topic string, data []byte) (TopicAssignment, error) {
	what := "topic " + topic
	o, err := decodeObject(what, data)
	if err != nil {
		return TopicAssignment{}, err
	}
	var id string
	var replicas, adding, removing map[string][]int32
	err = firstError(o.need(what, "partitions", &replicas), o.optional(what, "adding_replicas", &adding),
		o.optional(what, "removing_replicas", &removing), o.optional(what, "topic_id", &id))
	if err != nil {
		return TopicAssignment{}, err
	}
	t := TopicAssignment{Partitions: make(map[int32]ReplicaAssignment, len(replicas))}
	for key, list := range replicas {
		p, err := strconv.ParseInt(key, 10, 32)
		if err != nil || p < 0 {
			return TopicAssignment{}, fmt.Errorf("cannot decode %s: %q is not a partition number", what, key)
		}
		t.Partitions[int32(p)] = ReplicaAssignment{Replicas: list, Adding: adding[key], Removing: removing[key]}
	}
	if id != "" {
		t.ID, err = ParseUUID(id)
	}
	return t, err
}
