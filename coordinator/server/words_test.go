package server

import (
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
)

func (r *running) word(word string) string {
	r.Helper()
	w := dialWire(r, r.addr)
	w.Write([]byte(word))
	b, err := io.ReadAll(w)
	if err != nil {
		r.Fatal(err)
	}
	return string(b)
}

func TestWords(t *testing.T) {
	r := startDefault(t)
	w := r.wire(5 * time.Second)
	w.ok(opCreate, createBody("/e", nil, 1)...)
	w.ok(opExists, watchBody("/e")...)
	w.ok(opGetChildren, watchBody("/")...)
	session := sessionName(w.session)
	for word, want := range map[string]string{
		"ruok": `^imok$`,
		"isro": `^rw$`,
		"srvr": `^Zookeeper version: \S+, built on \d\d/\d\d/\d{4} \d\d:\d\d UTC\nLatency min/avg/max: \d+/\d+\.\d/\d+\nReceived: 4\nSent: 4\nConnections: 1\nOutstanding: 0\nZxid: 0x2\nMode: standalone\nNode count: 5\n$`,
		"stat": `(?s)Clients:\n /127.0.0.1:\d+\[1\]\(queued=0,recved=3,sent=3\)\n\nLatency.*Mode: standalone`,
		"cons": `^ /127.0.0.1:\d+\[1\]\(queued=0,recved=3,sent=3,sid=` + session + `,lop=GETC,est=\d+,to=5000,lcxid=0x3,lzxid=0x2,`,
		"conf": `(?s)tickTime=1000\n.*minSessionTimeout=100\nmaxSessionTimeout=20000\n`,
		"envi": `(?s)^Environment:\nzookeeper.version=3\.8\.4`,
		"dirs": `^datadir_size: \d+\nlogdir_size: \d+\n$`,
		"dump": `(?s)Global Sessions\(1\):\n` + session + `\t5000ms\nephemeral nodes dump:\nSessions with Ephemerals \(1\):\n` + session + `:\n\t/e\n$`,
		"wchs": `^1 connections watching 2 paths\nTotal watches:2\n$`,
		"wchc": `^` + session + `\n\t/\n\t/e\n$`,
		"wchp": `^/\n\t` + session + `\n/e\n\t` + session + `\n$`,
		"mntr": `(?s)zk_server_state\tstandalone\n.*zk_num_alive_connections\t1\n.*zk_znode_count\t5\nzk_watch_count\t2\nzk_ephemerals_count\t1\n.*zk_global_sessions\t1\n`,
	} {
		if got := r.word(word); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s answered\n%s", word, got)
		}
	}
	if got := r.word("crst\n") + r.word("srst\n"); got != "Connection stats reset.\nServer stats reset.\n" {
		t.Errorf("resets answered %q", got)
	}
	if got := r.word("stat"); !strings.Contains(got, "(queued=0,recved=0,sent=0)") || !strings.Contains(got, "Received: 0\nSent: 0\n") {
		t.Errorf("after the resets stat answered\n%s", got)
	}
}

func TestWhitelist(t *testing.T) {
	cfg := testConfig(t)
	cfg.FourLetterWords = nil
	r := start(t, cfg, Options{})
	if got := r.word("ruok"); !strings.HasPrefix(got, "ruok is not executed because it is not in the whitelist.") {
		t.Errorf("ruok answered %q", got)
	}
	if got := r.word("srvr"); !strings.HasPrefix(got, "Zookeeper version") {
		t.Errorf("srvr answered %q", got)
	}
}
