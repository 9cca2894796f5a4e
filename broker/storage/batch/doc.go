// Package batch is Kafka's record batch, format 2: reading it, checking it as a
// leader must before it appends one, changing it in place, decompressing it
// and building it. Message sets of format 0 and 1 are read, brought to format 2 (Upgrade) and
// made from it (Downgrade).
//
// A [Batch] is a view of bytes that somebody else owns; its accessors decode a
// field each and are valid as soon as the header is there. Nothing here trusts
// a length that it has read: every length is held against the bytes at hand before
// it is used, and compressed records are decompressed piece by piece, so that
// the memory in use does not depend on what a batch claims.
//
// Sources: Kafka 3.9, KIP-32, KIP-82, KIP-98, KIP-110 and KIP-534.
package batch
