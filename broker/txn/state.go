package txn

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage"
)

// State is the state of a transactional id, as __transaction_state and clients number and name it.
type State int8

// The states. Dead and PrepareEpochFence exist in memory only.
const (
	Empty State = iota
	Ongoing
	PrepareCommit
	PrepareAbort
	CompleteCommit
	CompleteAbort
	Dead
	PrepareEpochFence
)

var stateNames = [...]string{"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead", "PrepareEpochFence"}

func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return "Unknown"
	}
	return stateNames[s]
}

// ParseState finds a state by its name; upper and lower case matter, as in Kafka.
func ParseState(name string) (State, bool) {
	i := slices.Index(stateNames[:], name)
	return State(i), i >= 0
}

func (s State) preparing() bool { return s == PrepareCommit || s == PrepareAbort }

// atRest reports whether no transaction is open or on its way to end.
func (s State) atRest() bool { return s == Empty || s == CompleteCommit || s == CompleteAbort }

// none is what producer ids, epochs and start times hold that say nothing.
const none = -1

// Metadata is what one record of __transaction_state says of a transactional id. Times are ms since 1970.
type Metadata struct {
	ProducerID    int64
	ProducerEpoch int16
	TimeoutMs     int32
	State         State
	Partitions    []storage.TopicPartition // of the open transaction; sorted, without duplicates
	UpdatedMs     int64
	StartedMs     int64 // of the open or last transaction, -1 before the first
}

func comparePartitions(a, b storage.TopicPartition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

// union merges two lists of partitions into a sorted one.
func union(a, b []storage.TopicPartition) []storage.TopicPartition {
	all := slices.Concat(a, b)
	slices.SortFunc(all, comparePartitions)
	return slices.Compact(all)
}

func (m *Metadata) has(p storage.TopicPartition) bool {
	_, found := slices.BinarySearchFunc(m.Partitions, p, comparePartitions)
	return found
}

func (m *Metadata) hasAll(all []storage.TopicPartition) bool {
	return !slices.ContainsFunc(all, func(p storage.TopicPartition) bool { return !m.has(p) })
}

// sortedKeys are the keys of a map by partition.
func sortedKeys[V any](of map[storage.TopicPartition]V) []storage.TopicPartition {
	return slices.SortedFunc(maps.Keys(of), comparePartitions)
}

// codeOf finds the Kafka error in err's chain.
func codeOf(err error) *kerr.Error {
	if code, ok := errors.AsType[*kerr.Error](err); ok {
		return code
	}
	return kerr.UnknownServerError
}
