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
