package cluster

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// Command is an operation as a person would type it: with klab, and with the tools that Apache Kafka ships.
type Command struct {
	Klab  string // klab topic create orders --partitions 6
	Kafka string // kafka-topics.sh --bootstrap-server … --create --topic orders --partitions 6
}

// Executed is one entry of the command log.
type Executed struct {
	Seq     int64
	Time    time.Time
	Took    time.Duration
	Command Command
	Err     error // nil: done
}

// commandLogSize bounds the command log; older entries are forgotten.
const commandLogSize = 500

// CommandLog keeps what was done through this cluster, newest last. It is safe for concurrent use.
type CommandLog struct {
	mu      sync.Mutex
	seq     int64
	entries []Executed
}

func (l *CommandLog) add(e Executed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e.Seq = l.seq
	if len(l.entries) == commandLogSize {
		l.entries = slices.Delete(l.entries, 0, 1)
	}
	l.entries = append(l.entries, e)
}

// Last returns at most the n newest entries, oldest first.
func (l *CommandLog) Last(n int) []Executed {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries[max(0, len(l.entries)-n):])
}

// line joins words into a command line, quoting what a POSIX shell would take apart.
func line(words ...string) string {
	var b strings.Builder
	for _, w := range words {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(quote(w))
	}
	return b.String()
}

func quote(w string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,@%+", r)
	}
	if w != "" && strings.IndexFunc(w, func(r rune) bool { return !safe(r) }) < 0 {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}
