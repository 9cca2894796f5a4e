// Package group is the consumer-group coordinator: Kafka's classic group protocol, and the offsets that groups commit, kept
// in __consumer_offsets.
//
// A [Group] is one group as a value, and decides: members join, synchronise, beat and leave, commits are accepted or not,
// offsets expire. Its methods take the time and a request, and return [Effects]: replies to those who wait, records to
// append, things to tell. It has no goroutine, clock, lock or log. A reply or record may come later than its cause, so a
// caller names each waiting request by a token, and tells the outcome of each append with [Group.Appended].
//
// The [Coordinator] is around it: which partitions of the topic this broker coordinates, loading them, a lock a group, a
// timer a group, and the appends. Effects are carried out after the group's lock is released, appends of one group in the
// order in which it decided them. It locks its table of partitions, then a partition's table of groups, then a group, and
// holds none of them while it appends or replies.
//
// Sources: kafka-formats C.1 and E; KIP-62 (session and rebalance timeouts), KIP-134 (initial delay), KIP-211 (expiry),
// KIP-345 and KIP-814 (static members), KIP-389 (group.max.size), KIP-394 (member id required), KIP-447 (transactional
// offsets), KIP-496 (OffsetDelete), KIP-800 (reasons).
package group
