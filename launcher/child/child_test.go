package child

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"klab/broker/config"
	"klab/broker/fact"
	"klab/coordinator/server"
	"klab/launcher/spec"
)

func TestASessionConcernsTheBrokerWhoseRegistrationWentWithIt(t *testing.T) {
	for paths, want := range map[string]int32{
		"/brokers/ids/3": 3, "/kafka/brokers/ids/12": 12, "/controller": -1, "/brokers/ids/": -1, "/brokers/topics/3": -1,
	} {
		e := sessionEvent(server.Fact{Kind: "session.expired", Session: 0x1a, Timeout: 2 * time.Second, Ephemerals: []string{"/x", paths}})
		if e.Broker != want || e.Partition != -1 || e.Fields["session"] != "0x1a" || e.Fields["timeout_ms"] != int64(2000) {
			t.Errorf("%s: %+v, want broker %d", paths, e, want)
		}
	}
}

func TestPassingSessionsAreNotToldOf(t *testing.T) {
	for _, c := range []struct {
		kind       string
		ephemerals []string
		want       bool
	}{
		{"session.opened", nil, false}, {"session.closed", nil, false}, {"session.closed", []string{"/brokers/ids/1"}, true},
		{"session.closed", []string{"/controller"}, true}, {"session.expired", nil, true},
		{"session.expired", []string{"/brokers/ids/1"}, true},
	} {
		if got := tells(server.Fact{Kind: c.kind, Ephemerals: c.ephemerals}); got != c.want {
			t.Errorf("%s with %v: told %v", c.kind, c.ephemerals, got)
		}
	}
}

func TestABrokersFactConcernsTheBrokerThatItNames(t *testing.T) {
	down := brokerEvent(fact.Fact{Kind: fact.BrokerDown, Broker: 1, Fields: map[string]any{"broker": int32(3)}})
	if down.Broker != 3 || down.Partition != -1 {
		t.Errorf("%+v", down)
	}
	write := brokerEvent(fact.Fact{Kind: fact.WriteFirst, Broker: 1, Topic: "orders", Partition: 0})
	if write.Broker != 1 || write.Topic != "orders" || write.Partition != 0 {
		t.Errorf("%+v", write)
	}
}

func TestABrokerConnectsWhenZooKeeperIsUp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	up := make(chan struct{})
	dialed := make(chan error, 1)
	go func() {
		conn, err := dialWhenUp(t.Context(), up)("tcp", listener.Addr().String(), time.Second)
		if err == nil {
			conn.Close()
		}
		dialed <- err
	}()
	close(up)
	if err := <-dialed; err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := dialWhenUp(ended, make(chan struct{}))("tcp", listener.Addr().String(), time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0}, {errors.New("broken"), 1}, {&spec.Error{Err: errors.New("typo")}, 2},
		{fmt.Errorf("cannot start: %w", &config.ValueError{Key: "a"}), 2}, {&config.UnknownKeyError{Key: "a"}, 2},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: got %d, want %d", c.err, got, c.want)
		}
	}
}

func TestBrokersShareTheProcessors(t *testing.T) {
	for _, c := range []struct{ processors, brokers, want int }{{2, 3, 1}, {8, 3, 3}, {8, 1, 8}, {1, 5, 1}, {9, 3, 3}, {4, 0, 4}} {
		if got := share(c.processors, c.brokers); got != c.want {
			t.Errorf("%d processors, %d brokers: %d each, want %d", c.processors, c.brokers, got, c.want)
		}
	}
}
