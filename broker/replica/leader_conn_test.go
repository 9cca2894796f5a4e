package replica

import (
	"bytes"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// scripted is a connection whose other side has sent all it will send.
type scripted struct {
	net.Conn
	in *bytes.Reader
}

func (s scripted) Read(p []byte) (int, error) { return s.in.Read(p) }

func FuzzReceive(f *testing.F) {
	resp := kmsg.NewPtrFetchResponse()
	resp.Version = fetchVersion
	topic, part := kmsg.NewFetchResponseTopic(), kmsg.NewFetchResponseTopicPartition()
	part.RecordBatches = []byte("not a batch")
	topic.Partitions = append(topic.Partitions, part)
	resp.Topics = append(resp.Topics, topic)
	body := resp.AppendTo([]byte{0, 0, 0, 1, 0})
	f.Add(append([]byte{0, 0, 0, byte(len(body))}, body...))
	f.Add([]byte{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x3f, 0xff, 0xff, 0xff, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newLeaderConn(scripted{in: bytes.NewReader(data)}, "fuzz")
		got := kmsg.NewPtrFetchResponse()
		got.Version = fetchVersion
		if c.receive(1, got); cap(c.frame) > len(data)+2*frameStep {
			t.Fatalf("a frame of %d bytes was given %d", len(data), cap(c.frame))
		}
	})
}

func TestReceiveRefusesAnotherRequestsResponse(t *testing.T) {
	resp := kmsg.NewPtrListOffsetsResponse()
	resp.Version = 0
	body := resp.AppendTo([]byte{0, 0, 0, 2})
	c := newLeaderConn(scripted{in: bytes.NewReader(append([]byte{0, 0, 0, byte(len(body))}, body...))}, "test")
	if err := c.receive(1, resp); err == nil {
		t.Error("took the response of request 2 for that of request 1")
	}
}
