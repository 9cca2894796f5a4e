package cluster

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestAThrottleThatCannotBeReadIsNotCleared: what a broker refuses to tell must not look like "there is no throttle".
func TestAThrottleThatCannotBeReadIsNotCleared(t *testing.T) {
	fake := fakeKafka(t, kfake.SeedTopics(1, "orders"))
	c := connect(t, fake)
	if n, err := c.ClearThrottle(t.Context()); n != 0 || err != nil {
		t.Fatalf("without a throttle: %d, %v", n, err)
	}
	fake.ControlKey(int16(kmsg.DescribeConfigs), func(r kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		asked := r.(*kmsg.DescribeConfigsRequest).Resources[0]
		if asked.ResourceType != kmsg.ConfigResourceTypeTopic {
			return nil, nil, false
		}
		resp := r.ResponseKind().(*kmsg.DescribeConfigsResponse)
		refused := kmsg.NewDescribeConfigsResponseResource()
		refused.ResourceType, refused.ResourceName, refused.ErrorCode = asked.ResourceType, asked.ResourceName, kerr.TopicAuthorizationFailed.Code
		resp.Resources = append(resp.Resources, refused)
		return resp, nil, true
	})
	if _, err := c.ClearThrottle(t.Context()); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("got %v, want %v", err, kerr.TopicAuthorizationFailed)
	}
}

// moving makes the brokers tell that partition 0 of orders is on its way from 0 to 1.
func moving(fake *kfake.Cluster) {
	control(fake, kmsg.ListPartitionReassignments, func(r kmsg.Request) (kmsg.Response, error, bool) {
		resp, topic := r.ResponseKind().(*kmsg.ListPartitionReassignmentsResponse), kmsg.NewListPartitionReassignmentsResponseTopic()
		p := kmsg.NewListPartitionReassignmentsResponseTopicPartition()
		p.Partition, p.Replicas, p.AddingReplicas, p.RemovingReplicas = 0, []int32{1, 0}, []int32{1}, []int32{0}
		topic.Topic, topic.Partitions = "orders", append(topic.Partitions, p)
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
}

// A second throttled reassignment begins only when asked to, and takes no limit away from the first.
func TestAReassignmentBesideAnother(t *testing.T) {
	fake := fakeKafka(t)
	c := connect(t, fake)
	if err := c.CreateTopic(t.Context(), NewTopic{Name: "orders", Partitions: 2, ReplicationFactor: 1}); err != nil {
		t.Fatal(err)
	}
	if err := c.glanceMetadata(t.Context()); err != nil {
		t.Fatal(err)
	}
	moving(fake)
	var sent []kmsg.AlterPartitionAssignmentsRequestTopic
	control(fake, kmsg.AlterPartitionAssignments, func(r kmsg.Request) (kmsg.Response, error, bool) {
		sent = append(sent, r.(*kmsg.AlterPartitionAssignmentsRequest).Topics...)
		return r.ResponseKind(), nil, true
	})
	r := Reassign{Plan: ReassignPlan{{Topic: "orders", Partition: 1, From: []int32{0}, To: []int32{0, 1, 2}}}, Throttle: 1000}
	if err := c.Reassign(t.Context(), r); !errors.Is(err, ErrReassigning) || len(sent) > 0 {
		t.Errorf("beside another: %v, %+v", err, sent)
	}
	r.Additional = true
	if err := c.Reassign(t.Context(), r); err != nil || len(sent) != 1 {
		t.Fatalf("in addition: %v, %+v", err, sent)
	}
	entries, err := c.configs(t.Context(), TopicResource("orders"), leaderReplicas, followerReplicas)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if want := map[string]string{leaderReplicas: "0:0,1:0", followerReplicas: "0:1,1:1,1:2"}[e.Name]; e.Value != want {
			t.Errorf("%s is %s, want %s", e.Name, e.Value, want)
		}
	}
}

func TestWhatIsUnderWayCanBeCancelled(t *testing.T) {
	fake := fakeKafka(t, kfake.SeedTopics(2, "orders"))
	c := connect(t, fake)
	moving(fake)
	var sent []kmsg.AlterPartitionAssignmentsRequestTopic
	control(fake, kmsg.AlterPartitionAssignments, func(r kmsg.Request) (kmsg.Response, error, bool) {
		sent = append(sent, r.(*kmsg.AlterPartitionAssignmentsRequest).Topics...)
		return r.ResponseKind(), nil, true
	})
	if n, err := c.CancelReassign(t.Context(), CancelReassign{Topic: "orders"}); n != 1 || err != nil || len(sent) != 1 || sent[0].Partitions[0].Replicas != nil {
		t.Errorf("cancelled %d, %v, %+v", n, err, sent)
	}
	if _, err := c.CancelReassign(t.Context(), CancelReassign{Topic: "orders", Partitions: []int32{1}}); err == nil {
		t.Error("partition 1 is not being moved, and its move is cancelled")
	}
}
