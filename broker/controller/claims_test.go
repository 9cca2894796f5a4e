package controller

import (
	"slices"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func createRequest(topics ...string) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.SetVersion(7)
	req.TimeoutMillis = 20000
	for _, topic := range topics {
		req.Topics = append(req.Topics, kmsg.CreateTopicsRequestTopic{Topic: topic, NumPartitions: 1, ReplicationFactor: 1})
	}
	return req
}

func TestNamesThatCollideInOneRequest(t *testing.T) {
	l := newLab(t, 1)
	controller := l.controllerOf(1)
	req := createRequest("a.b", "c", "a_b")
	req.ValidateOnly = true
	for _, out := range controller.shell.CreateTopics(t.Context(), req).Topics {
		if out.ErrorCode != 0 {
			t.Errorf("as long as none is made: %+v", out)
		}
	}
	out := controller.shell.CreateTopics(t.Context(), createRequest("a.b", "c", "a_b")).Topics
	if out[0].ErrorCode != 0 || out[1].ErrorCode != 0 || out[2].ErrorCode != kerr.InvalidTopicException.Code ||
		*out[2].ErrorMessage != "Topic 'a_b' collides with existing topics: a.b" {
		t.Errorf("%+v", out)
	}
	if out := controller.shell.CreateTopics(t.Context(), createRequest("a.b")).Topics[0]; out.ErrorCode != kerr.TopicAlreadyExists.Code {
		t.Errorf("a name does not collide with itself: %+v", out)
	}
}

func TestNamesThatCollideInSimultaneousRequests(t *testing.T) {
	l := newLab(t, 1)
	controller := l.controllerOf(1)
	names := []string{"a.b.c", "a_b.c", "a.b_c", "a_b_c"}
	codes := make([]int16, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { codes[i] = controller.shell.CreateTopics(t.Context(), createRequest(name)).Topics[0].ErrorCode })
	}
	wg.Wait()
	slices.Sort(codes)
	if want := []int16{0, 17, 17, 17}; !slices.Equal(codes, want) {
		t.Errorf("codes %v, want %v", codes, want)
	}
}
