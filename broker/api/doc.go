// Package api answers Kafka's requests: one file an API key, named by it, each opening with the versions served and any
// difference from Apache Kafka 3.9.
//
// A handler checks, calls the part of the broker that decides, and puts the answer into the response. It keeps no state of
// its own: everything it knows is in [Deps]. It must not block (see package server): what waits for a disk, another broker
// or ZooKeeper answers later.
package api
