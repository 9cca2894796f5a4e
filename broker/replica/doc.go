// Package replica hosts this broker's replicas: it joins each partition's decisions (package partition) to its log
// (package storage), serves producers, consumers and followers, and follows the leaders on other brokers.
//
// # Locks
//
// There is one mutex a partition and no lock for the broker as a whole: the table of partitions is an immutable map
// behind an atomic pointer, and only the controller's requests, which are serialised, replace it. A partition's mutex
// is held to decide and to append, never to read records, to wait, or to call out. Completing waiters, waking fetches
// and sending proposals happens after it was released. The order is: a fetch session's mutex, then a partition's, then
// the log's own.
//
// # A write with acks=all
//
// The producer's connection appends under the partition's lock and leaves a waiter. After the lock is released it
// answers the parked fetches of the followers itself, so that no other goroutine stands between the append and the
// socket. Each follower's next fetch tells how far its log reaches; the one that lets the high watermark pass the
// write completes the waiter, on the goroutine of that follower's connection.
//
// Sources: Kafka 3.9; KIP-227 (fetch sessions), KIP-320 (epochs in fetches), KIP-497 (AlterPartition), KIP-516 (topic
// ids), KIP-595 (diverging epochs), KIP-951 (leader hints).
package replica
