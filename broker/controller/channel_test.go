package controller

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A broker that does not answer, then breaks the connection, gets the same
// request again, before later ones.
func TestRequestsAreRetriedInOrder(t *testing.T) {
	l := newLab(t, 1, 2)
	controller := l.controllerOf(1, 2)
	peer := l.brokers[others(l, controller)[0]]
	peer.mu.Lock()
	before := len(peer.got)
	for _, conn := range peer.conns {
		conn.Close()
	}
	peer.mu.Unlock()
	l.create(controller, "a", []int32{peer.id, controller.id})
	l.create(controller, "b", []int32{peer.id, controller.id})
	l.until("the peer knows both", func() bool {
		return peer.leaderOf(TopicPartition{Topic: "a"}) == peer.id && peer.leaderOf(TopicPartition{Topic: "b"}) == peer.id
	})
	var order []string
	peer.mu.Lock()
	defer peer.mu.Unlock()
	for _, req := range peer.got[before:] {
		switch req := req.(type) {
		case *kmsg.LeaderAndISRRequest:
			order = append(order, "LeaderAndIsr "+req.TopicStates[0].Topic)
			if req.BrokerEpoch != peer.epoch.Load() || req.ControllerID != controller.id || req.Version != 7 {
				t.Errorf("the request is %+v", req)
			}
		case *kmsg.UpdateMetadataRequest:
			if len(req.TopicStates) > 0 {
				order = append(order, "UpdateMetadata "+req.TopicStates[0].Topic)
			}
		}
	}
	want := []string{"LeaderAndIsr a", "UpdateMetadata a", "LeaderAndIsr b", "UpdateMetadata b"}
	for i := range want {
		if i >= len(order) || order[i] != want[i] {
			t.Fatalf("the peer got %v, want %v", order, want)
		}
	}
}

// FuzzDecodeResponse holds that no bytes of a broker crash the controller.
func FuzzDecodeResponse(f *testing.F) {
	requests := []kmsg.Request{kmsg.NewPtrLeaderAndISRRequest(), kmsg.NewPtrUpdateMetadataRequest(), kmsg.NewPtrStopReplicaRequest()}
	for i, version := range []int16{leaderAndISRVersion, updateMetadataVersion, stopReplicaVersion} {
		requests[i].SetVersion(version)
		resp := requests[i].ResponseKind()
		resp.SetVersion(version)
		f.Add(uint8(i), resp.AppendTo(append(binary.BigEndian.AppendUint32(nil, 7), 0)))
	}
	f.Add(uint8(0), []byte{0, 0, 0, 7, 2, 1, 1, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, which uint8, frame []byte) {
		req := requests[int(which)%len(requests)]
		if resp, err := decodeResponse(req, 7, frame); err == nil && resp.Key() != req.Key() {
			t.Errorf("a response of key %d to key %d", resp.Key(), req.Key())
		}
	})
}

func TestBrokerWithoutTheListenerHoldsNobodyUp(t *testing.T) {
	l := newLab(t, 1)
	controller := l.controllerOf(1)
	strange := l.open((&cutter{}).dial)
	defer strange.Close()
	b := aBroker(5, 1)
	b.Endpoints[0].Listener = "OTHER"
	if _, err := Register(t.Context(), strange, b); err != nil {
		t.Fatal(err)
	}
	l.until("it is known", func() bool { return len(controller.live()) == 2 })
	l.create(controller, "t", []int32{1, 5})
	if s, _ := l.state("t", 0); s.Leader != 1 {
		t.Errorf("the state is %+v", s)
	}
}

func TestChannelToABrokerWithoutTheListenerKeepsNothing(t *testing.T) {
	s := NewShell(ShellConfig{Listener: "PLAINTEXT"})
	s.ctx = t.Context()
	b := aBroker(5, 1)
	b.Endpoints[0].Listener = "OTHER"
	c := s.openChannel(b)
	defer c.close()
	c.send(kmsg.NewPtrUpdateMetadataRequest())
	reached := make(chan struct{})
	c.mark(reached)
	select {
	case <-reached:
	case <-time.After(10 * time.Second):
		t.Fatal("a mark is never reached")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) > 0 {
		t.Errorf("%d entries are in the queue", len(c.queue))
	}
}
