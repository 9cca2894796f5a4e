package controller

import (
	"errors"
	"fmt"
	"slices"

	"klab/broker/fact"
	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// CoreConfig are the settings the Core decides by.
type CoreConfig struct {
	BrokerID         int32
	Listener         string            // inter.broker.listener.name
	UncleanElection  bool              // unclean.leader.election.enable of the cluster
	DeleteTopics     bool              // delete.topic.enable
	ImbalancePercent int               // leader.imbalance.per.broker.percentage
	NewTopicID       func() znode.UUID // for topics that have none
}

// Core is the controller as a pure state machine. See the package comment.
type Core struct {
	cluster
	cfg          CoreConfig
	epoch        int32
	epochVersion int32

	agenda  []func()       // what is left to do for the current event, next first
	waiting func([]Answer) // what to do with the answers asked for; nil: nothing was asked
	out     []Effect       // effects of the current step
	batch   batch          // requests that the current state change will send
	over    bool           // resigned
}

// NewCore returns a controller before its election.
func NewCore(cfg CoreConfig) *Core {
	return &Core{cluster: newCluster(), cfg: cfg}
}

// Step takes one event and returns what it brings about. After an Ask the next
// event must be Answered; Answered must follow nothing else.
func (c *Core) Step(ev Event) []Effect {
	answered, isAnswer := ev.(Answered)
	if isAnswer != (c.waiting != nil) {
		panic(fmt.Sprintf("controller: event %T while waiting=%t", ev, c.waiting != nil))
	}
	if isAnswer {
		c.answer(answered.Answers)
	} else {
		c.begin(ev)
	}
	for c.waiting == nil && len(c.agenda) > 0 && !c.over {
		task := c.agenda[0]
		c.agenda = c.agenda[1:]
		task()
	}
	if c.waiting == nil && !c.over {
		c.tellOffline()
	}
	out := c.out
	c.out = nil
	return out
}

// begin starts work on an event that is not an answer.
func (c *Core) begin(ev Event) {
	switch ev := ev.(type) {
	case Elected:
		c.failover(ev)
	case NodeChanged:
		c.nodeChanged(ev.Path)
	case Replied:
		c.replied(ev)
	case AlterPartitionAsked:
		c.alterPartition(ev)
	case ShutdownAsked:
		c.controlledShutdown(ev)
	case ElectionAsked:
		c.electionAsked(ev)
	case ReassignmentAsked:
		c.reassignmentAsked(ev)
	case ReassignmentsListed:
		c.reassignmentsListed(ev)
	case RebalanceDue:
		c.rebalance()
	case UncleanElectionEnabled:
		c.electAfterUncleanEnabled(ev.Topic)
	case UncleanElectionDefault:
		c.cfg.UncleanElection = ev.On
		if ev.On {
			c.electAfterUncleanEnabled("")
		}
	default:
		panic(fmt.Sprintf("controller: unknown event %T", ev))
	}
}

// then puts tasks before what is left of the agenda. A task may ask ZooKeeper
// once, as its last act.
func (c *Core) then(tasks ...func()) {
	c.agenda = append(slices.Clone(tasks), c.agenda...)
}

// ask runs queries and goes on with use. With no queries it goes on at once.
func (c *Core) ask(queries []Query, use func([]Answer)) {
	if len(queries) == 0 {
		use(nil)
		return
	}
	if c.waiting != nil {
		panic("controller: asked twice")
	}
	c.waiting = use
	c.emit(Ask{queries})
}

// answer hands answers to whoever asked, unless they end the reign.
func (c *Core) answer(answers []Answer) {
	use := c.waiting
	c.waiting = nil
	for _, a := range answers {
		switch {
		case errors.Is(a.Err, ErrFenced):
			c.resign(a.Err.Error(), true)
			return
		case a.Err != nil && !expected(a.Err):
			c.resign(a.Err.Error(), false)
			return
		}
	}
	use(answers)
}

// expected reports whether err is one that whoever asked deals with.
func expected(err error) bool {
	return errors.Is(err, session.ErrNoNode) || errors.Is(err, session.ErrNodeExists) ||
		errors.Is(err, session.ErrBadVersion) || errors.Is(err, session.ErrNotEmpty)
}

func (c *Core) emit(e Effect) { c.out = append(c.out, e) }

func (c *Core) warn(format string, args ...any) { c.emit(Warn{fmt.Sprintf(format, args...)}) }

func (c *Core) tell(kind string, tp TopicPartition, fields map[string]any) {
	c.emit(Tell{fact.Fact{Kind: kind, Topic: tp.Topic, Partition: tp.Partition, Fields: fields}})
}

func (c *Core) resign(reason string, fenced bool) {
	c.agenda, c.waiting, c.over = nil, nil, true
	c.emit(Resign{Reason: reason, Fenced: fenced})
}

// nodeChanged dispatches a fired watch.
func (c *Core) nodeChanged(path string) {
	switch path {
	case znode.BrokersPath:
		c.brokersChanged()
	case znode.TopicsPath:
		c.topicsChanged()
	case znode.DeleteTopicsPath:
		c.deletionsChanged()
	case znode.ISRChangeNotificationPath:
		c.isrNotified()
	case znode.LogDirEventNotificationPath:
		c.logDirNotified()
	case znode.PreferredElectionPath:
		c.preferredElectionNotified()
	case znode.ReassignPartitionsPath:
		c.legacyReassignmentNotified(func(map[*partition]bool) {})
	default:
		if _, ok := znode.ChildOf(znode.BrokersPath, path); ok {
			c.brokerChanged(path)
		} else if name, ok := znode.ChildOf(znode.TopicsPath, path); ok {
			c.topicChanged(name)
		}
	}
}
