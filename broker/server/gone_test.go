package server

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// idleSoon is a connections.max.idle.ms that a test can wait for.
const idleSoon = 200 * time.Millisecond

// emptied waits until no connection is open.
func emptied(t *testing.T, s *Server) {
	t.Helper()
	deadline, tick := time.After(20*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for s.Connections() > 0 {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d connections are open", s.Connections())
		}
	}
}

// large replies with 40 MB.
func large() Entry {
	return Entry{Key: 19, Min: 0, Max: 7, Handle: func(context.Context, *Request) Reply {
		resp := kmsg.NewPtrCreateTopicsResponse()
		for range 2000 {
			topic := kmsg.NewCreateTopicsResponseTopic()
			topic.Topic = string(make([]byte, 20_000))
			resp.Topics = append(resp.Topics, topic)
		}
		return Now(resp)
	}}
}

func TestAClientThatDoesNotReadIsGivenUp(t *testing.T) {
	s, addr := serve(t, Config{Table: []Entry{large()}, IdleTimeout: idleSoon})
	c := dial(t, addr)
	c.send(kmsg.NewPtrCreateTopicsRequest(), 1)
	emptied(t, s)
}

// A client reads a large reply a piece at a time, for longer than an idle connection lives.
func TestAClientThatReadsSlowlyGetsItsReply(t *testing.T) {
	_, addr := serve(t, Config{Table: []Entry{large()}, IdleTimeout: idleSoon})
	c := dial(t, addr)
	c.send(kmsg.NewPtrCreateTopicsRequest(), 1)
	tick := time.NewTicker(idleSoon / 4)
	defer tick.Stop()
	piece, read := make([]byte, 3<<20), 0
	for read < 40_000_000 {
		<-tick.C // the reading takes a second and more
		n, err := c.Read(piece)
		if read += n; err != nil {
			t.Fatalf("after %d bytes: %v", read, err)
		}
	}
}

func TestAClientThatIsGoneKeepsNothing(t *testing.T) {
	d := newDelayed()
	s, addr := serve(t, Config{Table: []Entry{{Key: 3, Min: 0, Max: 12, Handle: d.handle}}, IdleTimeout: idleSoon})
	for i := range int32(3) {
		c := dial(t, addr)
		c.send(metadataFor("x", 9), i)
		<-d.arrived
		c.Close()
	}
	emptied(t, s)
}

// Who closes its side only still gets what it is owed.
func TestAClientThatSendsNoMoreGetsItsReplies(t *testing.T) {
	d := newDelayed()
	_, addr := serve(t, Config{Table: []Entry{{Key: 3, Min: 0, Max: 12, Handle: d.handle}}, IdleTimeout: time.Minute})
	c := dial(t, addr)
	c.send(metadataFor("x", 9), 1)
	<-d.arrived
	if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	d.release(1)
	c.expect(metadataFor("x", 9), 1)
}
