package controller

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/coordinator/znode"
)

// As many partitions as fit are taken, and make a node that fits and is nearly full.
func TestAsManyPartitionsAsFit(t *testing.T) {
	for _, replicas := range []int{1, 2, 3} {
		n := fitting(racks("- - -"), math.MaxInt32, replicas)
		lists, why := assignReplicas(racks("- - -"), n, replicas, placement{})
		if why != nil {
			t.Fatal(why)
		}
		p := plan{id: znode.NewUUID(), partitions: lists}
		p.encode()
		if why := p.checkSize(); why != nil {
			t.Errorf("%d partitions with %d replicas: %s", n, replicas, why.message)
		}
		if free := maxData - len(p.assignment); free > maxData/5 {
			t.Errorf("%d partitions with %d replicas leave %d bytes free", n, replicas, free)
		}
	}
}

func TestPlansThatDoNotFitAreRefused(t *testing.T) {
	s := NewShell(ShellConfig{})
	v := view{brokers: racks("- - -")}
	many := make([]kmsg.CreateTopicsRequestTopicReplicaAssignment, 100_000)
	for i := range many {
		many[i] = kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: int32(i), Replicas: []int32{0}}
	}
	long := strings.Repeat("x", maxData)
	for name, c := range map[string]struct {
		topic kmsg.CreateTopicsRequestTopic
		err   *kerr.Error
		text  string
	}{
		"number": {kmsg.CreateTopicsRequestTopic{Topic: "t", NumPartitions: math.MaxInt32, ReplicationFactor: 3}, kerr.InvalidPartitions,
			"Number of partitions 2147483647 is too large: with 3 replicas each, "},
		"by hand": {kmsg.CreateTopicsRequestTopic{Topic: "t", NumPartitions: -1, ReplicationFactor: -1, ReplicaAssignment: many}, kerr.InvalidPartitions,
			"The assignment of topic 't' takes 1188998 bytes, and its node in ZooKeeper has room for 1044479."},
		"config": {kmsg.CreateTopicsRequestTopic{Topic: "t", NumPartitions: 1, ReplicationFactor: 1, Configs: []kmsg.CreateTopicsRequestTopicConfig{{Name: "k", Value: &long}}},
			kerr.InvalidConfig, "The configuration and the assignment of topic 't' take "},
	} {
		if _, why := s.planTopic(v, &c.topic); why == nil || why.err != c.err || !strings.HasPrefix(why.message, c.text) {
			t.Errorf("%s: %+v", name, why)
		}
	}
	_, why := planAddition(v, "t", topicView{partitions: map[int32][]int32{0: {0, 1}}}, math.MaxInt32, nil)
	if why == nil || why.err != kerr.InvalidPartitions || !strings.HasPrefix(why.message, "Number of partitions 2147483647 is too large") {
		t.Errorf("an addition: %+v", why)
	}
}

func TestCreatePartitionsThatDoNotFitIsRefused(t *testing.T) {
	l := newLab(t, 1)
	controller := l.controllerOf(1)
	l.create(controller, "t", []int32{1})
	req := kmsg.NewPtrCreatePartitionsRequest()
	given := make([]kmsg.CreatePartitionsRequestTopicAssignment, 100_000)
	for i := range given {
		given[i].Replicas = []int32{1}
	}
	req.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: "t", Count: int32(len(given)) + 1, Assignment: given}}
	for _, req.ValidateOnly = range []bool{true, false} {
		if out := controller.shell.CreatePartitions(t.Context(), req).Topics[0]; out.ErrorCode != kerr.InvalidPartitions.Code {
			t.Errorf("%+v", out)
		}
	}
}

// A reassignment is recorded in the topic's node, beside the replicas as they are: the node grows.
func TestReassignmentThatDoesNotFitIsRefused(t *testing.T) {
	s := newStage(t)
	for _, line := range []string{"broker 1 2 3", "elect", "topic t 1,2"} {
		s.command(strings.Fields(line))
	}
	// Somebody has added partitions, of which the controller has not heard yet, until no other had room.
	a := znode.TopicAssignment{ID: s.core.topics["t"].id, Partitions: map[int32]znode.ReplicaAssignment{0: {Replicas: []int32{1, 2}}}}
	for size, p := len(a.Encode()), int32(1); ; p++ {
		if size += len(`,"":[1,2]`) + digits(p); size > maxData {
			break
		}
		a.Partitions[p] = znode.ReplicaAssignment{Replicas: []int32{1, 2}}
	}
	if why := checkAssignmentSize("t", a.Encode()); why != nil {
		t.Fatal(why.message)
	}
	s.quietly(func() { s.tree.put(znode.TopicPath("t"), a.Encode()) })
	s.out.Reset()
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: "t", Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Replicas: []int32{2, 3}}}}}
	s.step(ReassignmentAsked{1, req})
	if got := s.out.String(); !strings.HasPrefix(got, "| reply AlterPartitionReassignments ok t-0[INVALID_PARTITIONS: The assignment of topic 't' takes ") {
		t.Errorf("it did %s", got)
	}
	if p := s.core.partition(TopicPartition{Topic: "t"}); p.assignment.IsReassigning() {
		t.Errorf("the controller believes in %+v", p.assignment)
	}
}

// Writes go together as long as ZooKeeper takes them together.
func TestLargeWritesGoApart(t *testing.T) {
	large := make([]byte, maxData/2)
	sizes := func(count int, data []byte) (sizes []int) {
		queries := make([]Query, count)
		var writes []int
		for i := range queries {
			queries[i] = write(Op{Kind: OpSet, Path: "/t", Data: data})
			writes = append(writes, i)
		}
		seen := 0
		for _, chunk := range chunks(queries, writes) {
			if chunk[0] != seen {
				t.Errorf("a chunk begins with %d after %d", chunk[0], seen)
			}
			seen += len(chunk)
			sizes = append(sizes, len(chunk))
		}
		return sizes
	}
	if got := sizes(35, nil); !slices.Equal(got, []int{4, 4, 4, 4, 4, 4, 4, 4, 3}) {
		t.Errorf("small ones: %v", got)
	}
	if got := sizes(35, large); len(got) != 35 {
		t.Errorf("large ones: %v", got)
	}
}
