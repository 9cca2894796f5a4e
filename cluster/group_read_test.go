package cluster

import (
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// billing makes topic orders with four records, and group billing at offset 1 of it.
func billing(t *testing.T, c *Cluster) {
	t.Helper()
	ctx := within(t, 30*time.Second)
	if err := c.CreateTopic(ctx, NewTopic{Name: "orders", Partitions: 1, ReplicationFactor: 3}); err != nil {
		t.Fatal(err)
	}
	four := []NewRecord{{Value: []byte("a")}, {Value: []byte("b")}, {Value: []byte("c")}, {Value: []byte("d")}}
	if _, err := c.Produce(ctx, ProduceRequest{Topic: "orders", Records: four}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ResetOffsets(ctx, ResetOffsets{Group: "billing", To: ToOffset(1), Topics: []TopicPartitions{{Topic: "orders"}}}); err != nil {
		t.Fatal(err)
	}
}

// control answers one kind of request otherwise, until the returned function is called.
func control(fake *kfake.Cluster, key kmsg.Key, answer func(kmsg.Request) (kmsg.Response, error, bool)) (end func()) {
	var ended atomic.Bool
	fake.ControlKey(int16(key), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if ended.Load() {
			return nil, nil, false
		}
		fake.KeepControl()
		return answer(req)
	})
	return func() { ended.Store(true) }
}

// cut breaks the connections on which one kind of request comes to some brokers; none means all.
func cut(fake *kfake.Cluster, key kmsg.Key, brokers ...int32) (end func()) {
	return control(fake, key, func(kmsg.Request) (kmsg.Response, error, bool) {
		if len(brokers) > 0 && !slices.Contains(brokers, fake.CurrentNode()) {
			return nil, nil, false
		}
		return nil, io.EOF, true
	})
}

// What could not be read is not "nothing is committed": such a group is not reset, and not described as empty.
func TestOffsetsThatCannotBeReadAreNotNone(t *testing.T) {
	fake := fakeKafka(t)
	first := connect(t, fake)
	billing(t, first)
	s, err := first.Glance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	orders, _ := s.Topic("orders")
	id, err := base64.RawURLEncoding.DecodeString(orders.ID)
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.OffsetFetchResponse)
		for _, asked := range req.(*kmsg.OffsetFetchRequest).Groups {
			g := kmsg.NewOffsetFetchResponseGroup()
			topic, p := kmsg.NewOffsetFetchResponseGroupTopic(), kmsg.NewOffsetFetchResponseGroupTopicPartition()
			topic.TopicID = [16]byte(id)
			g.Group, topic.Topic, p.Offset, p.ErrorCode = asked.Group, "orders", -1, kerr.TopicAuthorizationFailed.Code
			topic.Partitions = append(topic.Partitions, p)
			g.Topics = append(g.Topics, topic)
			resp.Groups = append(resp.Groups, g)
		}
		return resp, nil, true
	}
	for name, how := range map[string]func() (end func()){
		"the connection breaks":     func() func() { return cut(fake, kmsg.OffsetFetch) },
		"a partition's is withheld": func() func() { return control(fake, kmsg.OffsetFetch, refuse) },
		"members are not told":      func() func() { return cut(fake, kmsg.DescribeGroups) },
	} {
		t.Run(name, func(t *testing.T) {
			defer how()()
			c := connect(t, fake)
			for _, r := range []ResetOffsets{
				{Group: "billing", To: ToCurrent(), Topics: []TopicPartitions{{Topic: "orders"}}, DryRun: true},
				{Group: "billing", To: ToCurrent(), Topics: []TopicPartitions{{Topic: "orders"}}},
			} {
				if plan, err := c.ResetOffsets(t.Context(), r); err == nil || len(plan) != 0 {
					t.Errorf("plan = %+v, %v", plan, err)
				}
			}
			if groups, _ := c.ReadGroups(t.Context(), "billing"); len(groups) != 1 || groups[0].Err == nil {
				t.Errorf("groups = %+v", groups)
			}
		})
	}
	if groups, err := connect(t, fake).ReadGroups(t.Context(), "billing"); err != nil || len(groups) != 1 || groups[0].Err != nil || groups[0].Partitions[0].Committed != 1 {
		t.Errorf("afterwards: %+v, %v", groups, err)
	}
}

// A broker that does not answer concerns the groups that it coordinates, and no others.
func TestABrokerWithoutAnswerBlocksNoOtherGroup(t *testing.T) {
	fake := fakeKafka(t)
	c := connect(t, fake)
	billing(t, c)
	coordinator := fake.CoordinatorFor("billing")
	other := (coordinator + 1) % 3
	var ends []func()
	for _, key := range []kmsg.Key{kmsg.ListGroups, kmsg.DescribeGroups, kmsg.OffsetFetch} {
		ends = append(ends, cut(fake, key, other))
	}
	toStart := ResetOffsets{Group: "billing", To: ToEarliest()}
	if plan, err := c.ResetOffsets(t.Context(), toStart); err != nil || len(plan) != 1 || plan[0].Old != 1 || plan[0].New != 0 {
		t.Errorf("reset: %+v, %v", plan, err)
	}
	if _, err := c.RemoveMember(t.Context(), RemoveMember{Group: "billing"}); err == nil || !strings.Contains(err.Error(), "no members") {
		t.Errorf("remove: %v", err)
	}
	if groups, err := c.ReadGroups(t.Context(), "billing"); err != nil || len(groups) != 1 || groups[0].Err != nil {
		t.Errorf("read: %+v, %v", groups, err)
	}
	for _, end := range ends {
		end()
	}
	for _, key := range []kmsg.Key{kmsg.ListGroups, kmsg.DescribeGroups, kmsg.OffsetFetch} {
		cut(fake, key, coordinator)
	}
	_, err := c.ResetOffsets(t.Context(), toStart)
	if err == nil || errors.Is(err, ErrNothing) || errors.Is(err, ErrNoGroup) || !strings.Contains(err.Error(), "coordinator of group billing") {
		t.Errorf("its coordinator does not answer: %v", err)
	}
	if _, err := c.ResetOffsets(t.Context(), ResetOffsets{Group: "bill", To: ToEarliest()}); err == nil {
		t.Error("a group that nobody knows is reset")
	}
}

// A coordinator that is not there yet is waited for.
func TestACoordinatorIsWaitedFor(t *testing.T) {
	fake := fakeKafka(t)
	c := connect(t, fake)
	billing(t, c)
	asked := 0
	fake.ControlKey(int16(kmsg.FindCoordinator), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if asked++; asked > 2 {
			return nil, nil, false
		}
		fake.KeepControl()
		resp := req.ResponseKind().(*kmsg.FindCoordinatorResponse)
		none := kmsg.NewFindCoordinatorResponseCoordinator()
		none.Key, none.NodeID, none.ErrorCode = "billing", -1, kerr.CoordinatorNotAvailable.Code
		resp.Coordinators = append(resp.Coordinators, none)
		return resp, nil, true
	})
	if groups, err := connect(t, fake).ReadGroups(t.Context(), "billing"); err != nil || len(groups) != 1 || groups[0].Lag != 3 {
		t.Errorf("groups = %+v, %v", groups, err)
	}
}
