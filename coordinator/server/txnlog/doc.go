// Package txnlog keeps a tree on disk: a log of transactions and snapshots, in Apache ZooKeeper's own file formats, so
// that a stock ZooKeeper starts on a directory written here and the other way round.
//
// # Files
//
// Both live in a directory named version-2 (snapshots below dataDir, logs below dataLogDir). All integers are
// big-endian; records are in jute (package jute); zxids in names are hexadecimal.
//
//	log.<zxid of its first transaction>
//	  file header   int "ZKLG" | int 2 | long 0
//	  record        long Adler-32 of payload | buffer payload | byte 'B'
//	    payload     TxnHeader{long session, int cxid, long zxid, long time, int type} | body by type | TxnDigest{int, long}
//	  zeros         preallocated space: a record of length 0 is the end
//
//	snapshot.<zxid of the last transaction in it>
//	  file header   int "ZKSN" | int 2 | long -1
//	  sessions      int count | { long id, int timeout }
//	  ACL lists     int count | { long number, vector<ACL> }
//	  nodes         { ustring path ("" is the root), buffer data, long ACL number (-1 open), StatPersisted } | ustring "/"
//	  seal          long Adler-32 of all before | ustring "/"
//
// TxnDigest is an optional trailer that ZooKeeper compares only if it knows its version number. Ours, version "klab",
// holds the zxid of the first transaction of the batch that the record was written in.
//
// # Writing
//
// Append collects transactions, Commit writes them as one batch: one write at the end of the last segment, one fsync
// (and, for the first batch of a segment, an fsync of the directory). Nobody may be told of a transaction before Commit
// has returned nil. There is one writer, so a batch is written only after the one before is on disk. After an error the
// store is broken for good: what the disk holds is unknown until it is opened again.
//
// # The crash argument
//
// Transactions have consecutive zxids, and recovery checks that none is missing: between a snapshot and the first
// record after it, between records, and between segments.
//
//   - Killed between batches: every record is whole.
//   - Killed or cut off inside a batch: all before it is whole. Any part of the batch may be missing, also the middle
//     (after a power failure, pages reach the disk in any order). None of it was acknowledged. Recovery keeps the whole
//     records at its front, and cuts the file at the first bad one; the cut is fsynced before anything else is written.
//   - Killed between the write of a batch and its fsync: the next start finds the batch whole, and so shows it. It fsyncs
//     each segment that it replays, and the directory, before it shows or writes anything.
//   - A bad record that was once on disk: the disk lost acknowledged writes. If it is not in the last segment, or if a
//     whole record of a later batch follows it, recovery sees that and refuses to start. (The record's batch mark decides:
//     a batch that began after the last good transaction plus one cannot be the one that was being written.)
//     A bad last batch looks the same as one that was never finished: this is what the format cannot tell apart.
//   - A snapshot becomes visible by a rename after its fsync, and old files are removed only after the directory's. The
//     three newest snapshots are kept, and all log from the oldest of them on, so a damaged snapshot costs nothing.
package txnlog
