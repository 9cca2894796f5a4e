package metadata

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/storage"
)

func update(version int16, brokers ...int32) *kmsg.UpdateMetadataRequest {
	req := kmsg.NewPtrUpdateMetadataRequest()
	req.Version, req.ControllerID, req.ControllerEpoch = version, 1, 3
	for _, id := range brokers {
		b := kmsg.NewUpdateMetadataRequestLiveBroker()
		b.ID = id
		b.Endpoints = []kmsg.UpdateMetadataRequestLiveBrokerEndpoint{
			{Host: "in", Port: 9000 + id, ListenerName: "INTERNAL"},
			{Host: "out", Port: 9100 + id, SecurityProtocol: 1},
		}
		req.LiveBrokers = append(req.LiveBrokers, b)
	}
	return req
}

func with(req *kmsg.UpdateMetadataRequest, topic string, id storage.TopicID, leaders ...int32) *kmsg.UpdateMetadataRequest {
	t := kmsg.NewUpdateMetadataRequestTopicState()
	t.Topic, t.TopicID = topic, id
	for i, leader := range leaders {
		p := kmsg.NewUpdateMetadataRequestTopicPartition()
		p.Partition, p.Leader, p.LeaderEpoch, p.ISR, p.Replicas = int32(i), leader, 4, []int32{leader}, []int32{1, 2}
		t.PartitionStates = append(t.PartitionStates, p)
	}
	req.TopicStates = append(req.TopicStates, t)
	return req
}

func TestApply(t *testing.T) {
	c := NewCache()
	if s := c.Snapshot(); s.ControllerID != -1 || s.TopicCount() != 0 || len(s.Brokers()) != 0 {
		t.Errorf("a new cache: %+v", s)
	}
	select {
	case <-c.Heard():
		t.Error("a new cache has heard something")
	default:
	}
	id := storage.TopicID{1}
	c.Apply(update(8, 3, 1)) // what a new controller says first
	<-c.Heard()
	select {
	case <-c.HeardOfTopics():
		t.Error("an update without topics told of topics")
	default:
	}
	c.Apply(with(update(8, 3, 1), "orders", id, 1, 3))
	<-c.HeardOfTopics()
	before := c.Snapshot()
	c.Apply(with(update(8, 1, 2), "orders", id, 2)) // partition 0 changes, 1 stays, broker 3 is gone

	if p, _ := before.Partition("orders", 0); p.Leader != 1 || !before.Alive(3) {
		t.Error("a snapshot that was taken has changed")
	}
	now := c.Snapshot()
	if p, _ := now.Partition("orders", 0); p.Leader != 2 {
		t.Errorf("partition 0: leader %d, want 2", p.Leader)
	}
	if p, ok := now.Partition("orders", 1); !ok || p.Leader != 3 {
		t.Error("partition 1 was not in the update and must stay")
	}
	if now.Alive(3) || !now.Alive(2) {
		t.Error("the live brokers must be those of the last update")
	}
	if name, ok := now.TopicName(id); !ok || name != "orders" {
		t.Errorf("the topic's id names %q", name)
	}
	if e, ok := now.Endpoint(2, "INTERNAL"); !ok || e.Port != 9002 {
		t.Errorf("endpoint %+v", e)
	}
	if e, ok := now.Endpoint(2, "SSL"); !ok || e.Port != 9102 {
		t.Errorf("a listener without a name goes by its protocol: %+v, %v", e, ok)
	}
	if _, ok := now.Endpoint(2, "OTHER"); ok {
		t.Error("found a listener that is not there")
	}
}

func TestDeletedTopicsAreForgotten(t *testing.T) {
	c := NewCache()
	id := storage.TopicID{1}
	c.Apply(with(update(8, 1), "orders", id, 1, 1))
	deleted := c.Apply(with(update(8, 1), "orders", id, leaderDuringDelete, leaderDuringDelete))
	if want := []storage.TopicPartition{{Topic: "orders", Partition: 0}, {Topic: "orders", Partition: 1}}; !slices.Equal(deleted, want) {
		t.Errorf("deleted %v", deleted)
	}
	s := c.Snapshot()
	if _, ok := s.Topic("orders"); ok || s.TopicCount() != 0 {
		t.Error("the topic is still there")
	}
	if _, ok := s.TopicName(id); ok {
		t.Error("its id is still there")
	}
	again := storage.TopicID{2}
	c.Apply(with(update(8, 1), "orders", again, 1))
	if name, ok := c.Snapshot().TopicName(again); !ok || name != "orders" {
		t.Error("a topic of the same name has a new id")
	}
}

func TestOldVersions(t *testing.T) {
	c := NewCache()
	req := update(0)
	b := kmsg.NewUpdateMetadataRequestLiveBroker()
	b.ID, b.Host, b.Port = 1, "h", 9092
	req.LiveBrokers = append(req.LiveBrokers, b)
	for i := range int32(2) {
		p := kmsg.NewUpdateMetadataRequestTopicPartition()
		p.Topic, p.Partition, p.Leader = "orders", i, 1
		req.PartitionStates = append(req.PartitionStates, p)
	}
	c.Apply(req)
	s := c.Snapshot()
	if e, ok := s.Endpoint(1, "PLAINTEXT"); !ok || e.Host != "h" {
		t.Errorf("endpoint %+v", e)
	}
	if topic, ok := s.Topic("orders"); !ok || len(topic.Partitions) != 2 {
		t.Errorf("topic %+v", topic)
	}
}
