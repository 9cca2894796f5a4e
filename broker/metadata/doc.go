// Package metadata holds what the controller has told this broker about the cluster through UpdateMetadata: live
// brokers with their endpoints, topics with their ids, and each partition's leader, ISR and replicas.
//
// The whole picture is one immutable Snapshot behind an atomic pointer. Readers take a Snapshot and keep it for as
// long as they need a consistent view; they never lock and never see half of an update. Writers copy what changes.
// Whether an update may be applied (controller epoch, broker epoch) is decided by the caller.
package metadata
