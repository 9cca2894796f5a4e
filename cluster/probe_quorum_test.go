package cluster

import (
	"net"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// asKRaft makes the brokers name another controller in each answer, and serve DescribeQuorum, as those of KRaft do.
func asKRaft(t *testing.T, fake *kfake.Cluster, leader int32) (answers *atomic.Int32) {
	t.Helper()
	c := connect(t, fake)
	l, err := c.link(fake.ListenAddrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "klab", "1"
	own, err := l.request(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	keys := append(own.(*kmsg.ApiVersionsResponse).ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: int16(kmsg.DescribeQuorum), MaxVersion: 1})
	control(fake, kmsg.ApiVersions, func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
		resp.ApiKeys = keys
		return resp, nil, true
	})
	control(fake, kmsg.DescribeQuorum, func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp, topic, p := req.ResponseKind().(*kmsg.DescribeQuorumResponse), kmsg.NewDescribeQuorumResponseTopic(), kmsg.NewDescribeQuorumResponseTopicPartition()
		topic.Topic, p.LeaderID = "__cluster_metadata", leader
		topic.Partitions = append(topic.Partitions, p)
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
	answers = new(atomic.Int32)
	control(fake, kmsg.Metadata, func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		for id, at := range fake.ListenAddrs() {
			host, port, _ := net.SplitHostPort(at)
			n, _ := strconv.Atoi(port)
			b := kmsg.NewMetadataResponseBroker()
			b.NodeID, b.Host, b.Port = int32(id), host, int32(n)
			resp.Brokers = append(resp.Brokers, b)
		}
		resp.ControllerID = answers.Add(1) % 3
		return resp, nil, true
	})
	return answers
}

// The controllers of KRaft are asked who leads them; whom brokers name in their metadata is no news.
func TestControllersOfKRaft(t *testing.T) {
	fake := fakeKafka(t)
	answers := asKRaft(t, fake, 2)
	s, err := connect(t, fake).Glance(t.Context())
	if err != nil || !s.KRaft || s.Controller != 2 || s.Health.Controller != 2 {
		t.Fatalf("controller %d, kraft %v, %v", s.Controller, s.KRaft, err)
	}
	c, err := Open(t.Context(), Target{Bootstrap: fake.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	until(t, c, "the quorum's leader", func(s *Snapshot) bool { return s.Controller == 2 })
	seen := answers.Load()
	until(t, c, "more readings", func(*Snapshot) bool {
		c.lookAgain()
		return answers.Load() >= seen+3
	})
	if facts, _, _ := c.Timeline().Since(0); len(facts) != 0 {
		t.Errorf("facts = %+v", facts)
	}
}
