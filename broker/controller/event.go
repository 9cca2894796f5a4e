package controller

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/fact"
	"klab/coordinator/znode"
)

// Event is something that happened and that the Core must know.
type Event interface{ event() }

type (
	// Elected begins a reign: this broker won /controller.
	Elected struct {
		Epoch        int32 // controller epoch
		EpochVersion int32 // data version of /controller_epoch, for fencing
	}
	// Answered brings what ZooKeeper said to the last Ask, one answer a query.
	Answered struct{ Answers []Answer }
	// NodeChanged tells that a watch fired.
	NodeChanged struct{ Path string }
	// Replied brings a broker's response to a request sent to it.
	Replied struct {
		Broker   int32
		Request  kmsg.Request
		Response kmsg.Response
	}
	// AlterPartitionAsked is a leader's wish to change ISRs; answered by Reply.
	AlterPartitionAsked struct {
		ID      uint64
		Request *kmsg.AlterPartitionRequest
	}
	// ShutdownAsked is a broker's wish to hand over its leaderships; answered by Reply.
	ShutdownAsked struct {
		ID      uint64
		Request *kmsg.ControlledShutdownRequest
	}
	// ElectionAsked is a person's wish for elections; answered by Reply.
	ElectionAsked struct {
		ID      uint64
		Request *kmsg.ElectLeadersRequest
	}
	// ReassignmentAsked is a person's wish to move partitions; answered by Reply.
	ReassignmentAsked struct {
		ID      uint64
		Request *kmsg.AlterPartitionAssignmentsRequest
	}
	// ReassignmentsListed asks which partitions are on the move; answered by Reply.
	ReassignmentsListed struct {
		ID      uint64
		Request *kmsg.ListPartitionReassignmentsRequest
	}
	// RebalanceDue is the timer of auto.leader.rebalance.enable.
	RebalanceDue struct{}
	// UncleanElectionEnabled tells that a topic, or with "" every topic, now
	// allows unclean leader election.
	UncleanElectionEnabled struct{ Topic string }
	// UncleanElectionDefault tells the cluster's unclean.leader.election.enable, for topics that have none of their own.
	UncleanElectionDefault struct{ On bool }
)

func (Elected) event()                {}
func (Answered) event()               {}
func (NodeChanged) event()            {}
func (Replied) event()                {}
func (AlterPartitionAsked) event()    {}
func (ShutdownAsked) event()          {}
func (ElectionAsked) event()          {}
func (ReassignmentAsked) event()      {}
func (ReassignmentsListed) event()    {}
func (RebalanceDue) event()           {}
func (UncleanElectionEnabled) event() {}
func (UncleanElectionDefault) event() {}

// Effect is something the Core wants done. Effects are carried out in order.
type Effect interface{ effect() }

type (
	// Ask wants ZooKeeper queries run. They are independent of one another. It is
	// always the last effect, and the next event must be Answered.
	Ask struct{ Queries []Query }
	// OpenChannel wants a connection to a broker and a queue of its own.
	OpenChannel struct{ Broker znode.Broker }
	// CloseChannel wants the queue and the connection of a broker dropped.
	CloseChannel struct{ Broker int32 }
	// Send wants a request put on a broker's queue.
	Send struct {
		Broker  int32
		Request kmsg.Request
	}
	// Reply answers the request that came with the id.
	Reply struct {
		ID       uint64
		Response kmsg.Response
	}
	// Tell reports a fact; the shell adds time and broker.
	Tell struct{ Fact fact.Fact }
	// Warn wants a line in the log.
	Warn struct{ Text string }
	// Resign ends the reign. The Core must not be used afterwards.
	Resign struct {
		Reason string
		Fenced bool // another controller was elected
	}
)

func (Ask) effect()          {}
func (OpenChannel) effect()  {}
func (CloseChannel) effect() {}
func (Send) effect()         {}
func (Reply) effect()        {}
func (Tell) effect()         {}
func (Warn) effect()         {}
func (Resign) effect()       {}

// QueryKind says what a Query wants.
type QueryKind uint8

const (
	Read  QueryKind = iota // data, version and czxid of Path
	List                   // children of Path
	Look                   // whether Path exists
	Write                  // Ops, all or none, under the controller epoch check
	Prune                  // delete Path and all below it, under the controller epoch check
)

// Query is one wish to ZooKeeper.
type Query struct {
	Kind  QueryKind
	Path  string
	Watch bool // of Read, List and Look: arm a watch
	Ops   []Op
}

// OpKind says what an Op does.
type OpKind uint8

const (
	OpCreate OpKind = iota // persistent
	OpSet
	OpDelete
)

// Op is one part of a Write.
type Op struct {
	Kind    OpKind
	Path    string
	Data    []byte
	Version int32 // of OpSet and OpDelete; -1: any
}

// Answer is what came of one Query.
type Answer struct {
	Err      error // nil, ErrFenced, or session.ErrNoNode, ErrNodeExists, ErrBadVersion, …
	Failed   int   // index of the Op that Err is about
	Data     []byte
	Version  int32
	Czxid    int64
	Children []string
}

// ErrFenced answers a Write when another controller has been elected since.
var ErrFenced = errors.New("another controller was elected")
