package controller

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

func racks(words string) []brokerRack {
	var out []brokerRack
	for i, word := range strings.Fields(words) {
		out = append(out, brokerRack{int32(i), strings.Trim(word, "-")})
	}
	return out
}

func show(assignment map[int32][]int32) string {
	var words []string
	for _, p := range slices.Sorted(maps.Keys(assignment)) {
		words = append(words, fmt.Sprintf("%d%v", p, assignment[p]))
	}
	return strings.Join(words, " ")
}

// The examples of Kafka's own documentation of the algorithm.
func TestAssignReplicas(t *testing.T) {
	for name, c := range map[string]struct {
		brokers    []brokerRack
		partitions int32
		at         placement
		want       string
	}{
		"five brokers": {racks("- - - - -"), 10, placement{},
			"0[0 1 2] 1[1 2 3] 2[2 3 4] 3[3 4 0] 4[4 0 1] 5[0 2 3] 6[1 3 4] 7[2 4 0] 8[3 0 1] 9[4 1 2]"},
		"three racks": {racks("rack1 rack3 rack3 rack2 rack2 rack1"), 7, placement{},
			"0[0 3 1] 1[3 1 5] 2[1 5 4] 3[5 4 2] 4[4 2 0] 5[2 0 3] 6[0 4 2]"},
		"added partitions go on": {racks("- - - - -"), 3, continueAt(racks("- - - - -"), 0, 4),
			"4[4 0 1] 5[0 2 3] 6[1 3 4]"},
		"first broker is gone": {racks("- - -"), 1, continueAt(racks("- - -"), 9, 3), "3[0 2 1]"},
	} {
		t.Run(name, func(t *testing.T) {
			got, why := assignReplicas(c.brokers, c.partitions, 3, c.at)
			if why != nil || show(got) != c.want {
				t.Errorf("got  %s %v\nwant %s", show(got), why, c.want)
			}
		})
	}
}

func TestAssignReplicasRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		brokers    []brokerRack
		partitions int32
		replicas   int
		err        *kerr.Error
		message    string
	}{
		"no partitions":     {racks("- -"), 0, 1, kerr.InvalidPartitions, "Number of partitions must be larger than 0."},
		"no replicas":       {racks("- -"), 1, 0, kerr.InvalidReplicationFactor, "Replication factor must be larger than 0."},
		"too many":          {racks("- -"), 1, 3, kerr.InvalidReplicationFactor, "Replication factor: 3 larger than available brokers: 2."},
		"some racks only":   {racks("a -"), 1, 1, kerr.UnknownServerError, "Not all brokers have rack information for replica rack aware assignment."},
		"no brokers at all": {nil, 1, 1, kerr.InvalidReplicationFactor, "Replication factor: 1 larger than available brokers: 0."},
		"no room": {racks("- -"), math.MaxInt32, 2, kerr.InvalidPartitions,
			"Number of partitions 2147483647 is too large: with 2 replicas each, 70355 fit the topic's node in ZooKeeper."},
	} {
		_, why := assignReplicas(c.brokers, c.partitions, c.replicas, placement{})
		if why == nil || why.err != c.err || why.message != c.message {
			t.Errorf("%s: %+v", name, why)
		}
	}
}

func TestAssignmentsAreFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "brokers")
		rackCount := rapid.IntRange(0, n).Draw(t, "racks")
		var brokers []brokerRack
		perRack := make(map[string]int)
		for i := range n {
			b := brokerRack{id: int32(i * 3)}
			if rackCount > 0 {
				b.rack = fmt.Sprint("r", i%rackCount)
				perRack[b.rack]++
			}
			brokers = append(brokers, b)
		}
		replicas := rapid.IntRange(1, n).Draw(t, "replicas")
		partitions := rapid.Int32Range(1, 40).Draw(t, "partitions")
		at := placement{start: rapid.IntRange(0, n-1).Draw(t, "start"), shift: rapid.IntRange(0, n-1).Draw(t, "shift")}
		got, why := assignReplicas(brokers, partitions, replicas, at)
		if why != nil {
			t.Fatal(why)
		}
		leads := make(map[int32]int)
		for p := range partitions {
			if len(got[p]) != replicas || hasDuplicates(got[p]) {
				t.Fatalf("partition %d: %v", p, got[p])
			}
			leads[got[p][0]]++
			used := make(map[string]bool)
			for _, id := range got[p] {
				used[brokers[id/3].rack] = true
			}
			if rackCount > 0 && len(used) != min(replicas, rackCount) {
				t.Fatalf("partition %d on %v uses racks %v of %d", p, got[p], used, rackCount)
			}
		}
		for _, b := range brokers {
			if lo := int(partitions) / n; leads[b.id] < lo || leads[b.id] > lo+1 {
				t.Fatalf("broker %d leads %d of %d partitions on %d brokers", b.id, leads[b.id], partitions, n)
			}
		}
	})
}

func TestTopicNames(t *testing.T) {
	for name, want := range map[string]string{
		"orders_1.x-Y":           "",
		"":                       "Topic name is invalid: the empty string is not allowed",
		".":                      "Topic name is invalid: '.' is not allowed",
		"..":                     "Topic name is invalid: '..' is not allowed",
		"a b":                    "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
		"ä":                      "Topic name is invalid: 'ä' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
		"a/b":                    "Topic name is invalid: 'a/b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
		strings.Repeat("x", 249): "",
	} {
		why := checkTopicName(name)
		if (why == nil) != (want == "") || why != nil && (why.message != want || why.err != kerr.InvalidTopicException) {
			t.Errorf("%q: %+v, want %q", name, why, want)
		}
	}
	if checkTopicName(strings.Repeat("x", 250)) == nil {
		t.Error("a name of 250 characters was taken")
	}
}

func TestPlanTopic(t *testing.T) {
	s := NewShell(ShellConfig{DefaultPartitions: 4, DefaultReplicas: 2, TopicConfig: func(overrides map[string]string) ([]kmsg.CreateTopicsResponseTopicConfig, error) {
		if _, ok := overrides["bad"]; ok {
			return nil, fmt.Errorf("Unknown topic config name: bad")
		}
		return nil, nil
	}})
	v := view{brokers: racks("- - -"), topics: map[string]topicView{"here": {}, "going": {deleting: true}}}
	manual := func(lists ...[]int32) (out []kmsg.CreateTopicsRequestTopicReplicaAssignment) {
		for i, list := range lists {
			out = append(out, kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: int32(i), Replicas: list})
		}
		return out
	}
	for name, c := range map[string]struct {
		topic kmsg.CreateTopicsRequestTopic
		err   *kerr.Error
		text  string
	}{
		"defaults":      {kmsg.CreateTopicsRequestTopic{Topic: "t", NumPartitions: -1, ReplicationFactor: -1}, nil, "4x2"},
		"given":         {kmsg.CreateTopicsRequestTopic{Topic: "t", NumPartitions: 3, ReplicationFactor: 3}, nil, "3x3"},
		"by hand":       {kmsg.CreateTopicsRequestTopic{Topic: "t", NumPartitions: -1, ReplicationFactor: -1, ReplicaAssignment: manual([]int32{7, 8}, []int32{8, 9})}, nil, "2x2"},
		"exists":        {kmsg.CreateTopicsRequestTopic{Topic: "here", NumPartitions: 1, ReplicationFactor: 1}, kerr.TopicAlreadyExists, "Topic 'here' already exists."},
		"being deleted": {kmsg.CreateTopicsRequestTopic{Topic: "going", NumPartitions: 1, ReplicationFactor: 1}, kerr.TopicAlreadyExists, "Topic 'going' is marked for deletion."},
		"both":          {kmsg.CreateTopicsRequestTopic{Topic: "t", NumPartitions: 1, ReplicationFactor: -1, ReplicaAssignment: manual([]int32{1})}, kerr.InvalidRequest, "Both numPartitions or replicationFactor and replicasAssignments were set. Both cannot be used at the same time."},
		"uneven":        {kmsg.CreateTopicsRequestTopic{Topic: "t", NumPartitions: -1, ReplicationFactor: -1, ReplicaAssignment: manual([]int32{1}, []int32{1, 2})}, kerr.InvalidReplicaAssignment, "All partitions should have the same number of replicas"},
		"twice":         {kmsg.CreateTopicsRequestTopic{Topic: "t", NumPartitions: -1, ReplicationFactor: -1, ReplicaAssignment: manual([]int32{1, 1})}, kerr.InvalidReplicaAssignment, "Duplicate replica assignment found: HashMap(0 -> ArrayBuffer(1, 1))"},
		"null config":   {kmsg.CreateTopicsRequestTopic{Topic: "t", NumPartitions: 1, ReplicationFactor: 1, Configs: []kmsg.CreateTopicsRequestTopicConfig{{Name: "k"}}}, kerr.InvalidConfig, "Null value not supported for topic configs: k"},
		"bad config":    {kmsg.CreateTopicsRequestTopic{Topic: "t", NumPartitions: 1, ReplicationFactor: 1, Configs: []kmsg.CreateTopicsRequestTopicConfig{{Name: "bad", Value: new("1")}}}, kerr.InvalidConfig, "Unknown topic config name: bad"},
	} {
		t.Run(name, func(t *testing.T) {
			p, why := s.planTopic(v, &c.topic)
			switch {
			case c.err != nil && (why == nil || why.err != c.err || why.message != c.text):
				t.Errorf("%+v, want %v %s", why, c.err, c.text)
			case c.err == nil && (why != nil || fmt.Sprintf("%dx%d", len(p.partitions), len(p.partitions[0])) != c.text):
				t.Errorf("%v %+v, want %s", p.partitions, why, c.text)
			}
		})
	}
	gap := kmsg.CreateTopicsRequestTopic{Topic: "t", NumPartitions: -1, ReplicationFactor: -1, ReplicaAssignment: []kmsg.CreateTopicsRequestTopicReplicaAssignment{{Partition: 1, Replicas: []int32{1}}}}
	if _, why := s.planTopic(v, &gap); why == nil || why.message != "partitions should be a consecutive 0-based integer sequence" {
		t.Errorf("a gap: %+v", why)
	}
}

func TestPlanAddition(t *testing.T) {
	v := view{brokers: racks("- - -")}
	topic := topicView{partitions: map[int32][]int32{0: {0, 1}, 1: {1, 2}}}
	given := func(lists ...[]int32) []kmsg.CreatePartitionsRequestTopicAssignment {
		out := []kmsg.CreatePartitionsRequestTopicAssignment{}
		for _, list := range lists {
			out = append(out, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: list})
		}
		return out
	}
	for name, c := range map[string]struct {
		count int32
		given []kmsg.CreatePartitionsRequestTopicAssignment
		want  string
	}{
		"more":         {4, nil, "2[2 0] 3[0 2]"},
		"by hand":      {3, given([]int32{2, 0}), "2[2 0]"},
		"fewer":        {1, nil, "Topic currently has 2 partitions, which is higher than the requested 1."},
		"same":         {2, nil, "Topic already has 2 partitions."},
		"wrong number": {4, given([]int32{2, 0}), "Increasing the number of partitions by 2 but 1 assignments provided."},
		"unknown":      {3, given([]int32{7, 8}), "Unknown broker(s) in replica assignment: 7, 8."},
		"none":         {3, given([]int32{}), "Cannot have replication factor of 0 for partition id 2."},
		"twice":        {3, given([]int32{1, 1}), "Duplicate brokers not allowed in replica assignment: 1, 1 for partition id 2."},
		"uneven":       {3, given([]int32{1}), "Inconsistent replication factor between partitions, partition 0 has 2 while partitions [2] have replication factors [1], respectively."},
	} {
		got, why := planAddition(v, "t", topic, c.count, c.given)
		text := show(got)
		if why != nil {
			text = why.message
		}
		if text != c.want {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
	}
}
