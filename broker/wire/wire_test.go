package wire

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a controller of Kafka 3.9 sends: ControllerId, isKRaftController, ControllerEpoch, BrokerEpoch, TopicStates, tags.
var stopV4 = []byte{0, 0, 0, 3, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 99, 2, 2, 't', 2, 0, 0, 0, 5, 0, 0, 0, 6, 1, 0, 0, 0}

func TestStopReplicaIsKafkas(t *testing.T) {
	req := kmsg.NewPtrStopReplicaRequest()
	req.Version = 4
	given := bytes.Clone(stopV4)
	if err := Request(req).ReadFrom(given); err != nil {
		t.Fatal(err)
	}
	want := kmsg.NewPtrStopReplicaRequest()
	want.Version, want.ControllerID, want.IsKRaftController, want.ControllerEpoch, want.BrokerEpoch = 4, 3, true, 7, 99
	p := kmsg.NewStopReplicaRequestTopicPartitionState()
	p.Partition, p.LeaderEpoch, p.Delete = 5, 6, true
	topic := kmsg.NewStopReplicaRequestTopic()
	topic.Topic, topic.PartitionStates = "t", []kmsg.StopReplicaRequestTopicPartitionState{p}
	want.Topics = []kmsg.StopReplicaRequestTopic{topic}
	if !reflect.DeepEqual(req, want) {
		t.Errorf("read %+v, want %+v", req, want)
	}
	if !bytes.Equal(given, stopV4) {
		t.Error("the bytes that were read have changed")
	}
	if got := Request(req).AppendTo([]byte("before")); !bytes.Equal(got, append([]byte("before"), stopV4...)) {
		t.Errorf("wrote %x, want %x", got, stopV4)
	}
}

func TestOlderStopReplicaIsTheCodecs(t *testing.T) {
	for version := int16(0); version < 4; version++ {
		req := kmsg.NewPtrStopReplicaRequest()
		req.Version, req.ControllerID, req.ControllerEpoch, req.BrokerEpoch = version, 3, 7, 99
		if got, want := Request(req).AppendTo(nil), req.AppendTo(nil); !bytes.Equal(got, want) {
			t.Errorf("v%d: wrote %x, want %x", version, got, want)
		}
	}
}

func TestAStopReplicaThatIsCut(t *testing.T) {
	for n := range stopV4 {
		req := kmsg.NewPtrStopReplicaRequest()
		req.Version = 4
		if err := Request(req).ReadFrom(stopV4[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are read without an error", n, len(stopV4))
		}
	}
}
