// Package child is what a broker's or ZooKeeper's process runs: it turns properties into a running broker or ZooKeeper, facts into
// events for the supervisor, and orders and signals into an end in good order. It is the only part of the launcher that
// imports brokers and the coordinator.
//
// SIGTERM asks for an end in good order, and so do Ctrl-C and the end of the terminal in the foreground: a broker hands its
// leaderships over first. The exit code is 0 after that, 2 for a configuration that a person has to change, 1 for anything else.
package child
