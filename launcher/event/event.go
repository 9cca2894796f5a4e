// Package event is what the launcher tells about a cluster: one fact, who saw it, when, and what it followed from.
//
// Events of one cluster are numbered from 1 in the order in which the supervisor learnt of them; the numbers go on when the
// cluster is started again. Time is when the source saw it, on this machine's clock, so two sources may be a little out of
// order by it. A reader keeps the last Seq it saw and asks for what comes after; a jump of Seq is a gap, and visible.
//
// No event is longer than [MaxBytes] as JSON, whoever wrote what is in it: [Event.Bounded] cuts what is long, and what is still
// too long after that is told without its fields.
package event

import (
	"encoding/json"
	"time"
)

// Event is one fact. In JSON, what an event does not have is left out.
type Event struct {
	Seq       int64
	Time      time.Time
	Source    string         // "supervisor", "broker 2", "zookeeper"
	Kind      string         // one of the Process kinds, or what a broker or ZooKeeper reports
	Broker    int32          // the broker it concerns; -1: none
	Topic     string         // empty: none
	Partition int32          // -1: none
	By        string         // who asked for it: "you", "demo failover"; empty: nobody
	Cause     int64          // Seq of the event that provoked it; 0: none known
	Fields    map[string]any // what the kind carries
}

// Kinds that the supervisor itself reports. All carry Fields "target" ("broker 3", "zookeeper") and, once there is a
// process, "pid". A kind that states an action (starting, stopping, killed, paused, resumed) has the time of its signal.
const (
	ProcessStarting = "process.starting" // an action: about to be started
	ProcessStarted  = "process.started"  // the process exists
	ProcessReady    = "process.ready"    // it serves; "ms" since the process was started
	ProcessStopping = "process.stopping" // an action: SIGTERM sent, a controlled shutdown begins
	ProcessKilled   = "process.killed"   // SIGKILL: an action, or By empty when it came from elsewhere
	ProcessPaused   = "process.paused"   // an action: SIGSTOP sent
	ProcessResumed  = "process.resumed"  // an action: SIGCONT sent
	ProcessStopped  = "process.stopped"  // it ended as asked by a stop; "code" or "signal"
	ProcessExited   = "process.exited"   // it ended: killed, or by itself with code 0; "code" or "signal"
	ProcessFailed   = "process.failed"   // it ended unasked or could not be started; "error", "code" or "signal", "log"

	ClusterStarting = "cluster.starting" // the supervisor begins; "name", "pid"
	ClusterReady    = "cluster.ready"    // every process is ready; "ms" since the supervisor was started
	ClusterStopping = "cluster.stopping" // an action: klab down, or a signal to the supervisor
	ClusterStopped  = "cluster.stopped"  // every process has ended
)

type wire struct {
	Seq       int64          `json:"seq"`
	Time      time.Time      `json:"time"`
	Source    string         `json:"source"`
	Kind      string         `json:"kind"`
	Broker    *int32         `json:"broker,omitempty"`
	Topic     string         `json:"topic,omitempty"`
	Partition *int32         `json:"partition,omitempty"`
	By        string         `json:"by,omitempty"`
	Cause     int64          `json:"cause,omitempty"`
	Fields    map[string]any `json:"fields,omitempty"`
}

// MarshalJSON leaves out the broker and the partition where there is none. An event that is longer than MaxBytes has one field
// instead of its own: "too_long", how many bytes they made of it.
func (e Event) MarshalJSON() ([]byte, error) {
	text, err := json.Marshal(e.wire())
	if err != nil || len(text) <= MaxBytes {
		return text, err
	}
	e.Fields = map[string]any{"too_long": len(text)}
	return json.Marshal(e.Bounded().wire())
}

func (e Event) wire() wire {
	w := wire{Seq: e.Seq, Time: e.Time, Source: e.Source, Kind: e.Kind, Topic: e.Topic, By: e.By, Cause: e.Cause, Fields: e.Fields}
	if e.Broker >= 0 {
		w.Broker = &e.Broker
	}
	if e.Partition >= 0 {
		w.Partition = &e.Partition
	}
	return w
}

// UnmarshalJSON is the inverse of MarshalJSON; an absent broker or partition becomes -1.
func (e *Event) UnmarshalJSON(data []byte) error {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*e = Event{Seq: w.Seq, Time: w.Time, Source: w.Source, Kind: w.Kind, Broker: -1, Topic: w.Topic, Partition: -1, By: w.By, Cause: w.Cause, Fields: w.Fields}
	if w.Broker != nil {
		e.Broker = *w.Broker
	}
	if w.Partition != nil {
		e.Partition = *w.Partition
	}
	return nil
}
