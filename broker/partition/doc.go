// Package partition decides what one replica of one partition does: it is the state machine of Kafka 3.9's
// Partition, without a log, a socket, a clock, a lock or a goroutine.
//
// # Contract
//
// A Partition is fed with what happened (the controller named a leader, the log grew, a follower fetched, an
// AlterPartition request was answered, time passed) and answers with Effects: what its owner must now do. It is not
// safe for concurrent use: the owner serialises calls, one lock a partition.
//
//	controller       ─ BecomeLeader, BecomeFollower, Stop ─┐
//	log              ─ Appended, Replicated, Truncated ────┤             ┌─ Acked: waiters to complete
//	followers' fetch ─ FollowerFetched ────────────────────┼─▶ core ─▶───┼─ HighWatermarkMoved: wake parked fetches
//	controller reply ─ AlterPartitionAnswered ─────────────┤             └─ Propose: send AlterPartition
//	clock            ─ Tick ───────────────────────────────┘
//
// What holds at every moment:
//
//   - The high watermark of a leader never decreases. It advances only to offsets that every member of the maximal
//     ISR has reported as its log end, and never while the ISR is smaller than the effective min.insync.replicas.
//   - At most one ISR change is in flight. Until it is answered, the maximal ISR (committed members and proposed
//     additions; removals stay in) is what the high watermark and acks=all wait for.
//   - A waiter is handed back exactly once: when the high watermark passed its offset, or when leadership is lost.
//
// Sources: Kafka 3.9; KIP-497 (AlterPartition), KIP-101 and KIP-279 (truncation by leader epoch), KIP-207
// (OFFSET_NOT_AVAILABLE), KIP-966 part 1 (no advance below min ISR).
package partition
