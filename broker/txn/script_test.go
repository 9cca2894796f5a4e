package txn

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"klab/broker/storage"
	"klab/broker/story"
)

// TestScripts plays the scripts in testdata: each line is a command, and the lines below it that begin with a bar are what
// the coordinator did. A script is meant to be read as a story.
func TestScripts(t *testing.T) { story.Play(t, play) }

// stage is where a script plays: one transactional id, its log, and a clock.
type stage struct {
	t    *testing.T
	txn  *Txn
	now  int64
	log  *Metadata // what was written last; nil after a tombstone
	next *Record   // what is being written
	out  strings.Builder
}

func play(t *testing.T, script string) string {
	s := &stage{t: t, txn: New("tx", 7, 60_000, 0)}
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "|") {
			continue
		}
		fmt.Fprintln(&s.out, line)
		if words := strings.Fields(line); len(words) > 0 && words[0] != "#" {
			s.command(words[0], words[1:])
		}
	}
	return s.out.String()
}

func (s *stage) command(name string, args []string) {
	switch name {
	case "init": // [pid=N epoch=N] [timeout=N] [fresh=N]
		r := Init{int32(s.arg(args, "timeout", 60_000)), s.arg(args, "pid", -1), int16(s.arg(args, "epoch", -1)), s.arg(args, "fresh", -1)}
		s.narrate(s.txn.Init("init", r, s.now))
	case "add": // pid=N epoch=N t-0 …
		s.narrate(s.txn.Add("add", s.arg(args, "pid", 7), int16(s.arg(args, "epoch", 0)), s.partitions(args), s.now))
	case "commit", "abort": // pid=N epoch=N
		s.narrate(s.txn.End(name, s.arg(args, "pid", 7), int16(s.arg(args, "epoch", 0)), name == "commit", s.now))
	case "verify":
		foreign, err := s.txn.Verify(s.arg(args, "pid", 7), int16(s.arg(args, "epoch", 0)), s.partitions(args))
		s.say("foreign %v, %s", foreign, errorName(err))
	case "written": // [ERROR]
		s.written(args)
	case "marked":
		s.narrate(s.txn.Marked(s.partitions(args)))
	case "pass": // ms
		s.now += s.number(args[0])
	case "timeouts":
		s.narrate(s.txn.TimedOut(s.now))
	case "expire": // older than ms
		s.narrate(s.txn.Expire(s.now - s.number(args[0])))
	case "crash": // another coordinator loads what the log says
		s.txn = Loaded("tx", *s.log)
		s.say("loaded %s", record(s.log))
		s.narrate(s.txn.Resume(s.now))
	case "load": // pid=N epoch=N state=N t-0 …
		m := Metadata{ProducerID: s.arg(args, "pid", 7), ProducerEpoch: int16(s.arg(args, "epoch", 0)), TimeoutMs: 60_000,
			State: State(s.arg(args, "state", 0)), Partitions: s.partitions(args), StartedMs: -1}
		s.log = &m
		s.command("crash", nil)
	default:
		s.t.Fatalf("no command %q", name)
	}
}

func (s *stage) written(args []string) {
	var err *kerr.Error
	if len(args) > 0 {
		for code := range int16(128) {
			if e := kerr.TypedErrorForCode(code); e != nil && e.Message == args[0] {
				err = e
			}
		}
	}
	if err == nil && s.next != nil {
		if s.log = nil; !s.next.Tombstone {
			m := s.next.Metadata
			s.log = &m
		}
	}
	s.narrate(s.txn.Written(err, s.now))
}

func (s *stage) arg(args []string, name string, or int64) int64 {
	for _, a := range args {
		if text, ok := strings.CutPrefix(a, name+"="); ok {
			return s.number(text)
		}
	}
	return or
}

func (s *stage) number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *stage) partitions(args []string) (all []storage.TopicPartition) {
	for _, a := range args {
		if topic, id, ok := strings.Cut(a, "-"); ok && !strings.Contains(a, "=") {
			all = append(all, storage.TopicPartition{Topic: topic, Partition: int32(s.number(id))})
		}
	}
	return all
}

func (s *stage) say(format string, args ...any) { fmt.Fprintf(&s.out, "| "+format+"\n", args...) }

func (s *stage) narrate(e Effects) {
	for _, told := range e.Events {
		s.say("event %s cause=%q commit=%v producer %d epoch %d, %d partitions, %d ms", told.Kind, told.Cause, told.Commit,
			told.ProducerID, told.ProducerEpoch, told.Partitions, told.TookMs)
	}
	if r := e.Reply; r != nil {
		s.say("reply %v %s producer %d epoch %d", r.Token, errorName(r.Err), r.ProducerID, r.ProducerEpoch)
	}
	if w := e.Write; w != nil {
		s.next = w
		again := ""
		if e.Again {
			again = "after a pause, "
		}
		if w.Tombstone {
			s.say("%swrite a tombstone", again)
		} else {
			s.say("%swrite %s", again, record(&w.Metadata))
		}
	}
	if m := e.Mark; m != nil {
		s.say("mark commit=%v producer %d epoch %d %v", m.Commit, m.ProducerID, m.ProducerEpoch, m.Partitions)
	}
	if e.Forget {
		s.say("forget")
	}
	if e.NeedsID {
		s.say("needs a producer id")
	}
}

func record(m *Metadata) string {
	return fmt.Sprintf("%v producer %d epoch %d timeout %d %v updated %d started %d",
		m.State, m.ProducerID, m.ProducerEpoch, m.TimeoutMs, m.Partitions, m.UpdatedMs, m.StartedMs)
}

func errorName(err *kerr.Error) string {
	if err == nil {
		return "ok"
	}
	return err.Message
}
