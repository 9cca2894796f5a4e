package group

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"klab/broker/storage/batch"
	"klab/broker/story"
)

// Each file in testdata is a story: commands, each followed by what came of it, indented. A # begins a comment.
//
//	limits max=2 delay=3s retention=1h      sets the limits; must come first
//	join TOKEN [id=M] [inst=I] [v=4] [session=10s] [rebalance=60s] [type=consumer] [protos=range,rr] [topics=t] [why=…]
//	sync TOKEN id=M gen=N [inst=I] [type=…] [proto=…] [assign=M:x,N:y]
//	beat id=M gen=N [inst=I]                leave id=M|inst=I [why=…]
//	commit TOKEN t-0=5 [id=M] [gen=N] [inst=I] [tx=7] [meta=…] [expires=10s]
//	written [offset]                        the oldest append is committed      failed CODE   it is refused
//	ended PRODUCER commit|abort             wait DURATION                       load         reads back what was written
//	fetch [stable] [t-0 …]    clean    delete    drop t-0 …    gone TOPIC   show
func TestScripts(t *testing.T) { story.Play(t, play) }

// stage plays one script.
type stage struct {
	t       *testing.T
	group   *Group
	limits  *Limits
	now     time.Time
	made    int // member ids
	pending []*Append
	log     []batch.Batch // committed
	next    int64
	out     strings.Builder
}

func play(t *testing.T, script string) string {
	limits := &Limits{MinSession: 6 * time.Second, MaxSession: 30 * time.Minute, InitialDelay: 0, MaxSize: 100, MetadataMax: 10, Retention: time.Hour}
	now := time.UnixMilli(1_700_000_000_000)
	s := &stage{t: t, limits: limits, now: now, group: New("g", limits, now)}
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, " ") {
			continue // an outcome: made anew
		}
		s.out.WriteString(line + "\n")
		if line != "" && !strings.HasPrefix(line, "#") {
			s.command(strings.Fields(line))
		}
	}
	return s.out.String()
}

func (s *stage) say(format string, args ...any) { fmt.Fprintf(&s.out, "    "+format+"\n", args...) }

// words are the arguments of a command: plain ones, and name=value.
func words(fields []string) (plain []string, named map[string]string) {
	named = map[string]string{}
	for _, f := range fields {
		if k, v, ok := strings.Cut(f, "="); ok {
			named[k] = v
		} else {
			plain = append(plain, f)
		}
	}
	return plain, named
}

func (s *stage) command(fields []string) {
	plain, named := words(fields[1:])
	switch fields[0] {
	case "limits":
		s.setLimits(named)
	case "join":
		s.apply(s.group.Join(s.now, s.join(named), plain[0]))
	case "sync":
		s.apply(s.group.Sync(s.now, s.sync(named), plain[0]))
	case "beat":
		err, out := s.group.Heartbeat(s.now, membership(named))
		s.say("%s", code(err))
		s.apply(out)
	case "leave":
		_, each, out := s.group.Leave(s.now, []Leaving{{MemberID: named["id"], InstanceID: optional(named, "inst"), Reason: named["why"]}})
		s.say("%s", code(each[0]))
		s.apply(out)
	case "commit":
		s.apply(s.group.Commit(s.now, s.commit(named), plain[0]))
	case "written", "failed":
		s.appended(fields)
	case "ended":
		s.ended(number(plain[0]), plain[1] == "commit")
	case "wait":
		s.wait(duration(plain[0]))
	case "load":
		s.load()
	default:
		s.look(fields[0], plain)
	}
}

func (s *stage) look(command string, plain []string) {
	switch command {
	case "fetch":
		s.fetch(plain)
	case "clean":
		n, out := s.group.Clean(s.now)
		s.say("%d expired", n)
		s.apply(out)
	case "delete":
		err, out := s.group.Delete(s.now)
		s.say("%s", code(err))
		s.apply(out)
	case "drop":
		whole, each, out := s.group.DeleteOffsets(s.now, partitions(plain))
		s.say("%s %s", code(whole), codes(each))
		s.apply(out)
	case "gone":
		s.apply(s.group.RemoveTopic(s.now, plain[0]))
	case "show":
		s.show()
	default:
		s.t.Fatalf("no command %q", command)
	}
}

func (s *stage) setLimits(named map[string]string) {
	if v, ok := named["max"]; ok {
		s.limits.MaxSize = int(number(v))
	}
	if v, ok := named["delay"]; ok {
		s.limits.InitialDelay = duration(v)
	}
}

func (s *stage) join(named map[string]string) *Join {
	if named["id"] == "" {
		s.made++
	}
	j := &Join{
		MemberID: named["id"], InstanceID: optional(named, "inst"), ClientID: "c", Host: "/h", Reason: named["why"],
		Session: duration(cmp.Or(named["session"], "10s")), Rebalance: duration(cmp.Or(named["rebalance"], "60s")),
		ProtocolType: cmp.Or(named["type"], "consumer"), UniqueMemberPart: strconv.Itoa(s.made),
	}
	version := number(cmp.Or(named["v"], "0"))
	j.NeedsKnownID, j.CanSkip = version >= 4 && j.InstanceID == nil, version >= 9
	for _, p := range strings.Split(cmp.Or(named["protos"], "range"), ",") {
		j.Protocols = append(j.Protocols, Protocol{p, subscriptionOf(cmp.Or(named["topics"], "t"))})
	}
	return j
}

// subscriptionOf is a consumer's subscription, version 0.
func subscriptionOf(topics string) []byte {
	all := strings.Split(topics, ",")
	b := []byte{0, 0, 0, 0, 0, byte(len(all))}
	for _, t := range all {
		b = append(append(b, 0, byte(len(t))), t...)
	}
	return append(b, 0xff, 0xff, 0xff, 0xff)
}

func (s *stage) sync(named map[string]string) *Sync {
	req := &Sync{Membership: membership(named), ProtocolType: optional(named, "type"), Protocol: optional(named, "proto"), Assignments: map[string][]byte{}}
	if named["assign"] != "" {
		for _, a := range strings.Split(named["assign"], ",") {
			id, what, _ := strings.Cut(a, ":")
			req.Assignments[id] = []byte(what)
		}
	}
	return req
}

func (s *stage) commit(named map[string]string) *Commit {
	c := &Commit{Membership: membership(named), ProducerID: -1, ProducerEpoch: -1}
	if tx, ok := named["tx"]; ok {
		c.Transactional, c.ProducerID, c.ProducerEpoch = true, number(tx), 0
	}
	for _, name := range slices.Sorted(mapKeys(named)) {
		if !strings.Contains(name, "-") {
			continue
		}
		o := CommittedOffset{partitions([]string{name})[0], Offset{At: number(named[name]), LeaderEpoch: -1, Metadata: named["meta"], Committed: s.now.UnixMilli(), Expires: -1}}
		if v, ok := named["expires"]; ok {
			o.Expires = s.now.Add(duration(v)).UnixMilli()
		}
		c.Offsets = append(c.Offsets, o)
	}
	return c
}

func (s *stage) appended(fields []string) {
	if len(s.pending) == 0 {
		s.say("nothing is being appended")
		return
	}
	a := s.pending[0]
	s.pending = s.pending[1:]
	if fields[0] == "failed" {
		s.apply(s.group.Appended(s.now, a, -1, kerrNamed(fields[1])))
		return
	}
	base := s.next
	s.next += int64(len(a.Records))
	s.log = append(s.log, built(a, base))
	s.apply(s.group.Appended(s.now, a, base, nil))
}

// wait lets time go by, from deadline to deadline.
func (s *stage) wait(d time.Duration) {
	end := s.now.Add(d)
	for {
		at, ok := s.group.Deadline()
		if !ok || at.After(end) {
			break
		}
		s.say("at +%v", d-end.Sub(at))
		s.now = at
		s.apply(s.group.Tick(s.now))
	}
	s.now = end
}

func (s *stage) fetch(plain []string) {
	stable := len(plain) > 0 && plain[0] == "stable"
	if stable {
		plain = plain[1:]
	}
	found := s.group.Fetch(partitions(plain), stable)
	slices.SortFunc(found, func(a, b FetchedOffset) int {
		return strings.Compare(fmt.Sprint(a.TopicPartition), fmt.Sprint(b.TopicPartition))
	})
	for _, f := range found {
		s.say("%s-%d = %d %s", f.Topic, f.Partition, f.At, code(f.Err))
	}
}

func (s *stage) show() {
	g := s.group
	line := fmt.Sprintf("%v, generation %d, type %q", g.State(), g.Generation(), g.ProtocolType())
	if g.leader != "" {
		line += ", leader " + g.leader
	}
	s.say("%s", line)
	for _, m := range g.Describe().Members {
		s.say("  %s %q", m.MemberID, m.Assignment)
	}
}
