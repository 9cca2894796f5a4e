// Package broker assembles one Kafka broker: Apache Kafka 3.9's, in ZooKeeper mode.
//
// [Open] follows Kafka's order of what others can see (bind, read /cluster/id, check meta.properties, register under
// /brokers/ids, run for controller, serve), and does at the same time what does not depend on each other: the logs load
// while the ZooKeeper session opens. [Broker.Shutdown] follows Kafka's order too: leadership moves away first, the
// registration vanishes last. [Broker.Abandon] is what a crash would do.
//
// Faults enter through [Options]: the file system, the listener, both dialers and the clock.
package broker
