package server

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// serve starts a server for the table on a free port and returns where it listens.
func serve(t *testing.T, cfg Config) (*Server, string) {
	t.Helper()
	cfg.Listeners = []Listener{{Name: "PLAINTEXT", Address: "127.0.0.1:0"}}
	s := New(cfg)
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan struct{})
	go func() { defer close(served); s.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-served })
	return s, s.Addr("PLAINTEXT").String()
}

// client speaks frames over a connection.
type client struct {
	t *testing.T
	net.Conn
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &client{t, nc}
}

// frame encodes a request with its header and size.
func frame(req kmsg.Request, correlation int32) []byte {
	b := make([]byte, 4)
	b = kbin.AppendInt16(b, req.Key())
	b = kbin.AppendInt16(b, req.GetVersion())
	b = kbin.AppendInt32(b, correlation)
	if req.Key() != keyControlledShutdown || req.GetVersion() > 0 {
		id := "test"
		b = kbin.AppendNullableString(b, &id)
	}
	if req.IsFlexible() {
		b = append(b, 1, 7, 2, 0xaa, 0xbb) // one unknown tagged field
	}
	b = req.AppendTo(b)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

func (c *client) send(req kmsg.Request, correlation int32) {
	c.t.Helper()
	if _, err := c.Write(frame(req, correlation)); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads one response frame and returns its correlation id and what follows.
func (c *client) receive() (int32, []byte, error) {
	size := make([]byte, 4)
	if _, err := io.ReadFull(c, size); err != nil {
		return 0, nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(size))
	if _, err := io.ReadFull(c, b); err != nil {
		return 0, nil, err
	}
	return int32(binary.BigEndian.Uint32(b)), b[4:], nil
}

// expect reads the response to req, header tags included, and checks its correlation id.
func (c *client) expect(req kmsg.Request, correlation int32) kmsg.Response {
	c.t.Helper()
	got, body, err := c.receive()
	if err != nil {
		c.t.Fatalf("waiting for %s: %v", kmsg.NameForKey(req.Key()), err)
	}
	if got != correlation {
		c.t.Fatalf("correlation id %d, want %d", got, correlation)
	}
	resp := req.ResponseKind()
	if resp.IsFlexible() && resp.Key() != keyApiVersions {
		body = body[1:]
	}
	if err := resp.ReadFrom(body); err != nil {
		c.t.Fatal(err)
	}
	return resp
}

// expectClosed waits for the server to end the connection.
func (c *client) expectClosed() {
	c.t.Helper()
	if _, b, err := c.receive(); err == nil {
		c.t.Fatalf("the connection lives and said %x", b)
	}
}

// echo answers Metadata with the request's first topic name.
func echo(_ context.Context, r *Request) Reply {
	resp := kmsg.NewPtrMetadataResponse()
	for _, asked := range r.Request.(*kmsg.MetadataRequest).Topics {
		t := kmsg.NewMetadataResponseTopic()
		t.Topic = asked.Topic
		resp.Topics = append(resp.Topics, t)
	}
	return Now(resp)
}

func metadataFor(topic string, version int16) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = version
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &topic
	req.Topics = append(req.Topics, t)
	return req
}

func versions(context.Context, *Request) Reply { return Now(kmsg.NewPtrApiVersionsResponse()) }

func echoTable() []Entry {
	return []Entry{{Key: 3, Min: 0, Max: 12, Handle: echo}, {Key: keyApiVersions, Min: 0, Max: 4, Handle: versions}}
}

// answerDefault answers any request with the response that has nothing in it.
func answerDefault(_ context.Context, r *Request) Reply { return Now(r.ResponseKind()) }
