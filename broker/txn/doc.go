// Package txn coordinates transactions (KIP-98, 360, 447, 588, 664, 890 part 1).
//
// [Txn] is the state machine of one transactional id: a pure core. Its methods take a request, the outcome of an append,
// or the time, and return [Effects]: whom to answer, what to write, which markers to send. A transition is written before
// it is true, and at most one is under way.
//
// [Coordinator] is the shell around it. It coordinates the ids of the partitions of __transaction_state that this broker
// leads, answers requests from memory, and writes with the leader epoch in which a partition was loaded; that epoch is
// also the coordinator epoch in markers, by which the leaders of other partitions refuse a coordinator that was replaced.
//
// A transaction ends in two steps. Once PrepareCommit or PrepareAbort is committed to __transaction_state the outcome is
// decided, whatever crashes: the client is answered, and markers go to the leader of every partition until all have one.
// CompleteCommit or CompleteAbort is written last. A coordinator that loads an id in a Prepare state sends the markers.
//
// [Verifier] is the other end of KIP-890: the leader of a partition asks the coordinator whether the partition belongs to
// the open transaction before it appends the first batch.
//
// Sources: kafka-formats B.12, C.2, D.13; the KIPs above; Kafka 3.9's TransactionCoordinator.
package txn
