// Package server speaks Kafka's protocol to connections: it reads frames, decodes requests, calls a handler and writes the
// replies in the order of the requests.
//
// The contract with handlers:
//
//   - The goroutine that reads a connection calls the handler itself, one request after another, so appends happen in the
//     order in which a client sent them. A handler must not block; what takes long returns [Later]. One exception: a
//     Produce that opens a transaction in a partition waits for the transaction's coordinator, so that nothing overtakes it.
//   - A request may alias the frame it was read from (the records of a Produce do). The frame is reused once the reply
//     was written, or once the handler returned [None] or [Close]; nothing may keep a slice of the request longer.
//   - ctx ends when the connection goes away or the server closes.
//   - A panic in a handler closes its connection and nothing else.
//
// Hostile bytes cost what was sent: a frame's buffer grows with the bytes that arrive, never with the length that is
// claimed. Bytes that are no request, and keys and versions that are not served, close the connection, as Kafka does;
// ApiVersions alone answers an unknown version, in version 0 with the versions it knows (KIP-511).
package server
