package znode

import "strconv"

// Special values of a partition's leader and leader epoch.
const (
	NoLeader           int32 = -1 // in the znode: no replica can lead
	NoEpoch            int32 = -1 // in requests: the epoch is not known
	LeaderDuringDelete int32 = -2 // in requests: the topic is being deleted
	EpochDuringDelete  int32 = -2 // in requests: overrides any epoch
)

// Values of PartitionState.LeaderRecoveryState (KIP-704).
const (
	Recovered  int8 = 0
	Recovering int8 = 1 // the leader was elected uncleanly and may have lost records
)

// PartitionState is the data of /brokers/topics/<t>/partitions/<p>/state. The
// znode's data version is the partition epoch and is not part of the data.
type PartitionState struct {
	ControllerEpoch     int32 // of the controller that wrote it
	Leader              int32 // NoLeader: none
	LeaderEpoch         int32
	ISR                 []int32
	LeaderRecoveryState int8
}

// Encode writes version 1. The recovery state is left out when Recovered.
func (s PartitionState) Encode() []byte {
	b := append(make([]byte, 0, 112), `{"controller_epoch":`...)
	b = strconv.AppendInt(b, int64(s.ControllerEpoch), 10)
	b = append(b, `,"leader":`...)
	b = strconv.AppendInt(b, int64(s.Leader), 10)
	b = append(b, `,"version":1,"leader_epoch":`...)
	b = strconv.AppendInt(b, int64(s.LeaderEpoch), 10)
	b = append(b, `,"isr":`...)
	b = appendInts(b, s.ISR)
	if s.LeaderRecoveryState != Recovered {
		b = append(b, `,"leader_recovery_state":`...)
		b = strconv.AppendInt(b, int64(s.LeaderRecoveryState), 10)
	}
	return append(b, '}')
}

// DecodePartitionState reads what Encode writes.
func DecodePartitionState(tp TopicPartition, data []byte) (PartitionState, error) {
	what := "state of " + tp.String()
	var s PartitionState
	o, err := decodeObject(what, data)
	if err != nil {
		return s, err
	}
	err = firstError(o.need(what, "controller_epoch", &s.ControllerEpoch), o.need(what, "leader", &s.Leader),
		o.need(what, "leader_epoch", &s.LeaderEpoch), o.need(what, "isr", &s.ISR),
		o.optional(what, "leader_recovery_state", &s.LeaderRecoveryState))
	return s, err
}
