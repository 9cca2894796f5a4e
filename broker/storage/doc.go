// Package storage is Kafka 3.9's log in its exact bytes: log directories,
// segments and their indexes, leader epochs, producer state, checkpoints. A
// directory that it closed can be opened by Apache Kafka 3.9, and the other way round.
//
// A [Dir] is one log directory and holds its lock; a [Log] is one replica's log
// in it. All file access goes through [klab/broker/storage/fsys], which is
// where faults enter.
//
// # Concurrency
//
// Everything is safe for concurrent use. An append holds its log's mutex while it assigns
// offsets and does one write(2), no longer: checks, decompression and
// conversion come before, syncs come after. (A new leader epoch, a truncation and the
// removal or replacement of segments sync under it: they are rare, and must be durable in order.) Reads take no lock that an
// append or a flush holds, but wait while files are cut, removed or replaced.
//
// # Durability
//
// As in Kafka, an append is not synced (flush.messages and flush.ms apart): replication makes it
// durable. What survives the death of the process is everything appended; what
// survives the loss of power is everything below [Log.RecoveryPoint], the
// epochs, and whatever else reached the disk, as a prefix.
//
// The argument: recovery trusts segments below the checkpointed recovery point
// and reads through all others, verifying each batch and rebuilding indexes, epochs and
// producers' state. So the recovery point may pass a segment only after its
// records, its complete indexes, the snapshot at its end and all their names are synced
// (Log.flushTo); a roll writes these but leaves the recovery point behind. Truncation
// lowers the checkpointed recovery point before it cuts anything, removes later segments from
// the last on, and makes the removal of snapshots and epochs durable before it
// returns. Small files are replaced by rename. The
// clean-shutdown marker vouches for everything and is written last, removed first.
//
// # Failure
//
// An error of the disk fails the whole [Dir], as in Kafka: see [Dir.Failed].
//
// Sources: Kafka 3.9; KIP-32, KIP-33, KIP-98, KIP-101, KIP-112, KIP-279, KIP-516.
package storage
