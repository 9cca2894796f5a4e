package group

// State is where a group is in its life (kafka-formats E.1).
type State uint8

const (
	// Empty has no members: a new group, one that all have left, or one that only commits offsets.
	Empty State = iota
	// PreparingRebalance waits for members to join.
	PreparingRebalance
	// CompletingRebalance waits for the leader's assignment.
	CompletingRebalance
	// Stable has an assignment.
	Stable
	// Dead is not there any more: deleted, expired, or coordinated elsewhere.
	Dead
)

// String is the state's name in Kafka's protocol.
func (s State) String() string {
	return [...]string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"}[s]
}

// canRebalance reports whether a rebalance may begin in this state.
func (s State) canRebalance() bool {
	return s == Empty || s == CompletingRebalance || s == Stable
}
