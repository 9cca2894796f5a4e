package partition

// EpochEnd says where a leader epoch ends in a log: the offset after its last record. Epoch None means undefined.
type EpochEnd struct {
	Epoch int32
	End   int64
}

// Diverges tells a leader whether the log of a follower that would fetch from fetchOffset, having fetched lastEpoch
// last, has come apart from its own, where own is the leader's end of lastEpoch (KIP-595).
func Diverges(fetchOffset int64, lastEpoch int32, own EpochEnd) bool {
	return own.Epoch < lastEpoch || own.End < fetchOffset
}

// TruncationOffset tells a follower where to cut its log when the leader reported that their logs diverge at leader,
// where own is the follower's end of leader.Epoch and end its log end (kafka-formats D.6). When the follower has no
// trace of that epoch, the next fetch may find another divergence further back, until the logs agree.
func TruncationOffset(leader, own EpochEnd, end int64) int64 {
	switch {
	case own.Epoch == None:
		return min(leader.End, end)
	case own.Epoch != leader.Epoch:
		return min(own.End, end)
	default:
		return min(own.End, leader.End, end)
	}
}
