// Package server is a ZooKeeper server for one process: the client protocol of Apache ZooKeeper 3.8, standalone mode,
// on ZooKeeper's own files (package txnlog).
//
// # One order
//
// One goroutine, the processor, owns the tree, the sessions and the watches, and takes everything that happens from one
// queue: requests of all connections, reads too, disconnections, expirations. It takes as many as are waiting, applies
// them one after another, writes all their transactions with one fsync, and only then lets go of the answers and watch
// events that came of them. From this follow ZooKeeper's guarantees:
//
//   - a connection's answers come in the order of its requests, and its later requests see its earlier writes;
//   - a watch event reaches a connection before any answer that shows the change, the writer's own answer included;
//   - nothing is shown to anyone before it is on disk, so no crash takes back what a client has seen;
//   - zxids in answers never decrease.
//
// If the log cannot be written the server ends, all connections are dropped, and Serve returns the error.
//
// Each connection has a goroutine that reads and decodes frames and one that writes answers. A full queue
// (globalOutstandingLimit), or a client that does not read its answers, stops that connection's reader. If what it has asked
// for before comes to more than 65 MiB, the connection is dropped. So memory is bounded: a batch ends also when its answers
// are many bytes.
//
// # Sessions
//
// A session outlives its connection and, by the log, the server: a clean end of Serve closes no session. It expires
// when its client has not been heard for its timeout, not at the next tick as in ZooKeeper; one timer waits for the
// session that is due first. The reader notes when a client was heard, so requests that wait for a slow disk count. If
// the process itself was stopped or starved (the timer fires far too late), every session gets its full timeout again.
//
// # Not served
//
// Ensembles, reconfiguration, read-only mode, SASL and TLS. A failed write uses no zxid.
package server
