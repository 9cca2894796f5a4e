// Package internaltopic is a coordinator's memory: a topic of Kafka's own (__consumer_offsets, __transaction_state) whose
// partitions each hold the state of the groups or transactional ids that hash to them.
//
// Whoever leads a partition coordinates what is in it. A coordinator implements [Coordinator]: it is told when this broker
// begins to lead a partition and when it ceases to; it loads the partition with [Topic.Load], changes its state by
// [Topic.Append], and answers requests only for partitions that it has loaded. Every append names the leader epoch that the
// state was loaded in, so what a coordinator decided before it lost a partition can never be written after it got it back.
//
// Sources: kafka-formats C; KIP-98; Kafka 3.9's GroupMetadataManager and TransactionStateManager.
package internaltopic
