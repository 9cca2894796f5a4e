package cli

import (
	"encoding/json"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// control answers one kind of request otherwise, until the returned function is called.
func control(fake *kfake.Cluster, key kmsg.Key, answer func(kmsg.Request) (kmsg.Response, error, bool)) (end func()) {
	var ended atomic.Bool
	fake.ControlKey(int16(key), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if ended.Load() {
			return nil, nil, false
		}
		fake.KeepControl()
		return answer(req)
	})
	return func() { ended.Store(true) }
}

// What a coordinator does not tell is an error, not an empty table, a jump to the end or a false backup.
func TestUnreadOffsetsAreNotNone(t *testing.T) {
	s, fake := newFakeShell(t)
	s.run("", "topic create orders --partitions 1 --replication-factor 1")
	s.run("a\nb\nc\nd\n", "produce orders --partition 0")
	s.run("", "group reset-offsets billing --to 1 --topic orders")
	end := control(fake, kmsg.OffsetFetch, func(kmsg.Request) (kmsg.Response, error, bool) { return nil, io.EOF, true })
	for _, line := range []string{
		"group describe billing", "group describe billing -o json", "group reset-offsets billing --to current --topic orders --export",
		"group reset-offsets billing --to current --topic orders", "group reset-offsets billing --to current --topic orders --dry-run",
	} {
		if out, errs, code := s.try("", line); code != exitFailed || out != "" || !strings.Contains(errs, "group billing") {
			t.Errorf("klab %s: exit code %d, %q, %q", line, code, out, errs)
		}
	}
	if out, errs, code := s.try("", "group list -o json"); code != exitFailed || !strings.Contains(out, `"lag":-1`) || !strings.Contains(errs, "group billing") {
		t.Errorf("group list: exit code %d, %q, %q", code, out, errs)
	}
	end()
	if out := s.run("", "group reset-offsets billing --to current --export"); out != "orders,0,1\n" {
		t.Errorf("afterwards: %q", out)
	}
}

// withoutLeader makes one partition's leader answer nothing about its log.
func withoutLeader(fake *kfake.Cluster, partition int32) {
	control(fake, kmsg.ListOffsets, func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, asked := range req.(*kmsg.ListOffsetsRequest).Topics {
			topic := kmsg.NewListOffsetsResponseTopic()
			topic.Topic = asked.Topic
			for _, p := range asked.Partitions {
				answer := kmsg.NewListOffsetsResponseTopicPartition()
				answer.Partition, answer.Offset = p.Partition, 2
				if p.Partition == partition {
					answer.ErrorCode = kerr.LeaderNotAvailable.Code
				}
				topic.Partitions = append(topic.Partitions, answer)
			}
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
}

// An export is whole, or there is none.
func TestAnExportIsWhole(t *testing.T) {
	s, fake := newFakeShell(t)
	s.run("", "topic create orders --partitions 2 --replication-factor 1")
	s.run("a\nb\n", "produce orders --partition 0")
	s.run("a\nb\n", "produce orders --partition 1")
	s.run("", "group reset-offsets billing --to latest --topic orders")
	withoutLeader(fake, 1)
	if out := s.run("", "group reset-offsets billing --to current --export"); out != "orders,0,2\norders,1,2\n" {
		t.Errorf("what is committed needs no leader: %q", out)
	}
	if out, errs, code := s.try("", "group reset-offsets billing --to latest --export"); code != exitFailed || out != "" || !strings.Contains(errs, "orders/1 (its leader") {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
	var lines []changeLine
	if err := json.Unmarshal([]byte(s.run("", "group reset-offsets billing --to current --export -o json")), &lines); err != nil || len(lines) != 2 || lines[1].New != 2 {
		t.Errorf("as JSON: %+v, %v", lines, err)
	}
}

// A group beyond the end of a log, one that was made anew, has a negative lag.
func TestBeyondTheEndOfTheLog(t *testing.T) {
	s, fake := newFakeShell(t)
	s.run("", "topic create orders --partitions 1 --replication-factor 1")
	s.run("a\nb\nc\n", "produce orders")
	s.run("", "group reset-offsets billing --to latest --topic orders")
	withoutLeader(fake, 9) // every log ends at 2
	var d groupDetail
	s.decode("group describe billing -o json", &d)
	if p := d.Partitions[0]; p.Committed != 3 || p.End != 2 || p.Lag != -1 || p.Beyond != 1 || d.Lag != -1 {
		t.Errorf("describe = %+v", d)
	}
	if out := s.run("", "group describe billing"); !strings.Contains(out, " -1 ") || !strings.Contains(out, "lag -\n") {
		t.Errorf("describe prints %q", out)
	}
}
