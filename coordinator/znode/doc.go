// Package znode holds the paths and the contents of the znodes through which
// Kafka brokers in ZooKeeper mode agree: brokers, controller, topics, partition
// states, configs and notifications, as Apache Kafka 3.9 writes them.
//
// The contract:
//
//   - Encoders write compact JSON with a fixed key order. Kafka's own order is
//     that of a hash map, so no reader may depend on it.
//   - Decoders take any key order, white space and unknown keys, because other
//     versions of Kafka wrote these nodes too. Key names are case-sensitive. They
//     never panic, whatever the bytes.
//   - Null data (nil), empty data and {} differ in ZooKeeper; each decoder says
//     what it makes of them.
//
// The package knows neither ZooKeeper sessions nor Kafka's protocol.
package znode
