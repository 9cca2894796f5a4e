package supervisor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"klab/launcher/event"
	"klab/launcher/lifecycle"
)

// ask sends raw bytes and returns what comes back, until the supervisor closes.
func (l *lab) ask(text string) string {
	l.t.Helper()
	conn, err := net.Dial("unix", filepath.Join(RunDir(l.home), socketName))
	if err != nil {
		l.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(text)); err != nil {
		return "" // it closed before it had read all
	}
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return line
}

// TestASupervisorThatSaysNothing stands for one that was paused: the kernel takes the connection, and nobody answers.
func TestASupervisorThatSaysNothing(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	silent, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := &Client{socket: socket, pid: 4711}
	_, err = c.statusWithin(t.Context(), 10*time.Millisecond)
	if err == nil || errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "4711") {
		t.Errorf("a supervisor that says nothing: %v, want an error that names its process", err)
	}
}

func TestHostileRequests(t *testing.T) {
	l := start(t, nil)
	defer l.Down(context.Background(), false)
	for _, c := range []struct{ request, want string }{
		{"hello\n", "cannot read the request"},
		{"{}\n", "protocol version 0"},
		{`{"v":1}` + "\n", "no such operation"},
		{`{"v":1,"op":"explode"}` + "\n", `cannot do \"explode\"`},
		{`{"v":1,"op":"do","verb":"start","target":"toaster"}` + "\n", "cannot find toaster: the cluster has broker 1, broker 2, broker 3"},
		{`{"v":1,"op":"do","verb":"start","target":"broker","id":9}` + "\n", "cannot find broker 9"},
		{`{"v":1,"op":"do","verb":"melt","target":"broker","id":1}` + "\n", "no such action"},
		{`{"v":1,"op":"logs","target":"../../etc/passwd"}` + "\n", "cannot find"},
		{"[1,2,3]\n", "cannot read the request"},
		{strings.Repeat("[", 5000) + "\n", "cannot read the request"},
		{strings.Repeat("x", 10*maxRequest) + "\n", "longer than"},
	} {
		got := l.ask(c.request)
		if got != "" && !strings.Contains(got, c.want) || got == "" && len(c.request) < maxRequest {
			t.Errorf("%.60q: got %s, want %s", c.request, got, c.want)
		}
	}
	if _, err := l.Status(t.Context()); err != nil {
		t.Errorf("after hostile requests: %v", err)
	}
}

func FuzzRequest(f *testing.F) {
	for _, seed := range []string{`{"v":1,"op":"status"}`, "{}", "", "\n\n", `{"v":1,"op":"events","after":-5}`, `{"v":1e99}`} {
		f.Add([]byte(seed + "\n"))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		here, there := net.Pipe()
		defer here.Close()
		go func() {
			_, _ = there.Write(text)
			there.Close()
		}()
		req, err := readRequest(here, bufio.NewReader(here))
		if err == nil && req.Version != protocolVersion {
			t.Errorf("accepted version %d", req.Version)
		}
	})
}

func TestEventCursors(t *testing.T) {
	l := start(t, nil)
	l.awaitFirstWords()
	var all []event.Event
	for e, err := range l.Events(t.Context(), 0, false) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	for i, e := range all {
		if e.Seq != int64(i)+1 {
			t.Fatalf("event %d has Seq %d", i, e.Seq)
		}
	}
	if all[0].Kind != event.ClusterStarting {
		t.Errorf("first event %+v", all[0])
	}
	last := all[len(all)-1].Seq
	for e := range l.Events(t.Context(), last-1, false) {
		if e.Seq != last {
			t.Errorf("after %d: %d", last-1, e.Seq)
		}
	}
	ended := make(chan []string)
	go func() { // follows to the very end
		var kinds []string
		for e, err := range l.Events(t.Context(), last, true) {
			if errors.Is(err, ErrNotRunning) {
				kinds = append(kinds, "gone")
				break
			}
			kinds = append(kinds, e.Kind)
		}
		ended <- kinds
	}()
	l.do(lifecycle.Kill, 1)
	if err := l.Down(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	kinds := <-ended
	if n := len(kinds); n < 4 || kinds[0] != event.ProcessKilled || kinds[n-2] != event.ClusterStopped || kinds[n-1] != "gone" {
		t.Errorf("followed %v", kinds)
	}
}

func TestHistoryOutlivesTheSupervisor(t *testing.T) {
	first := start(t, nil)
	if err := first.Down(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	before := int64(0)
	for e := range readEvents(filepath.Join(first.plan.Home, journalName)) {
		before = e.Seq
	}
	second := start(t, func(c *Config) { c.Home, c.Plan = first.home, first.plan })
	defer second.Down(context.Background(), false)
	want, starts := int64(1), 0
	for e, err := range second.Events(t.Context(), 0, false) {
		if err != nil || e.Seq != want {
			t.Fatalf("event %+v, %v; want Seq %d", e, err, want)
		}
		if e.Kind == event.ClusterStarting {
			starts++
		}
		want++
	}
	if starts != 2 || want <= before {
		t.Errorf("%d starts, %d events, of which %d before", starts, want-1, before)
	}
}

func TestLogs(t *testing.T) {
	l := start(t, func(c *Config) { c.Plan.Brokers[1].Props["do"] = "chatter" })
	defer l.Down(context.Background(), false)
	for line, err := range l.Logs(t.Context(), "2", true) {
		if err != nil {
			t.Fatal(err)
		}
		if line == "this is no report" { // a stray print is not lost
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := 0
	for line, err := range l.Logs(ctx, "broker 1", true) {
		if err != nil {
			t.Fatal(err)
		}
		if line != "child begins: await" {
			t.Errorf("line %q", line)
		}
		if seen++; seen == 1 {
			l.do(lifecycle.Restart, 1) // the log goes on
		} else {
			cancel()
		}
	}
	if seen != 2 {
		t.Errorf("followed %d lines", seen)
	}
	for _, err := range l.Logs(t.Context(), "9", false) {
		if err == nil || !strings.Contains(err.Error(), "cannot find broker 9") {
			t.Errorf("log of nobody: %v", err)
		}
	}
}

func TestLogFilesAreBoundedAndFollowed(t *testing.T) {
	log, err := openLogFile(filepath.Join(t.TempDir(), "x.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	content, lines, unfollow := log.follow()
	content.Close()
	slow := 0
	text := strings.Repeat("x", 1000)
	for i := range 3 * logFileBytes / 1000 {
		log.line(fmt.Sprint(i, " ", text))
		if i < 10 {
			if got := <-lines; got != fmt.Sprint(i, " ", text) {
				t.Fatalf("line %d: %.20q", i, got)
			}
		}
	}
	for range lines {
		slow++
	}
	if slow > followQueue {
		t.Errorf("%d lines waited for a reader that does not read", slow)
	}
	unfollow() // of one that was let go
	log.line("the end")
	content, _, unfollow = log.follow()
	defer content.Close()
	defer unfollow()
	scanner := bufio.NewScanner(content)
	last, n := "", 0
	for scanner.Scan() {
		last, n = scanner.Text(), n+len(scanner.Bytes())+1
	}
	if last != "the end" || n > 2*logFileBytes || n < logFileBytes {
		t.Errorf("%d bytes kept, the last line is %.20q", n, last)
	}
}

func TestTargets(t *testing.T) {
	for text, want := range map[string]string{
		"3": "broker 3", "broker 3": "broker 3", "broker-3": "broker 3", " 3 ": "broker 3", "zookeeper": "zookeeper",
		"": "", "x": "", "broker": "", "99999999999": "", "3.5": "",
	} {
		got, err := ParseTarget(text)
		if want == "" && err == nil || want != "" && got.String() != want {
			t.Errorf("%q: got %s, %v; want %q", text, got, err, want)
		}
	}
}

func TestStatusJSON(t *testing.T) {
	l := start(t, nil)
	defer l.Down(context.Background(), false)
	text, err := json.Marshal(l.status)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{`"name":"lab"`, `"state":"running"`, `"ready_ms":`, `"supervisor":{"pid":`, `"zookeeper":{"connect":"127.0.0.1:`, `"controller":`, `"brokers":[{"id":1,"host":"127.0.0.1","port":`, `"rss_bytes":`} {
		if !strings.Contains(string(text), key) {
			t.Errorf("no %s in %s", key, text)
		}
	}
}

// A supervisor that is killed leaves requests unread on connections that it, or its socket, had accepted: they are reset.
func TestASupervisorThatDiesOverARequestIsNotRunning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Read(make([]byte, 1)) // the rest of the request is there too
			conn.Close()
		}
	}()
	c := &Client{socket: path}
	if _, err := c.Status(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("err = %v, want %v", err, ErrNotRunning)
	}
}
