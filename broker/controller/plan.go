package controller

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/coordinator/znode"
)

// view is what the controller knows that a plan depends on. It is a copy.
type view struct {
	brokers      []brokerRack
	topics       map[string]topicView
	names        map[znode.UUID]string
	epochVersion int32
}

type topicView struct {
	id          znode.UUID
	deleting    bool
	reassigning bool
	partitions  map[int32][]int32
}

// look copies what plans depend on.
func (r *reign) look() view {
	v := view{topics: make(map[string]topicView, len(r.core.topics)), names: make(map[znode.UUID]string, len(r.core.topics)), epochVersion: r.exec.epochVersion}
	for _, id := range r.core.brokerIDs() {
		if r.core.isLive(id) {
			v.brokers = append(v.brokers, brokerRack{id, r.core.brokers[id].Rack})
		}
	}
	for name, t := range r.core.topics {
		tv := topicView{id: t.id, deleting: t.deletion.queued, partitions: make(map[int32][]int32, len(t.partitions))}
		for id, p := range t.partitions {
			tv.partitions[id] = p.assignment.Replicas
			tv.reassigning = tv.reassigning || p.assignment.IsReassigning()
		}
		v.topics[name] = tv
		v.names[t.id] = name
	}
	return v
}

// plan is a topic that may be created.
type plan struct {
	name       string
	id         znode.UUID
	partitions map[int32][]int32
	overrides  map[string]string
	assignment []byte // data of the topic's node
	config     []byte // data of its config's node
	described  []kmsg.CreateTopicsResponseTopicConfig
}

// planTopic decides how a topic is created, or why not, in Kafka's order.
func (s *Shell) planTopic(v view, t *kmsg.CreateTopicsRequestTopic) (plan, *refusal) {
	p := plan{name: t.Topic, overrides: make(map[string]string, len(t.Configs))}
	if why := checkNewName(v, t.Topic); why != nil {
		return p, why
	}
	var nulls []string
	for _, c := range t.Configs {
		if c.Value == nil {
			nulls = append(nulls, c.Name)
			continue
		}
		p.overrides[c.Name] = *c.Value
	}
	if len(nulls) > 0 {
		return p, refuse(kerr.InvalidConfig, "Null value not supported for topic configs: %s", strings.Join(nulls, ","))
	}
	var why *refusal
	if p.partitions, why = s.planPartitions(v, t); why != nil {
		return p, why
	}
	if s.cfg.TopicConfig != nil {
		var err error
		if p.described, err = s.cfg.TopicConfig(p.overrides); err != nil {
			return p, refuse(kerr.InvalidConfig, "%s", err)
		}
	}
	p.id = s.cfg.NewTopicID()
	p.encode()
	return p, p.checkSize()
}

// encode makes the data of the topic's nodes.
func (p *plan) encode() {
	a := znode.TopicAssignment{ID: p.id, Partitions: make(map[int32]znode.ReplicaAssignment, len(p.partitions))}
	for id, replicas := range p.partitions {
		a.Partitions[id] = znode.ReplicaAssignment{Replicas: replicas}
	}
	p.assignment, p.config = a.Encode(), znode.EncodeConfig(p.overrides)
}

// checkSize refuses what does not fit the one transaction that makes both nodes.
func (p *plan) checkSize() *refusal {
	if why := checkAssignmentSize(p.name, p.assignment); why != nil {
		return why
	}
	if n := len(p.assignment) + len(p.config); n > maxData {
		return refuse(kerr.InvalidConfig, "The configuration and the assignment of topic '%s' take %d bytes, and ZooKeeper takes %d at a time.", p.name, n, maxData)
	}
	return nil
}

func checkNewName(v view, name string) *refusal {
	if why := checkTopicName(name); why != nil {
		return why
	}
	if t, ok := v.topics[name]; ok && t.deleting {
		return refuse(kerr.TopicAlreadyExists, "Topic '%s' is marked for deletion.", name)
	} else if ok {
		return alreadyExists(name)
	}
	return nil
}

func alreadyExists(name string) *refusal {
	return refuse(kerr.TopicAlreadyExists, "Topic '%s' already exists.", name)
}

func (s *Shell) planPartitions(v view, t *kmsg.CreateTopicsRequestTopic) (map[int32][]int32, *refusal) {
	if len(t.ReplicaAssignment) > 0 {
		if t.NumPartitions != -1 || t.ReplicationFactor != -1 {
			return nil, refuse(kerr.InvalidRequest, "Both numPartitions or replicationFactor and replicasAssignments were set. Both cannot be used at the same time.")
		}
		return manualAssignment(t.ReplicaAssignment)
	}
	partitions, replicas := t.NumPartitions, t.ReplicationFactor
	if partitions == -1 {
		partitions = s.cfg.DefaultPartitions
	}
	if replicas == -1 {
		replicas = s.cfg.DefaultReplicas
	}
	at := placement{}
	if n := len(v.brokers); n > 0 {
		at.start, at.shift = rand.IntN(n), rand.IntN(n)
	}
	return assignReplicas(v.brokers, partitions, int(replicas), at)
}

// manualAssignment checks an assignment given by hand. As in Kafka, brokers that
// are not known are allowed.
func manualAssignment(given []kmsg.CreateTopicsRequestTopicReplicaAssignment) (map[int32][]int32, *refusal) {
	out := make(map[int32][]int32, len(given))
	for _, a := range given {
		if len(a.Replicas) != len(given[0].Replicas) {
			return nil, refuse(kerr.InvalidReplicaAssignment, "All partitions should have the same number of replicas")
		}
		if hasDuplicates(a.Replicas) {
			return nil, refuse(kerr.InvalidReplicaAssignment, "Duplicate replica assignment found: %s", duplicatesIn(given))
		}
		out[a.Partition] = a.Replicas
	}
	for p := range int32(len(given)) {
		if _, ok := out[p]; !ok {
			return nil, refuse(kerr.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
		}
	}
	if len(given[0].Replicas) == 0 {
		return nil, refuse(kerr.InvalidReplicationFactor, "Replication factor must be larger than 0.")
	}
	return out, nil
}

// planAddition decides where the partitions go that bring a topic to count.
func planAddition(v view, name string, t topicView, count int32, given []kmsg.CreatePartitionsRequestTopicAssignment) (map[int32][]int32, *refusal) {
	now := int32(len(t.partitions))
	first, ok := t.partitions[0]
	switch {
	case t.deleting:
		return nil, refuse(kerr.InvalidTopicException, "The topic is queued for deletion.")
	case t.reassigning:
		return nil, refuse(kerr.ReassignmentInProgress, "A partition reassignment is in progress for the topic '%s'.", name)
	case count < now:
		return nil, refuse(kerr.InvalidPartitions, "Topic currently has %d partitions, which is higher than the requested %d.", now, count)
	case count == now:
		return nil, refuse(kerr.InvalidPartitions, "Topic already has %d partitions.", now)
	case !ok || len(first) == 0:
		return nil, refuse(kerr.UnknownServerError, "Unexpected existing replica assignment for topic '%s', partition id 0 is missing.", name)
	case given != nil:
		return manualAddition(v, now, count-now, len(first), given)
	}
	return assignReplicas(v.brokers, count-now, len(first), continueAt(v.brokers, first[0], now))
}

func manualAddition(v view, now, more int32, replicas int, given []kmsg.CreatePartitionsRequestTopicAssignment) (map[int32][]int32, *refusal) {
	var unknown []int32
	for _, a := range given {
		for _, id := range a.Replicas {
			if !slices.ContainsFunc(v.brokers, func(b brokerRack) bool { return b.id == id }) {
				unknown = append(unknown, id)
			}
		}
	}
	if len(unknown) > 0 {
		return nil, refuse(kerr.InvalidReplicaAssignment, "Unknown broker(s) in replica assignment: %s.", listOf(unknown))
	}
	if int32(len(given)) != more {
		return nil, refuse(kerr.InvalidReplicaAssignment, "Increasing the number of partitions by %d but %d assignments provided.", more, len(given))
	}
	out := make(map[int32][]int32, len(given))
	for i, a := range given {
		id := now + int32(i)
		switch {
		case len(a.Replicas) == 0:
			return nil, refuse(kerr.InvalidReplicaAssignment, "Cannot have replication factor of 0 for partition id %d.", id)
		case hasDuplicates(a.Replicas):
			return nil, refuse(kerr.InvalidReplicaAssignment, "Duplicate brokers not allowed in replica assignment: %s for partition id %d.", listOf(a.Replicas), id)
		case len(a.Replicas) != replicas:
			return nil, refuse(kerr.InvalidReplicaAssignment, "Inconsistent replication factor between partitions, partition 0 has %d while partitions [%d] have replication factors [%d], respectively.", replicas, id, len(a.Replicas))
		}
		out[id] = a.Replicas
	}
	return out, nil
}

// duplicatesIn shows the assignments that name a broker twice, as Scala shows a map.
func duplicatesIn(given []kmsg.CreateTopicsRequestTopicReplicaAssignment) string {
	var bad []string
	for _, a := range given {
		if hasDuplicates(a.Replicas) {
			bad = append(bad, fmt.Sprintf("%d -> %s", a.Partition, seqOf("ArrayBuffer", a.Replicas)))
		}
	}
	return "HashMap(" + strings.Join(bad, ", ") + ")"
}

func hasDuplicates(ids []int32) bool {
	sorted := slices.Sorted(slices.Values(ids))
	return len(slices.Compact(sorted)) != len(ids)
}

func listOf(ids []int32) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(ids), " ", ", "), "[]")
}
