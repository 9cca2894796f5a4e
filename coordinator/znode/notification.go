package znode

import (
	"fmt"
	"maps"
	"slices"
)

type partitionJSON struct {
	Topic     *string `json:"topic"`
	Partition *int32  `json:"partition"`
	Replicas  []int32 `json:"replicas,omitempty"`
}

// EncodePartitions writes a list of partitions, the data of
// /isr_change_notification/isr_change_* and /admin/preferred_replica_election.
func EncodePartitions(partitions []TopicPartition) []byte {
	list := make([]partitionJSON, len(partitions))
	for i := range partitions {
		list[i] = partitionJSON{Topic: &partitions[i].Topic, Partition: &partitions[i].Partition}
	}
	return encode(struct {
		Version    int             `json:"version"`
		Partitions []partitionJSON `json:"partitions"`
	}{1, list})
}

// DecodePartitions reads what EncodePartitions writes.
func DecodePartitions(data []byte) ([]TopicPartition, error) {
	list, err := decodePartitionList("partition list", data)
	out := make([]TopicPartition, len(list))
	for i, p := range list {
		out[i] = TopicPartition{*p.Topic, *p.Partition}
	}
	return out, err
}

// DecodeReassignments reads /admin/reassign_partitions, by which old tools ask
// for a reassignment: the replicas that each partition shall have.
func DecodeReassignments(data []byte) (map[TopicPartition][]int32, error) {
	list, err := decodePartitionList("reassignments", data)
	out := make(map[TopicPartition][]int32, len(list))
	for _, p := range list {
		out[TopicPartition{*p.Topic, *p.Partition}] = p.Replicas
	}
	return out, err
}

// EncodeReassignments writes what DecodeReassignments reads, sorted.
func EncodeReassignments(targets map[TopicPartition][]int32) []byte {
	list := make([]partitionJSON, 0, len(targets))
	for _, tp := range slices.SortedFunc(maps.Keys(targets), TopicPartition.Compare) {
		list = append(list, partitionJSON{Topic: &tp.Topic, Partition: &tp.Partition, Replicas: targets[tp]})
	}
	return encode(struct {
		Version    int             `json:"version"`
		Partitions []partitionJSON `json:"partitions"`
	}{1, list})
}

func decodePartitionList(what string, data []byte) ([]partitionJSON, error) {
	o, err := decodeObject(what, data)
	if err != nil {
		return nil, err
	}
	var list []partitionJSON
	if err := o.need(what, "partitions", &list); err != nil {
		return nil, err
	}
	for _, p := range list {
		if p.Topic == nil || p.Partition == nil {
			return nil, fmt.Errorf("cannot decode %s: an entry lacks topic or partition", what)
		}
	}
	return list, nil
}

// LogDirFailure is the only event of a log directory notification.
const LogDirFailure = 1

// EncodeLogDirEvent writes a broker's word that one of its log directories failed.
func EncodeLogDirEvent(broker int32) []byte {
	return encode(struct {
		Version int   `json:"version"`
		Broker  int32 `json:"broker"`
		Event   int   `json:"event"`
	}{1, broker, LogDirFailure})
}

// DecodeLogDirEvent returns the broker whose log directory failed.
func DecodeLogDirEvent(data []byte) (broker int32, err error) {
	o, err := decodeObject("log dir event", data)
	if err != nil {
		return -1, err
	}
	var event int
	err = firstError(o.need("log dir event", "broker", &broker), o.need("log dir event", "event", &event))
	if err == nil && event != LogDirFailure {
		err = fmt.Errorf("cannot decode log dir event: event %d is not supported", event)
	}
	return broker, err
}
