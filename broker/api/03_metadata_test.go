package api

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"klab/broker/config"
	"klab/broker/metadata"
	"klab/broker/server"
)

// townDeps knows three brokers, of which 3 is down and 2 has no EXTERNAL listener, and the topics orders and __consumer_offsets.
func townDeps(t *testing.T) *Deps {
	t.Helper()
	cfg, err := config.Load(map[string]string{"zookeeper.connect": "h:1", "broker.id": "1"})
	if err != nil {
		t.Fatal(err)
	}
	d := &Deps{BrokerID: 1, ClusterID: func() string { return "cluster" }, Config: cfg, Metadata: metadata.NewCache(),
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), FeatureEpoch: func() int64 { return 4 }}
	req := kmsg.NewPtrUpdateMetadataRequest()
	req.Version, req.ControllerID, req.ControllerEpoch = 8, 2, 1
	for id := int32(1); id <= 2; id++ {
		b := kmsg.NewUpdateMetadataRequestLiveBroker()
		b.ID = id
		b.Endpoints = append(b.Endpoints, kmsg.UpdateMetadataRequestLiveBrokerEndpoint{Host: "inside", Port: 9090 + id, ListenerName: "PLAINTEXT"})
		if id == 1 {
			b.Endpoints = append(b.Endpoints, kmsg.UpdateMetadataRequestLiveBrokerEndpoint{Host: "outside", Port: 19091, ListenerName: "EXTERNAL"})
		}
		req.LiveBrokers = append(req.LiveBrokers, b)
	}
	for i, name := range []string{"orders", "__consumer_offsets"} {
		topic := kmsg.NewUpdateMetadataRequestTopicState()
		topic.Topic, topic.TopicID = name, [16]byte{15: byte(i + 1)}
		for p, leader := range []int32{1, 2, 3} { // of partition 0, 1, 2
			s := kmsg.NewUpdateMetadataRequestTopicPartition()
			s.Partition, s.Leader, s.LeaderEpoch = int32(p), leader, 7
			s.Replicas, s.ISR = []int32{1, 2, 3}, []int32{1, 2, 3}
			topic.PartitionStates = append(topic.PartitionStates, s)
		}
		req.TopicStates = append(req.TopicStates, topic)
	}
	d.Metadata.Apply(req)
	return d
}

// ask calls the Metadata handler and waits for its answer.
func ask(t *testing.T, d *Deps, listener string, req *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	t.Helper()
	return answerOf(t, d.metadata, listener, req).(*kmsg.MetadataResponse)
}

// answerOf runs a handler behind a real server's table in memory, encoded and decoded as on a connection.
func answerOf(t *testing.T, h server.Handler, listener string, req kmsg.Request) kmsg.Response {
	t.Helper()
	resp := server.Answer(t.Context(), h, &server.Request{Request: req, Listener: listener})
	if resp == nil {
		t.Fatal("the handler did not answer")
	}
	resp.SetVersion(req.GetVersion())
	out := req.ResponseKind()
	if err := out.ReadFrom(resp.AppendTo(nil)); err != nil {
		t.Fatal(err)
	}
	return out
}

func named(version int16, names ...string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Version, req.Topics = version, []kmsg.MetadataRequestTopic{}
	for _, n := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &n
		req.Topics = append(req.Topics, t)
	}
	return req
}

func names(resp *kmsg.MetadataResponse) string {
	var all []string
	for _, t := range resp.Topics {
		all = append(all, *t.Topic)
	}
	return strings.Join(all, " ")
}

func TestMetadataOfAllAndOfNone(t *testing.T) {
	d := townDeps(t)
	everything := kmsg.NewPtrMetadataRequest()
	everything.Version = 9
	for _, tt := range []struct {
		req  *kmsg.MetadataRequest
		want string
	}{
		{everything, "__consumer_offsets orders"},
		{named(0), "__consumer_offsets orders"},
		{named(1), ""},
		{named(12, "orders"), "orders"},
	} {
		resp := ask(t, d, "PLAINTEXT", tt.req)
		if got := names(resp); got != tt.want {
			t.Errorf("v%d: topics %q, want %q", tt.req.Version, got, tt.want)
		}
		if v := tt.req.Version; len(resp.Brokers) != 2 || v >= 1 && resp.ControllerID != 2 || v >= 2 && *resp.ClusterID != "cluster" {
			t.Errorf("v%d: %+v", v, resp)
		}
	}
}

// describe is one line a partition: error, leader, epoch, replicas, ISR, offline.
func describe(resp *kmsg.MetadataResponse) string {
	var lines []string
	for _, p := range resp.Topics[0].Partitions {
		lines = append(lines, fmt.Sprintf("%d %d %d %v %v %v", p.ErrorCode, p.Leader, p.LeaderEpoch, p.Replicas, p.ISR, p.OfflineReplicas))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestMetadataOfPartitions(t *testing.T) {
	d := townDeps(t)
	for _, tt := range []struct {
		name, listener string
		version        int16
		want           string
	}{
		{"broker 3 is down", "PLAINTEXT", 9,
			"0 1 7 [1 2 3] [1 2 3] [3]\n0 2 7 [1 2 3] [1 2 3] [3]\n5 -1 7 [1 2 3] [1 2 3] [3]"},
		{"broker 2 has no such listener", "EXTERNAL", 9,
			"0 1 7 [1 2 3] [1 2 3] [2 3]\n5 -1 7 [1 2 3] [1 2 3] [2 3]\n72 -1 7 [1 2 3] [1 2 3] [2 3]"},
		{"v5 has no LISTENER_NOT_FOUND", "EXTERNAL", 5,
			"0 1 -1 [1 2 3] [1 2 3] [2 3]\n5 -1 -1 [1 2 3] [1 2 3] [2 3]\n5 -1 -1 [1 2 3] [1 2 3] [2 3]"},
		{"v0 leaves out what is down", "PLAINTEXT", 0,
			"5 -1 -1 [1 2] [1 2] []\n9 1 -1 [1 2] [1 2] []\n9 2 -1 [1 2] [1 2] []"},
	} {
		if got := describe(ask(t, d, tt.listener, named(tt.version, "orders"))); got != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

func TestMetadataByID(t *testing.T) {
	d := townDeps(t)
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 12
	for _, id := range []byte{1, 99} {
		topic := kmsg.NewMetadataRequestTopic()
		topic.TopicID = [16]byte{15: id}
		req.Topics = append(req.Topics, topic)
	}
	resp := ask(t, d, "PLAINTEXT", req)
	if known := resp.Topics[0]; known.ErrorCode != 0 || *known.Topic != "orders" || len(known.Partitions) != 3 {
		t.Errorf("%+v", known)
	}
	if unknown := resp.Topics[1]; unknown.ErrorCode != kerr.UnknownTopicID.Code || unknown.Topic != nil || unknown.TopicID != [16]byte{15: 99} {
		t.Errorf("%+v", unknown)
	}
	req.Version = 10
	resp = ask(t, d, "PLAINTEXT", req)
	if resp.Topics[0].ErrorCode != kerr.InvalidRequest.Code {
		t.Errorf("by id in v10: %+v", resp.Topics[0])
	}
}

func TestAuthorizedOperationsOnlyWhenAsked(t *testing.T) {
	d := townDeps(t)
	req := named(9, "orders")
	resp := ask(t, d, "PLAINTEXT", req)
	if resp.AuthorizedOperations != -2147483648 || resp.Topics[0].AuthorizedOperations != -2147483648 {
		t.Errorf("not asked: %d, %d", resp.AuthorizedOperations, resp.Topics[0].AuthorizedOperations)
	}
	req.IncludeClusterAuthorizedOperations, req.IncludeTopicAuthorizedOperations = true, true
	resp = ask(t, d, "PLAINTEXT", req)
	if resp.AuthorizedOperations != 8096 || resp.Topics[0].AuthorizedOperations != 3576 {
		t.Errorf("asked: %d, %d", resp.AuthorizedOperations, resp.Topics[0].AuthorizedOperations)
	}
}

func TestAutoCreation(t *testing.T) {
	d := townDeps(t)
	var created []string
	var answer *kerr.Error
	d.Forward = func(_ context.Context, req kmsg.Request) (kmsg.Response, error) {
		resp := kmsg.NewPtrCreateTopicsResponse()
		for _, topic := range req.(*kmsg.CreateTopicsRequest).Topics {
			created = append(created, topic.Topic)
			out := kmsg.NewCreateTopicsResponseTopic()
			out.Topic = topic.Topic
			if answer != nil {
				out.ErrorCode = answer.Code
			}
			resp.Topics = append(resp.Topics, out)
		}
		return resp, nil
	}
	for _, tt := range []struct {
		name    string
		version int16
		allow   bool
		topic   string
		answer  *kerr.Error
		want    *kerr.Error
		creates bool
	}{
		{"made", 9, true, "new", nil, kerr.LeaderNotAvailable, true},
		{"made by another", 9, true, "new", kerr.TopicAlreadyExists, kerr.LeaderNotAvailable, true},
		{"not enough brokers", 9, true, "new", kerr.InvalidReplicationFactor, kerr.InvalidReplicationFactor, true},
		{"the controller moved", 9, true, "new", kerr.NotController, kerr.UnknownTopicOrPartition, true},
		{"not allowed by the client", 9, false, "new", nil, kerr.UnknownTopicOrPartition, false},
		{"before v4 always allowed", 3, false, "new", nil, kerr.LeaderNotAvailable, true},
		{"bad name", 9, true, "a b", nil, kerr.InvalidTopicException, false},
		{"no name", 9, true, "", nil, kerr.InvalidTopicException, false},
	} {
		created, answer = nil, tt.answer
		req := named(tt.version, tt.topic)
		req.AllowAutoTopicCreation = tt.allow
		resp := ask(t, d, "PLAINTEXT", req)
		if got := resp.Topics[0].ErrorCode; got != tt.want.Code || (len(created) > 0) != tt.creates {
			t.Errorf("%s: %v, created %q; want %v", tt.name, kerr.ErrorForCode(got), created, tt.want)
		}
	}
	off, err := config.Load(map[string]string{"zookeeper.connect": "h:1", "auto.create.topics.enable": "false"})
	if err != nil {
		t.Fatal(err)
	}
	d.Config, created = off, nil
	if resp := ask(t, d, "PLAINTEXT", named(9, "new")); resp.Topics[0].ErrorCode != kerr.UnknownTopicOrPartition.Code || len(created) > 0 {
		t.Error("created with auto.create.topics.enable = false")
	}
}

func TestTopicNames(t *testing.T) {
	for name, want := range map[string]bool{"a": true, "A.b_c-9": true, "": false, ".": false, "..": false, "...": true,
		"a/b": false, "ä": false, strings.Repeat("x", 249): true, strings.Repeat("x", 250): false} {
		if validTopicName(name) != want {
			t.Errorf("%q", name)
		}
	}
}

func answerNothing(t *testing.T, h server.Handler, req kmsg.Request) kmsg.Response {
	t.Helper()
	return server.Answer(t.Context(), h, &server.Request{Request: req})
}
