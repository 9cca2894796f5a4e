package cluster

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// renamed has brokers answer at the addresses of fake and call themselves by a host where nobody listens.
func renamed(fake *kfake.Cluster) {
	fake.ControlKey(int16(kmsg.Metadata), func(r kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		resp := r.ResponseKind().(*kmsg.MetadataResponse)
		for id := range int32(3) {
			b := kmsg.NewMetadataResponseBroker()
			b.NodeID, b.Host, b.Port = id, "127.0.0.2", 1
			resp.Brokers = append(resp.Brokers, b)
		}
		resp.ControllerID = 0
		return resp, nil, true
	})
}

// TestBrokersUnderAnotherName: operations and the screen say that somebody is there, what is wrong, and what to do.
func TestBrokersUnderAnotherName(t *testing.T) {
	fake := fakeKafka(t)
	renamed(fake)
	tells := func(err error) bool {
		return err != nil && strings.Contains(err.Error(), "to use 127.0.0.2") && strings.Contains(err.Error(), "advertised.listeners") && errors.Is(err, ErrNothing)
	}
	c := connect(t, fake)
	if err := c.CreateTopic(t.Context(), NewTopic{Name: "orders"}); !tells(err) {
		t.Errorf("creating a topic: %v", err)
	}
	if _, err := c.ListGroups(t.Context()); !tells(err) {
		t.Errorf("listing groups: %v", err)
	}
	observing, err := Open(t.Context(), Target{Bootstrap: fake.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer observing.Close()
	until(t, observing, "why there are no groups", func(s *Snapshot) bool { return tells(s.GroupsErr) })
	if err := observing.Ready(within(t, 5*time.Second)); err != nil {
		t.Errorf("the metadata is there: %v", err)
	}
}

func TestNobodyThereIsNoMatterOfNames(t *testing.T) {
	c, err := Connect(t.Context(), Target{Bootstrap: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.CreateTopic(t.Context(), NewTopic{Name: "orders"})
	if !errors.Is(err, ErrNothing) || strings.Contains(err.Error(), "advertised") {
		t.Errorf("got %v", err)
	}
}
