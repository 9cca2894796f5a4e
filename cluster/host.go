package cluster

import (
	"context"
	"iter"
	"time"

	"klab/launcher/lifecycle"
)

// host is the launcher that runs a cluster's processes, as far as this package needs it.
type host interface {
	status(ctx context.Context) (hostStatus, error)
	// do returns when the verb is done; for start and restart when the broker is ready.
	do(ctx context.Context, verb BrokerVerb, id int32, by string) error
	// events yields the events after the one with sequence number after; with follow it goes on until ctx ends.
	events(ctx context.Context, after int64, follow bool) iter.Seq2[hostEvent, error]
}

// hostStatus is what the launcher knows of its processes.
type hostStatus struct {
	name      string
	zookeeper *ZooKeeper
	brokers   []hostBroker
}

type hostBroker struct {
	id      int32
	host    string
	port    int32
	pid     int // 0: no process
	state   lifecycle.State
	since   time.Time // when it came into state
	started time.Time // zero: never
	rss     int64     // bytes; -1 unknown
}

// hostEvent is a fact in the launcher's own sequence.
type hostEvent struct {
	seq   int64 // the launcher's number, which cause refers to
	cause int64
	fact  Fact
}
