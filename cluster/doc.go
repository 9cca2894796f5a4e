// Package cluster holds what is true of a running cluster, and the operations on it.
//
// Screens, demos and the command line all read a cluster through this package and nothing else, so that a fact has one
// source. It works against any cluster that speaks the Kafka protocol; where the launcher started the cluster, process
// states and the launcher's events are added.
//
// # Contract
//
//   - A [Snapshot] is immutable, published through an atomic pointer, and never older than its At says. Everything in it
//     was read from a broker, from ZooKeeper or from the operating system. What has not been read is unknown: -1 for a
//     number, the zero time for a time. Nothing is guessed, and nothing is carried on without its age.
//   - The [Timeline] is an append-only sequence of facts. Readers hold cursors; facts are dropped only at the old end, and
//     a reader whose cursor fell off sees the gap. A fact's Seq is its place in the sequence; its Time is when its source
//     saw it, so times of different sources may run against the sequence by a little.
//   - [Health] is computed in one place, from a snapshot. No other package judges whether a cluster is well.
//   - A broker that is dead, paused or cut off delays nothing that concerns the others: each broker is asked on its own
//     connection, with a deadline for each request.
//   - Every operation that changes something, or reads records, has an equivalent [Command], and is kept in the
//     [CommandLog].
//
// The cores (timeline, cause linking, health, the model that snapshots are built from) are structs without goroutine,
// clock or socket; the shell around them is in cluster.go and the probe files.
package cluster
