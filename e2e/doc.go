// Package e2e proves klab from outside: it runs the binary named by $KLAB as a person would, and talks to the cluster that
// this starts on 127.0.0.1:9093-9095 with Kafka clients.
//
// Build tag e2e holds what needs only Go, interop what needs other people's software (./install gets it), bench the
// measurements. Every test starts its own cluster in a folder of its own and leaves no process behind; they run one after
// the other, since the ports are shared. The package has no code outside its tests.
package e2e
