package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// shell runs commands against brokers in this process.
type shell struct {
	t         *testing.T
	bootstrap string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	s, _ := newFakeShell(t)
	return s
}

// newFakeShell is newShell with the brokers at hand.
func newFakeShell(t *testing.T) (*shell, *kfake.Cluster) {
	t.Helper()
	t.Setenv("KLAB_HOME", t.TempDir())
	t.Setenv("LANG", "C")
	noSessions := kfake.BrokerConfigs(map[string]string{"max.incremental.fetch.session.cache.slots": "0"}) // kfake's lose a record now and then
	fake, err := kfake.NewCluster(kfake.NumBrokers(3), noSessions)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	return &shell{t, strings.Join(fake.ListenAddrs(), ",")}, fake
}

// try runs one command line, split at spaces, and returns its outputs and exit code.
func (s *shell) try(stdin, line string) (out, errs string, code int) {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	args := append([]string{"-b", s.bootstrap}, strings.Fields(line)...)
	code = Run(s.t.Context(), args, strings.NewReader(stdin), &stdout, &stderr)
	return stdout.String(), stderr.String(), code
}

// run runs one that must succeed.
func (s *shell) run(stdin, line string) string {
	s.t.Helper()
	out, errs, code := s.try(stdin, line)
	if code != exitDone {
		s.t.Fatalf("klab %s: exit code %d: %s", line, code, errs)
	}
	return out
}

func (s *shell) decode(line string, into any) {
	s.t.Helper()
	out := s.run("", line)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		s.t.Fatalf("klab %s: %v in %q", line, err, out)
	}
}

// refusal is a line that fails, and how.
type refusal struct {
	line string
	code int
	says string // part of the one line on standard error
}

func (s *shell) refuses(all []refusal) {
	s.t.Helper()
	for _, c := range all {
		_, errs, code := s.try("", c.line)
		if code != c.code || !strings.Contains(errs, c.says) || strings.Count(errs, "\n") != 1 {
			s.t.Errorf("klab %s: exit code %d, says %q; want %d and %q", c.line, code, errs, c.code, c.says)
		}
	}
}

func TestTopics(t *testing.T) {
	s := newShell(t)
	s.run("", "topic create orders --partitions 2 --replication-factor 3 --config retention.ms=60000")
	if out := s.run("", "topic list"); out != "orders\n" {
		t.Errorf("list = %q", out)
	}
	var list []topicLine
	s.decode("topic list -o json", &list)
	if len(list) != 1 || list[0].Name != "orders" || list[0].Partitions != 2 || list[0].ReplicationFactor != 3 || len(list[0].ID) != 22 {
		t.Errorf("list = %+v", list)
	}
	s.run("", "topic alter orders --partitions 3")
	s.run("a\nb\n", "produce orders --partition 2")
	var d topicDetail
	s.decode("topic describe orders -o json", &d)
	if len(d.Partitions) != 3 || d.Partitions[2].HighWatermark != 2 || d.Partitions[2].LogStart != 0 || d.Config["retention.ms"] != "60000" {
		t.Errorf("describe = %+v", d)
	}
	if out := s.run("", "topic describe orders"); !strings.Contains(out, "PARTITION") || !strings.Contains(out, "retention.ms=60000") {
		t.Errorf("describe prints %q", out)
	}
	s.run("", "topic elect orders")
	s.run("", "topic delete orders")
	if out := s.run("", "topic list"); out != "" {
		t.Errorf("after deletion: %q", out)
	}
}

func TestProduceAndConsume(t *testing.T) {
	s := newShell(t)
	s.run("", "topic create orders --partitions 1")
	out := s.run("k1:v1\nk2:NULL\nno separator\n", "produce orders --key-separator : --null-marker NULL --header app=test --codec zstd")
	if !strings.HasPrefix(out, "3 records, ") || !strings.HasSuffix(out, " ms, 0 retries\n") {
		t.Errorf("produce prints %q", out)
	}
	for _, acks := range []string{"0", "1", "all"} {
		var result produced
		if err := json.Unmarshal([]byte(s.run("x\n", "produce orders -o json --acks "+acks)), &result); err != nil || result.Records != 1 || result.Failed != 0 {
			t.Errorf("acks %s: %+v, %v", acks, result, err)
		}
	}
	if out := s.run("", `consume orders --max 3 --format %o|%k|%K|%v|%V|%h\n`); out != "0|k1|2|v1|2|app=test\n1|k2|2||-1|app=test\n2||-1|no separator|12|app=test\n" {
		t.Errorf("consume prints %q", out)
	}
	if out := s.run("", "consume orders --from -1"); out != "x\n" {
		t.Errorf("the last one is %q", out)
	}
	var rec recordJSON
	s.decode("consume orders -o json --from 1 --max 1", &rec)
	if *rec.Key != "k2" || rec.Value != nil || rec.Offset != 1 || len(rec.Headers) != 1 || rec.Timestamp.IsZero() {
		t.Errorf("record = %+v", rec)
	}
}

func TestBytesAreKept(t *testing.T) {
	s := newShell(t)
	s.run("", "topic create orders --partitions 1")
	s.run("\xff\x1b[31m\n", "produce orders")
	if out := s.run("", "consume orders"); out != "\xff\x1b[31m\n" {
		t.Errorf("into a pipe: %q", out)
	}
	var rec recordJSON
	s.decode("consume orders -o json", &rec)
	if rec.Value != nil || rec.ValueBase64 != "/xtbMzFt" {
		t.Errorf("as JSON: %+v", rec)
	}
}

// What goes to a terminal cannot act on it.
func TestTerminalsAreSafe(t *testing.T) {
	var b bytes.Buffer
	o := output{w: &b, terminal: true}
	hostile := "\x1b]52;c;eA==\x07\u009b31m\rtop\u202e"
	if err := o.value(map[string]string{"v": hostile}); err != nil {
		t.Fatal(err)
	}
	if err := o.table([]string{"A", ">B"}, [][]string{{hostile, "1"}}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"\x1b", "\u009b", "\r", "\u202e", "\x07"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("%q reached the terminal: %q", bad, b.String())
		}
	}
}

func TestExitCodes(t *testing.T) {
	s := newShell(t)
	s.run("", "topic create orders --partitions 1")
	s.refuses([]refusal{
		{"topic create orders", exitFailed, "TOPIC_ALREADY_EXISTS"},
		{"topic create", exitInput, "see klab topic create --help"},
		{"topic describe absent", exitInput, "klab topic create"},
		{"topic creat x", exitInput, "create"},
		{"tpoic", exitInput, "unknown command"},
		{"topic list --wat", exitInput, "unknown flag"},
		{"topic list -o yaml", exitInput, "text or json"},
		{"topic create x --config nonsense", exitInput, "key=value"},
		{"topic elect", exitInput, "--all"},
		{"produce absent", exitInput, "klab topic create"},
		{"produce orders --acks 2", exitInput, "0, 1 or all"},
		{"produce orders --codec rar", exitInput, "zstd"},
		{"produce orders --partition 7", exitInput, "partitions 0 to 0"},
		{"produce orders --header x", exitInput, "key=value"},
		{"consume orders --from yesterday", exitInput, "beginning, end"},
		{"consume orders --format %q", exitInput, "%q"},
		{"consume orders --isolation-level serializable", exitInput, "read_committed"},
		{"consume orders --instance-id me", exitInput, "--group"},
		{"reassign start --plan plan.json --balance", exitInput, "two plans"},
		{"consume absent", exitFailed, "UNKNOWN_TOPIC_OR_PARTITION"},
		{"consume orders --partition 9", exitFailed, "no partition 9"},
		{"events", exitInput, "--follow"},
		{"broker kill 1", exitInput, "--bootstrap"},
		{"broker kill one", exitInput, "its number"},
		{"up", exitInput, "--bootstrap"},
		{"status --lang fr", exitInput, "en or zh"},
	})
}

func TestNothingToTalkTo(t *testing.T) {
	s := newShell(t)
	s.bootstrap = "127.0.0.1:1"
	for _, line := range []string{"topic list", "topic describe x", "status", "produce x", "consume x", "events -f", "topic create x"} {
		if _, errs, code := s.try("", line); code != exitNothing || !strings.Contains(errs, "127.0.0.1:1") {
			t.Errorf("klab %s: exit code %d, says %q", line, code, errs)
		}
	}
	for _, line := range []string{"topic list", "status", "events", "broker stop 1", "logs 1", "zk ls /", "down", "consume x"} {
		var out, errs bytes.Buffer
		code := Run(t.Context(), strings.Fields(line), strings.NewReader(""), &out, &errs)
		if code != exitNothing || !strings.Contains(errs.String(), "start one with klab up") {
			t.Errorf("klab %s: exit code %d, says %q", line, code, errs.String())
		}
	}
}

func TestStatusOfAnyCluster(t *testing.T) {
	s := newShell(t)
	var fields map[string]any
	s.decode("status -o json", &fields)
	for _, name := range []string{"name", "state", "ready_ms", "supervisor", "zookeeper", "controller", "brokers"} {
		if _, ok := fields[name]; !ok {
			t.Errorf("status lacks %s", name)
		}
	}
	if len(fields) != 7 || len(fields["brokers"].([]any)) != 3 {
		t.Errorf("status = %v", fields)
	}
}

func TestCompletionsKnowTopics(t *testing.T) {
	s := newShell(t)
	s.run("", "topic create orders --partitions 1")
	for _, line := range []string{"__complete consume", "__complete topic describe", "__complete produce"} {
		var out, errs bytes.Buffer
		args := append(strings.Fields(line), "-b", s.bootstrap, "")
		if code := Run(t.Context(), args, nil, &out, &errs); code != exitDone || !strings.Contains(out.String(), "orders\n") {
			t.Errorf("%s: %d %q %q", line, code, out.String(), errs.String())
		}
	}
	for _, sh := range []string{"bash", "zsh", "fish"} {
		if out := s.run("", "completion "+sh); len(out) < 1000 {
			t.Errorf("completion of %s: %d bytes", sh, len(out))
		}
	}
}

func TestReadCommittedLeavesOutWhatWasAborted(t *testing.T) {
	s := newShell(t)
	s.run("", "topic create payments --partitions 1")
	s.run("a\nb\n", "produce payments --transactional-id first")
	s.run("x\n", "produce payments --transactional-id second --abort")
	s.run("c\n", "produce payments --transactional-id third")
	for line, want := range map[string]string{
		"consume payments": "a\nb\nx\nc\n",
		"consume payments --isolation-level read_committed":                                    "a\nb\nc\n",
		"consume payments --isolation-level read_committed --from 1":                           "b\nc\n",
		"consume payments --isolation-level read_committed --group g --from beginning --max 3": "a\nb\nc\n",
	} {
		if out := s.run("", line); out != want {
			t.Errorf("klab %s: %q, want %q", line, out, want)
		}
	}
}

// The largest lag of some replicas is not that of all.
func TestALagThatIsNotKnown(t *testing.T) {
	p := partitionDetail{Leader: 1, Logs: []replicaLog{{Broker: 1, LEO: 10}, {Broker: 2, LEO: 7, Lag: 3}}}
	if leo, lag := p.ends(); leo != 10 || lag != 3 {
		t.Errorf("log end %d, lag %d", leo, lag)
	}
	p.Logs = append(p.Logs, replicaLog{Broker: 3, LEO: -1, Lag: -1})
	if leo, lag := p.ends(); leo != 10 || lag != -1 {
		t.Errorf("log end %d, lag %d", leo, lag)
	}
}
