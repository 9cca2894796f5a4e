// Package tree is ZooKeeper's data: znodes, their ACLs and quotas, sessions with their ephemerals, and watches.
//
// It is a pure core. A Tree is a value that operations go into and results, watch events and changes come out of; it
// holds no goroutine, clock, file, socket or mutex, and two trees given the same calls are the same tree. What it cannot
// know is an input: the zxid and the time of a write (Stamp), and the session and identities of who asks (Caller).
//
// # Writes
//
// Write takes one or more operations and applies all of them or none. It answers with an Outcome: a Result for each
// operation, the Events that watches may wait for, and the Changes. A Change is a resolved effect (the final path with
// its sequence suffix, the new version), so the shell can log it and Replay can apply it to another tree without
// deciding anything again. A write that fails, or that only checks versions, changes nothing and uses no zxid.
//
// The tree shows the effect at once. A shell that promises durability must therefore keep back every answer and event
// computed from the tree until the changes that came before are on disk.
//
// # Order of errors
//
// Which of several errors a client sees follows ZooKeeper 3.8.4: for create, mode, path, ACL, parent, CREATE permission,
// suffix and full path, existence, ephemeral parent, quota; for delete, path, parent, DELETE permission on the parent,
// existence, version, children; for setData, path, existence, WRITE permission, quota, version.
//
// A Tree and a Watches are for one goroutine at a time. Slices and strings given to a tree belong to it afterwards;
// those it returns must not be changed.
package tree
