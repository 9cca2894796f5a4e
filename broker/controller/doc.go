// Package controller is Kafka's controller in ZooKeeper mode: the one broker
// that decides who leads each partition, and tells the others.
//
// It has two parts.
//
// Core is the pure part: a struct that takes one Event at a time and returns
// Effects. It holds what the controller knows (live brokers, topics,
// assignments, partition states) and Kafka's partition and replica state
// machines. It has no goroutine, clock, socket or lock. What it wants from
// ZooKeeper it asks for by the effect Ask; the next event must then be Answered.
//
// Shell is the other part: it takes part in the election for /controller, runs
// one event loop over a Core while it holds that office, carries out the
// effects, and serves the controller's requests.
//
// The rules that hold throughout (Kafka 3.9, KIP-497, KIP-380):
//
//   - Every write to ZooKeeper is one transaction with a check of
//     /controller_epoch at the version that this controller wrote. When the check
//     fails another controller was elected: this one resigns and writes no more.
//   - A partition's state is written only at the version last read. On a conflict
//     it is read again and the decision made anew.
//   - A broker's requests go through one queue, in order, one in flight, retried
//     until they succeed or the broker is gone.
//   - Slices inside requests and states are never changed once made, so that
//     queues may encode them while the Core goes on.
package controller
