package server

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
)

// version is printed with a date in the form that ZooKeeper used before 3.7, the only one that go-zookeeper's FLWSrvr
// can read.
const version = "3.8.4-embedded, built on 02/12/2024 22:16 UTC"

// A word is a four-letter command, sent in place of the first frame. The answer is text, then the connection ends.
type word string

// knownWord tells whether the first bytes of a connection are a command, allowed or not.
func knownWord(first string) (word, bool) {
	switch first {
	case "conf", "cons", "crst", "dirs", "dump", "envi", "isro", "mntr", "ruok", "srst", "srvr", "stat", "wchc", "wchp", "wchs":
		return word(first), true
	}
	return "", false
}

func (w word) run(p *processor, c *conn) {
	text := string(w) + " is not executed because it is not in the whitelist.\n"
	if slices.Contains(p.cfg.FourLetterWords, string(w)) || slices.Contains(p.cfg.FourLetterWords, "*") {
		var b strings.Builder
		w.answer(p, &b)
		text = b.String()
	}
	c.pending = append(c.pending, text...)
	p.end(c)
}

func (w word) answer(p *processor, b *strings.Builder) {
	switch w {
	case "ruok":
		b.WriteString("imok")
	case "isro":
		b.WriteString("rw")
	case "srvr":
		writeVersion(b)
		p.writeServer(b)
	case "stat":
		writeVersion(b)
		p.writeClients(b)
		p.writeServer(b)
	case "cons":
		for c := range p.conns {
			p.writeConnection(b, c)
		}
		b.WriteString("\n")
	case "conf":
		p.writeConfig(b)
	case "mntr":
		p.writeMonitor(b)
	case "envi":
		writeEnvironment(b)
	case "dirs":
		p.writeDirectories(b)
	case "dump":
		p.writeSessions(b)
	case "wchs", "wchc", "wchp":
		p.writeWatches(b, w)
	case "srst", "crst":
		p.resetStats(w, b)
	}
}

func writeVersion(b *strings.Builder) { fmt.Fprintf(b, "Zookeeper version: %s\n", version) }

func (p *processor) writeServer(b *strings.Builder) {
	l := &p.stats.latency
	fmt.Fprintf(b, "Latency min/avg/max: %d/%.1f/%d\n", l.low, l.mean(), l.high)
	fmt.Fprintf(b, "Received: %d\nSent: %d\nConnections: %d\nOutstanding: %d\n",
		p.stats.received, p.stats.sent, len(p.conns), p.outstanding())
	fmt.Fprintf(b, "Zxid: 0x%x\nMode: standalone\nNode count: %d\n", p.tree.LastZxid(), p.tree.Counts().Nodes)
}

func (p *processor) writeClients(b *strings.Builder) {
	b.WriteString("Clients:\n")
	for c := range p.conns {
		fmt.Fprintf(b, " /%s[1](queued=%d,recved=%d,sent=%d)\n", c.addr, c.queued.Load(), c.stats.received, c.stats.sent)
	}
	b.WriteString("\n")
}

func (p *processor) writeConnection(b *strings.Builder, c *conn) {
	var id, timeout int64
	if s := c.session.Load(); s != nil {
		id, timeout = s.id, s.timeout.Milliseconds()
	}
	s := &c.stats
	fmt.Fprintf(b, " /%s[1](queued=%d,recved=%d,sent=%d,sid=0x%x,lop=%s,est=%d,to=%d,lcxid=0x%x,lzxid=0x%x,lresp=%d,llat=%d,minlat=%d,avglat=%d,maxlat=%d)\n",
		c.addr, c.queued.Load(), s.received, s.sent, id, opName(s.lastOp), c.opened.UnixMilli(), timeout,
		uint32(s.lastXid), uint64(s.lastZxid), s.lastReply.Milliseconds(),
		s.latency.last, s.latency.low, int64(s.latency.mean()), s.latency.high)
}

// opName is ZooKeeper's abbreviation of a request type (Request.op2String, cut to four letters).
func opName(op int32) string {
	switch op {
	case opCreate, opCreate2, opCreateContainer, opCreateTTL:
		return "CREA"
	case opDelete:
		return "DELE"
	case opExists:
		return "EXIS"
	case opGetData:
		return "GETD"
	case opSetData:
		return "SETD"
	case opGetChildren, opGetChildren2:
		return "GETC"
	case opMulti, opMultiRead:
		return "MULT"
	case opPing:
		return "PING"
	case opSetWatches, opSetWatches2:
		return "SETW"
	case opSync:
		return "SYNC"
	case 0:
		return "NA"
	}
	return "OTHE"
}

func (p *processor) writeConfig(b *strings.Builder) {
	c := &p.cfg
	fmt.Fprintf(b, "clientPort=%d\ndataDir=%s\ndataLogDir=%s\n", c.ClientPort, c.DataDir, c.DataLogDir)
	fmt.Fprintf(b, "tickTime=%d\nmaxClientCnxns=%d\n", c.TickTime.Milliseconds(), max(c.MaxClientCnxns, 0))
	fmt.Fprintf(b, "minSessionTimeout=%d\nmaxSessionTimeout=%d\nserverId=0\n",
		c.MinSessionTimeout.Milliseconds(), c.MaxSessionTimeout.Milliseconds())
}

func (p *processor) writeMonitor(b *strings.Builder) {
	counts, l := p.tree.Counts(), &p.stats.latency
	_, _, watches := p.watches.Totals()
	open, limit := fileDescriptors()
	line := func(name string, value any) { fmt.Fprintf(b, "zk_%s\t%v\n", name, value) }
	line("version", version)
	line("server_state", "standalone")
	line("avg_latency", fmt.Sprintf("%.4f", l.mean()))
	line("min_latency", l.low)
	line("max_latency", l.high)
	line("packets_received", p.stats.received)
	line("packets_sent", p.stats.sent)
	line("num_alive_connections", len(p.conns))
	line("outstanding_requests", p.outstanding())
	line("znode_count", counts.Nodes)
	line("watch_count", watches)
	line("ephemerals_count", counts.Ephemerals)
	line("approximate_data_size", counts.DataSize)
	line("open_file_descriptor_count", open)
	line("max_file_descriptor_count", limit)
	line("uptime", p.now().Milliseconds())
	line("global_sessions", counts.Sessions)
}

func writeEnvironment(b *strings.Builder) {
	host, _ := os.Hostname()
	b.WriteString("Environment:\n")
	fmt.Fprintf(b, "zookeeper.version=%s\nhost.name=%s\n", version, host)
	fmt.Fprintf(b, "go.version=%s\nos.name=%s\nos.arch=%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func (p *processor) writeDirectories(b *strings.Builder) {
	snapshots, log, err := p.store.Sizes()
	if err != nil {
		p.log.Warn("cannot measure data directory", "err", err)
	}
	fmt.Fprintf(b, "datadir_size: %d\nlogdir_size: %d\n", snapshots, log)
}

func (p *processor) writeSessions(b *strings.Builder) {
	ids := slices.Sorted(maps.Keys(p.sessions.byID))
	fmt.Fprintf(b, "SessionTracker dump:\nGlobal Sessions(%d):\n", len(ids))
	for _, id := range ids {
		fmt.Fprintf(b, "0x%x\t%dms\n", id, p.sessions.byID[id].timeout.Milliseconds())
	}
	owners := 0
	var lines strings.Builder
	for _, id := range ids {
		paths := p.tree.Ephemerals(id, "")
		if len(paths) == 0 {
			continue
		}
		owners++
		fmt.Fprintf(&lines, "0x%x:\n\t%s\n", id, strings.Join(paths, "\n\t"))
	}
	fmt.Fprintf(b, "ephemeral nodes dump:\nSessions with Ephemerals (%d):\n%s", owners, lines.String())
}

// writeWatches writes totals (wchs), paths by session (wchc), or sessions by path (wchp).
func (p *processor) writeWatches(b *strings.Builder, w word) {
	if w == "wchs" {
		watchers, paths, total := p.watches.Totals()
		fmt.Fprintf(b, "%d connections watching %d paths\nTotal watches:%d\n", watchers, paths, total)
		return
	}
	byKey := map[string][]string{}
	for c := range p.conns {
		s := c.session.Load()
		if s == nil {
			continue
		}
		for _, path := range p.watches.Paths(c) {
			if w == "wchc" {
				byKey[sessionName(s.id)] = append(byKey[sessionName(s.id)], path)
			} else {
				byKey[path] = append(byKey[path], sessionName(s.id))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		fmt.Fprintf(b, "%s\n\t%s\n", key, strings.Join(byKey[key], "\n\t"))
	}
}

func (p *processor) resetStats(w word, b *strings.Builder) {
	if w == "srst" {
		p.stats = serverStats{}
		b.WriteString("Server stats reset.\n")
		return
	}
	for c := range p.conns {
		c.stats = connStats{}
	}
	b.WriteString("Connection stats reset.\n")
}
