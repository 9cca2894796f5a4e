package cluster

import (
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// blackHole takes connections and never answers, as a broker does whose process is paused.
func blackHole(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String() // the kernel accepts for it
}

func TestABrokerThatHangsDelaysNobody(t *testing.T) {
	fake := fakeKafka(t, kfake.SeedTopics(3, "orders"))
	c, err := Connect(t.Context(), Target{Bootstrap: append([]string{blackHole(t)}, fake.ListenAddrs()...)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	start := time.Now()
	s, err := c.Glance(t.Context())
	if err != nil || len(s.Brokers) != 3 {
		t.Fatalf("%+v, %v", s, err)
	}
	if took := time.Since(start); took > localAnswer/2 {
		t.Errorf("metadata took %v", took)
	}
}

// One broker answers metadata and then nothing more: what the others lead is still read, and what it leads is unknown.
func TestABrokerWithoutAnswersIsUnknown(t *testing.T) {
	fake := fakeKafka(t, kfake.SeedTopics(3, "orders"))
	for id := range int32(3) {
		if err := fake.MoveTopicPartition("orders", id, id); err != nil {
			t.Fatal(err)
		}
	}
	released := make(chan struct{})
	defer close(released)
	fake.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		if fake.CurrentNode() != 1 {
			return nil, nil, false
		}
		fake.SleepControl(func() { <-released })
		return nil, nil, false
	})
	c, err := Open(t.Context(), Target{Bootstrap: fake.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	defer c.Watch("orders")()
	s := until(t, c, "offsets of the others", func(s *Snapshot) bool {
		known := 0
		for id := range int32(3) {
			if p, _ := s.Partition("orders", id); p.HighWatermark == 0 {
				known++
			}
		}
		return known == 2
	})
	for id := range int32(3) {
		p, _ := s.Partition("orders", id)
		if (p.Leader == 1) != (p.HighWatermark == Unknown) {
			t.Errorf("partition %d, led by %d: high watermark %d", id, p.Leader, p.HighWatermark)
		}
	}
}

func TestCloseLeavesNothingRunning(t *testing.T) {
	fake := fakeKafka(t, kfake.SeedTopics(1, "orders"))
	before := goleak.IgnoreCurrent()
	c, err := Open(t.Context(), Target{Bootstrap: fake.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Ready(within(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	tail, err := c.Tail(t.Context(), TailOptions{Topic: "orders", From: FromBeginning()})
	if err != nil {
		t.Fatal(err)
	}
	write(t, c, "orders", "x")
	read(t, c, ReadRequest{Topic: "orders", From: FromBeginning()})
	tail.Close()
	c.Close()
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read"),
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).write"))
}

// TestASlowBrokerOfAnotherClusterIsWaitedFor: what klab did not start may be large and far away.
func TestASlowBrokerOfAnotherClusterIsWaitedFor(t *testing.T) {
	fake := fakeKafka(t, kfake.SeedTopics(1, "orders"))
	fake.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		fake.SleepControl(func() { <-time.After(localAnswer + localAnswer/10) })
		return nil, nil, false
	})
	s, err := connect(t, fake).Glance(t.Context())
	if err != nil || len(s.Topics) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}
