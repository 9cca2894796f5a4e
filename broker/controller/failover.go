package controller

import (
	"errors"
	"slices"
	"strconv"

	"klab/broker/fact"
	"klab/coordinator/session"
	"klab/coordinator/znode"
)

// failover takes up the office (Kafka 3.9, onControllerFailover): it arms the
// watches, reads everything, tells the brokers, and brings replicas, then
// partitions, to the states they can have.
func (c *Core) failover(e Elected) {
	c.epoch, c.epochVersion = e.Epoch, e.EpochVersion
	c.tell(fact.ControllerElected, TopicPartition{}, map[string]any{"broker": c.cfg.BrokerID, "epoch": e.Epoch})
	c.ask([]Query{
		{Kind: List, Path: znode.BrokersPath, Watch: true},
		{Kind: List, Path: znode.TopicsPath, Watch: true},
		{Kind: List, Path: znode.DeleteTopicsPath, Watch: true},
		{Kind: List, Path: znode.LogDirEventNotificationPath, Watch: true},
		{Kind: List, Path: znode.ISRChangeNotificationPath, Watch: true},
		{Kind: Look, Path: znode.PreferredElectionPath, Watch: true},
		{Kind: Look, Path: znode.ReassignPartitionsPath, Watch: true},
		{Kind: Read, Path: znode.FeaturePath},
	}, func(a []Answer) {
		slices.Sort(a[1].Children)
		c.load(a[0].Children, a[1].Children, stale(a[3], a[4]), feature(a[7]), func() {
			c.takeOffice(a[2].Children, a[5].Err == nil)
		})
	})
}

// stale lists deletions of the notifications that were meant for the controller before.
func stale(logDirs, isrs Answer) []Query {
	var queries []Query
	for _, name := range logDirs.Children {
		queries = append(queries, remove(znode.LogDirEventNotificationPath+"/"+name))
	}
	for _, name := range isrs.Children {
		queries = append(queries, remove(znode.ISRChangeNotificationPath+"/"+name))
	}
	return queries
}

// feature makes sure that /feature is there, enabled, and in version 2.
func feature(read Answer) []Query {
	wanted := znode.Feature{Version: 2, Enabled: true}
	if errors.Is(read.Err, session.ErrNoNode) {
		return []Query{write(Op{Kind: OpCreate, Path: znode.FeaturePath, Data: wanted.Encode()})}
	}
	if found, err := znode.DecodeFeature(read.Data); err == nil && found == wanted {
		return nil
	}
	return []Query{write(Op{Kind: OpSet, Path: znode.FeaturePath, Data: wanted.Encode(), Version: read.Version})}
}

// load reads brokers, topics and partition states, and does the chores.
func (c *Core) load(brokers, topics []string, chores, more []Query, then func()) {
	queries := slices.Concat(readAll(znode.BrokersPath, brokers), readAll(znode.TopicsPath, topics), chores, more)
	c.ask(queries, func(answers []Answer) {
		for i, name := range brokers {
			c.putBroker(name, answers[i])
		}
		var unnamed []*topic
		for i, name := range topics {
			if t := c.putAssignment(name, answers[len(brokers)+i]); t != nil && t.id == (znode.UUID{}) {
				unnamed = append(unnamed, t)
			}
		}
		c.then(
			func() { c.giveIDs(unnamed) },
			func() { c.readStates(c.allPartitions(), func() {}) },
			then,
		)
	})
}

// readAll reads the children of a directory and watches each.
func readAll(dir string, names []string) []Query {
	queries := make([]Query, len(names))
	for i, name := range names {
		queries[i] = Query{Kind: Read, Path: dir + "/" + name, Watch: true}
	}
	return queries
}

// putBroker makes a registered broker known. It may be gone already.
func (c *Core) putBroker(name string, a Answer) (id int32, ok bool) {
	n, err := strconv.ParseInt(name, 10, 32)
	if err != nil || a.Err != nil {
		return 0, false
	}
	b, err := znode.DecodeBroker(int32(n), a.Data)
	if err != nil {
		c.warn("broker %s is ignored: %v", name, err)
		return 0, false
	}
	c.brokers[b.ID] = liveBroker{Broker: b, epoch: a.Czxid}
	return b.ID, true
}

// putAssignment makes a topic and its partitions known, all NonExistent.
func (c *Core) putAssignment(name string, a Answer) *topic {
	if a.Err != nil {
		return nil // deleted meanwhile
	}
	assignment, err := znode.DecodeTopicAssignment(name, a.Data)
	if err != nil {
		c.warn("topic %s is ignored: %v", name, err)
		return nil
	}
	t := c.putTopic(name, assignment.ID)
	for id, replicas := range assignment.Partitions {
		if t.partitions[id] == nil {
			t.putPartition(id, replicas)
		}
	}
	return t
}

// giveIDs adds ids to topics that were made before Kafka had any. It reads
// them again, so that nothing else in their nodes is lost.
func (c *Core) giveIDs(topics []*topic) {
	reads := make([]Query, len(topics))
	for i, t := range topics {
		reads[i] = Query{Kind: Read, Path: znode.TopicPath(t.name)}
	}
	c.ask(reads, func(answers []Answer) {
		var writes []Query
		var written []*topic
		for i, t := range topics {
			assignment, err := znode.DecodeTopicAssignment(t.name, answers[i].Data)
			if err != nil || assignment.ID != (znode.UUID{}) {
				c.putTopic(t.name, assignment.ID)
				continue // deleted, or somebody was quicker
			}
			assignment.ID = c.cfg.NewTopicID()
			c.putTopic(t.name, assignment.ID)
			written = append(written, t)
			writes = append(writes, write(Op{Kind: OpSet, Path: znode.TopicPath(t.name), Data: assignment.Encode(), Version: answers[i].Version}))
		}
		c.ask(writes, func(answers []Answer) { c.retryIDs(written, answers) })
	})
}

// retryIDs takes back the ids that could not be written and tries again.
func (c *Core) retryIDs(topics []*topic, answers []Answer) {
	var again []*topic
	for i, t := range topics {
		if answers[i].Err != nil {
			delete(c.names, t.id)
			t.id = znode.UUID{}
			again = append(again, t)
		}
	}
	if len(again) > 0 {
		c.then(func() { c.giveIDs(again) })
	}
}

// takeOffice tells the brokers and starts the state machines.
func (c *Core) takeOffice(markers []string, preferredPending bool) {
	for _, id := range c.brokerIDs() {
		c.emit(OpenChannel{c.brokers[id].Broker})
	}
	// A deletion that was cut off between the topic's nodes and its marker left a marker that asks for nothing: were it to
	// stay, it would delete the next topic of that name.
	idle := c.queueDeletions(markers)
	// All partitions at once, where Kafka begins with none: a broker that has just started and knows some partitions of an
	// internal topic would look for coordinators by their number, and a coordinator would take a partition that it has not heard
	// of for deleted.
	c.sendMetadata(c.brokerIDs(), c.partitions(func(p *partition) bool { return p.leadership != nil })...)
	tasks := []func(){c.startReplicas, c.startPartitions, c.resumeAllReassignments, c.resumeDeletions}
	if len(idle) > 0 {
		tasks = append(tasks, func() { c.ask(idle, func([]Answer) {}) })
	}
	if preferredPending {
		tasks = append(tasks, c.preferredElectionNotified)
	}
	c.then(tasks...)
}

// startReplicas brings replicas on live brokers Online, telling them their
// partitions' states, and takes the others out of the ISRs.
func (c *Core) startReplicas() {
	var on, off []replica
	for _, r := range replicasOf(c.allPartitions()) {
		if c.isOnline(r.broker, r.TopicPartition) {
			r.replicas[r.broker] = replicaOnline
			on = append(on, r)
			continue
		}
		r.replicas[r.broker] = replicaDeletionIneligible
		if !r.topic.deletion.queued {
			off = append(off, r)
		}
	}
	c.tellDead(off)
	c.then(
		func() { c.replicasOnline(on) },
		func() { c.replicasOffline(off) },
	)
}

// tellDead tells which brokers are down that the controller before still
// counted on: they are in some ISR.
func (c *Core) tellDead(off []replica) {
	told := make(map[int32]bool)
	for _, r := range off {
		if _, registered := c.brokers[r.broker]; registered || told[r.broker] || r.leadership == nil {
			continue
		}
		if r.leader() != znode.NoLeader && slices.Contains(r.leadership.ISR, r.broker) {
			told[r.broker] = true
			c.tell(fact.BrokerDown, TopicPartition{}, map[string]any{"broker": r.broker})
		}
	}
}

// startPartitions makes each partition New, Online or Offline by what is known
// of its leader, and gives leaders to those that lack one.
func (c *Core) startPartitions() {
	for _, p := range c.allPartitions() {
		switch {
		case p.leadership == nil:
			p.phase = partitionNew
		case c.hasLeaderOnline(p):
			p.phase = partitionOnline
		default:
			p.phase = partitionOffline
		}
	}
	c.triggerOnline()
}

func remove(path string) Query {
	return write(Op{Kind: OpDelete, Path: path, Version: session.AnyVersion})
}
