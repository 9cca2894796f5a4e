// Package config knows every configuration of an Apache Kafka 3.9 broker in ZooKeeper mode: name, type, default, valid
// values, and whether it may change while the broker runs.
//
// The knowledge is data: broker.tsv and topic.tsv, embedded and parsed on first use. Keys that only a JVM or KRaft can use are
// known too, so that a server.properties of Kafka's loads unchanged; [Key.Unused] tells them apart.
//
// A [Config] has three layers, as Kafka has: the broker's own /config/brokers/<id>, the cluster-wide
// /config/brokers/<default>, and the static properties the broker was started with; below them lie the defaults. Readers
// see one immutable view at a time and never wait; [Config.SetDynamic] publishes the next one.
//
// A topic's configuration is resolved per key: the topic's override, else the broker key it is a synonym of, else the
// default ([Config.Topic]).
package config
