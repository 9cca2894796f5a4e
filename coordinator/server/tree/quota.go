package tree

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	limitsName = "zookeeper_limits"
	statsName  = "zookeeper_stats"
)

// A quota watches over the subtree of one path. It exists while the node /zookeeper/quota<path>/zookeeper_limits does.
// Usage counts the path itself.
type quota struct {
	nodes, bytes                   int64
	countHardLimit, bytesHardLimit int64 // -1: none
}

// quotaChanged follows the nodes that define quotas: n is new, has new data, or is nil because it goes.
func (t *Tree) quotaChanged(path string, n *node) {
	parent, name, ok := split(path)
	if !ok || !strings.HasPrefix(parent, quotaPath+"/") {
		return
	}
	subject := strings.TrimPrefix(parent, quotaPath)
	switch {
	case name == limitsName && n == nil:
		delete(t.quotas, subject)
	case name == limitsName:
		q := t.quotas[subject]
		if q == nil {
			q = t.measure(subject)
			t.quotas[subject] = q
		}
		q.countHardLimit, q.bytesHardLimit = parseLimits(n.data)
		t.showUsage(subject, q)
	case name == statsName && n != nil:
		if q := t.quotas[subject]; q != nil {
			t.showUsage(subject, q)
		}
	}
}

// measure counts the nodes and bytes at and below a path.
func (t *Tree) measure(path string) *quota {
	q := &quota{}
	n := t.nodes[path]
	if n == nil {
		return q
	}
	q.nodes, q.bytes = 1, int64(len(n.data))
	for name := range n.children {
		below := t.measure(strings.TrimSuffix(path, "/") + "/" + name)
		q.nodes += below.nodes
		q.bytes += below.bytes
	}
	return q
}

// parseLimits reads "count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2". Soft limits only ever warn.
func parseLimits(data []byte) (countHard, bytesHard int64) {
	countHard, bytesHard = -1, -1
	fields := strings.FieldsFunc(string(data), func(r rune) bool { return r == ',' || r == ';' })
	for _, field := range fields {
		key, value, _ := strings.Cut(field, "=")
		n, err := strconv.ParseInt(strings.TrimRight(value, "="), 10, 64)
		switch {
		case err != nil:
		case key == "countHardLimit":
			countHard = n
		case key == "byteHardLimit":
			bytesHard = n
		}
	}
	return countHard, bytesHard
}

// nearestQuota finds the quota that counts a node: that of the deepest path at or above it.
func (t *Tree) nearestQuota(path string) (string, *quota) {
	if len(t.quotas) == 0 || within(path, systemPath) {
		return "", nil
	}
	for p := range ancestors(path) {
		if q := t.quotas[p]; q != nil {
			return p, q
		}
	}
	return "", nil
}

func (t *Tree) account(path string, nodes, bytes int64) {
	if subject, q := t.nearestQuota(path); q != nil {
		q.nodes += nodes
		q.bytes += bytes
		t.showUsage(subject, q)
	}
}

// showUsage writes the usage where clients look for it. As in ZooKeeper that is no write: no version, zxid or event.
func (t *Tree) showUsage(subject string, q *quota) {
	n := t.nodes[quotaPath+subject+"/"+statsName]
	if n == nil {
		return
	}
	old := len(n.data)
	n.data = fmt.Appendf(nil, "count=%d,bytes=%d", q.nodes, q.bytes)
	t.dataSize += int64(len(n.data) - old)
}

// keepUsage notes what a quota's stats node shows, for a change of its limits that may have to be taken back: a quota
// that comes into being writes over what a client had put there.
func (t *Tree) keepUsage(path string) (restore func()) {
	subject, isLimits := strings.CutSuffix(path, "/"+limitsName)
	stats := t.nodes[subject+"/"+statsName]
	if !isLimits || stats == nil {
		return func() {}
	}
	shown := stats.data
	return func() {
		t.dataSize += int64(len(shown) - len(stats.data))
		stats.data = shown
	}
}

// exceedsQuota tells whether that much more at path would break a hard limit that is to be enforced.
func (t *Tree) exceedsQuota(path string, nodes, bytes int64) bool {
	if !t.opt.EnforceQuota {
		return false
	}
	_, q := t.nearestQuota(path)
	if q == nil {
		return false
	}
	return q.countHardLimit > -1 && nodes > 0 && q.nodes+nodes > q.countHardLimit ||
		q.bytesHardLimit > -1 && bytes > 0 && q.bytes+bytes > q.bytesHardLimit
}
