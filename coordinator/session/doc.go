// Package session is a ZooKeeper client with the rules by which Apache Kafka
// uses ZooKeeper, over github.com/go-zookeeper/zk.
//
// The contract:
//
//   - Paths are relative to the chroot of the connect string. Paths in results
//     and events are relative too. Open makes the chroot when it is missing.
//   - A lost connection is not an error: a request waits until the client has
//     reconnected and is sent again, for as long as its context and the session
//     live. So a write may have been applied by an attempt whose answer was lost.
//     Create, Set and Delete recognise their own earlier success; after Multi the
//     caller must (MultiError.Retried says when).
//   - An expired session is an error, once: requests begun in it fail with
//     ErrExpired, then every Listener's Expired runs, and only after the last one
//     returned does the client make a new session, retrying for ever. Requests
//     begun in between wait for the new session. Ephemerals and watches of the old
//     session are gone; nothing re-creates them but the listeners.
//   - A request longer than ZooKeeper takes fails with ErrTooLong and is not sent.
//   - Watches are one-shot and survive a reconnect, after which an event may be of a
//     change that is known. Events reach Listener.Event in the order of the server,
//     before the answer to any later request.
//
// A Client is safe for concurrent use. Requests on it are pipelined.
package session
