package cli

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// typing is a klab produce whose standard input stays open.
type typing struct {
	keys      *io.PipeWriter
	interrupt context.CancelFunc
	out, errs bytes.Buffer
	ended     chan int
}

func (s *shell) typing(line string) *typing {
	s.t.Helper()
	r, w := io.Pipe()
	s.t.Cleanup(func() { w.Close() })
	ctx, cancel := context.WithCancel(s.t.Context())
	run := &typing{keys: w, interrupt: cancel, ended: make(chan int, 1)}
	args := append([]string{"-b", s.bootstrap}, strings.Fields(line)...)
	go func() { run.ended <- Run(ctx, args, r, &run.out, &run.errs) }()
	return run
}

// end waits for the command to end.
func (s *shell) end(run *typing) int {
	s.t.Helper()
	select {
	case code := <-run.ended:
		return code
	case <-time.After(3 * time.Second):
		s.t.Fatal("it still runs")
		return 0
	}
}

// arrivals tells of every produce request.
func arrivals(fake *kfake.Cluster) <-chan struct{} {
	arrived := make(chan struct{}, 100)
	fake.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		arrived <- struct{}{}
		return nil, nil, false
	})
	return arrived
}

func TestAnInterruptEndsProduce(t *testing.T) {
	s, fake := newFakeShell(t)
	s.run("", "topic create orders --partitions 1")
	arrived := arrivals(fake)
	run := s.typing("produce orders")
	if _, err := io.WriteString(run.keys, "one\n"); err != nil {
		t.Fatal(err)
	}
	<-arrived
	run.interrupt()
	if code := s.end(run); code != exitDone || !strings.HasPrefix(run.out.String(), "1 record, ") {
		t.Errorf("exit code %d, %q, %q", code, run.out.String(), run.errs.String())
	}
	if out := s.run("", "consume orders"); out != "one\n" {
		t.Errorf("written: %q", out)
	}
}

// An interrupt leaves no transaction open.
func TestAnInterruptAbortsTheTransaction(t *testing.T) {
	s, fake := newFakeShell(t)
	s.run("", "topic create orders --partitions 1")
	arrived := arrivals(fake)
	run := s.typing("produce orders --transactional-id till")
	if _, err := io.WriteString(run.keys, "one\n"); err != nil {
		t.Fatal(err)
	}
	<-arrived
	run.interrupt()
	if code := s.end(run); code != exitDone || !strings.Contains(run.out.String(), "transaction aborted") {
		t.Errorf("exit code %d, %q, %q", code, run.out.String(), run.errs.String())
	}
	var d struct{ State string }
	if s.decode("txn describe till -o json", &d); d.State != "CompleteAbort" && d.State != "Empty" {
		t.Errorf("the transaction is %s", d.State)
	}
	if out := s.run("", "consume orders --isolation-level read_committed"); out != "" {
		t.Errorf("committed: %q", out)
	}
}

// A record that is refused ends it too, although nobody types the next line.
func TestARefusedRecordEndsProduce(t *testing.T) {
	s, fake := newFakeShell(t)
	s.run("", "topic create orders --partitions 1")
	control(fake, kmsg.Produce, func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		for _, asked := range req.(*kmsg.ProduceRequest).Topics {
			topic, p := kmsg.NewProduceResponseTopic(), kmsg.NewProduceResponseTopicPartition()
			topic.Topic, topic.TopicID, p.ErrorCode = asked.Topic, asked.TopicID, kerr.TopicAuthorizationFailed.Code
			topic.Partitions = append(topic.Partitions, p)
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
	run := s.typing("produce orders")
	if _, err := io.WriteString(run.keys, "one\n"); err != nil {
		t.Fatal(err)
	}
	if code := s.end(run); code != exitFailed || !strings.Contains(run.errs.String(), "TOPIC_AUTHORIZATION_FAILED") {
		t.Errorf("exit code %d, %q, %q", code, run.out.String(), run.errs.String())
	}
}
