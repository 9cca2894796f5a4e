//go:build interop

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

// kafkaCluster is what the scenario below needs of a cluster: ours, or Apache's.
type kafkaCluster struct {
	bootstrap string
	zk        string
	kill      func(id int32)
	stop      func(id int32)
}

// TestZnodesAreApaches runs one scenario on our cluster and on Apache's and compares all znodes: after creations and an
// added partition, after SIGKILL of the controller, and after SIGTERM of the others.
func TestZnodesAreApaches(t *testing.T) {
	ours := up(t, "--override", "auto.leader.rebalance.enable=false", "--override", "controlled.shutdown.retry.backoff.ms=200")
	got := scenario(t, kafkaCluster{
		bootstrap: strings.Join(bootstrap, ","), zk: "127.0.0.1:2181",
		kill: func(id int32) { ours.klab("broker", "kill", fmt.Sprint(id)) },
		stop: func(id int32) { ours.klab("broker", "stop", fmt.Sprint(id)) },
	})
	apache := startApacheBrokers(t, startApacheZooKeeper(t), "auto.leader.rebalance.enable=false")
	want := scenario(t, kafkaCluster{
		bootstrap: strings.Join(apacheBootstrap, ","), zk: "127.0.0.1:12181",
		kill: func(id int32) { apache.signal(id, syscall.SIGKILL) },
		stop: func(id int32) { apache.signal(id, syscall.SIGTERM) },
	})
	for i, stage := range []string{"after the creations", "after SIGKILL of the controller", "after SIGTERM of the others"} {
		compareDumps(t, stage, got[i], want[i])
	}
}

// scenario returns the dumps of its three stages.
func scenario(t *testing.T, c kafkaCluster) [3][]string {
	t.Helper()
	conn, _, err := zk.Connect([]string{c.zk}, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	waitBrokers(t, conn, 3)
	controller := controllerOf(conn)
	var assignment []string
	others := slices.DeleteFunc([]int32{1, 2, 3}, func(id int32) bool { return id == controller })
	for _, p := range permutations(controller, others[0], others[1]) {
		assignment = append(assignment, fmt.Sprintf("%d:%d:%d", p[0], p[1], p[2]))
	}
	topics := func(args ...string) {
		apacheKafka(t, "3.9").must(t, "", "org.apache.kafka.tools.TopicCommand", append([]string{"--bootstrap-server", c.bootstrap}, args...))
	}
	topics("--create", "--topic", "orders", "--replica-assignment", strings.Join(assignment, ","), "--config", "min.insync.replicas=2")
	topics("--create", "--topic", "compacted", "--partitions", "2", "--replication-factor", "3", "--config", "cleanup.policy=compact", "--config", "segment.ms=60000")
	topics("--alter", "--topic", "compacted", "--partitions", "3")
	topics("--create", "--topic", "gone", "--partitions", "1", "--replication-factor", "3")
	topics("--delete", "--topic", "gone")
	var dumps [3][]string
	roles := map[int32]string{controller: "first", others[0]: "other", others[1]: "other"}
	dumps[0] = settledDump(t, conn, roles)

	c.kill(controller)
	waitBrokers(t, conn, 2)
	eventually(t, 30*time.Second, "a new controller", func() bool { now := controllerOf(conn); return now > 0 && now != controller })
	second := controllerOf(conn)
	last := others[0] + others[1] - second
	roles = map[int32]string{controller: "first", second: "second", last: "third"}
	dumps[1] = settledDump(t, conn, roles)

	c.stop(last)
	waitBrokers(t, conn, 1)
	c.stop(second)
	waitBrokers(t, conn, 0)
	dumps[2] = settledDump(t, conn, roles)
	return dumps
}

func permutations(a, b, c int32) [][3]int32 {
	return [][3]int32{{a, b, c}, {a, c, b}, {b, a, c}, {b, c, a}, {c, a, b}, {c, b, a}}
}

func waitBrokers(t *testing.T, conn *zk.Conn, n int) {
	t.Helper()
	eventually(t, time.Minute, fmt.Sprintf("%d brokers are registered", n), func() bool {
		ids, _, err := conn.Children("/brokers/ids")
		return err == nil && len(ids) == n && (n == 0 || controllerOf(conn) > 0)
	})
}

func controllerOf(conn *zk.Conn) int32 {
	data, _, err := conn.Get("/controller")
	var node struct {
		BrokerID int32 `json:"brokerid"`
	}
	if err != nil || json.Unmarshal(data, &node) != nil {
		return 0
	}
	return node.BrokerID
}

// settledDump dumps until two dumps half a second apart are equal.
func settledDump(t *testing.T, conn *zk.Conn, roles map[int32]string) []string {
	t.Helper()
	var lines []string
	pause := time.NewTicker(500 * time.Millisecond)
	defer pause.Stop()
	for range 60 {
		now := dump(t, conn, roles)
		if slices.Equal(now, lines) {
			return now
		}
		lines = now
		<-pause.C
	}
	t.Fatal("the znodes do not come to rest")
	return nil
}

// dump lists every znode with its versions, kind and data, in words that do not depend on chance: roles for broker ids,
// and T or ID for times and random ids.
func dump(t *testing.T, conn *zk.Conn, roles map[int32]string) []string {
	t.Helper()
	var lines []string
	var walk func(string)
	walk = func(node string) {
		data, stat, err := conn.Get(node)
		if err == zk.ErrNoNode {
			return
		}
		if err != nil {
			t.Fatalf("cannot read %s: %v", node, err)
		}
		children, _, err := conn.Children(node)
		if err != nil && err != zk.ErrNoNode {
			t.Fatal(err)
		}
		kind := "persistent"
		if stat.EphemeralOwner != 0 {
			kind = "ephemeral"
		}
		if !strings.HasPrefix(node, "/zookeeper") && !strings.HasPrefix(node, "/brokers/topics/") {
			lines = append(lines, fmt.Sprintf("%s v=%d cv=%d %s %s", inRoles(node, roles), stat.Version, stat.Cversion, kind, scrub(data, roles)))
		}
		if path.Dir(node) == "/brokers/topics" {
			lines = append(lines, topicLines(t, conn, node, data, stat, roles)...)
		}
		slices.Sort(children)
		for _, child := range children {
			walk(path.Join(node, child))
		}
	}
	walk("/")
	slices.Sort(lines)
	return lines
}

var (
	idInPath = regexp.MustCompile(`^/brokers/ids/(\d+)$`)
	times    = regexp.MustCompile(`"timestamp":"\d+"`)
	uuids    = regexp.MustCompile(`"(topic_id|id)":"[A-Za-z0-9_-]{22}"`)
	ports    = regexp.MustCompile(`(9|19)09[345]`)
	brokerID = regexp.MustCompile(`"(brokerid|broker)":(\d+)`)
)

func inRoles(node string, roles map[int32]string) string {
	if m := idInPath.FindStringSubmatch(node); m != nil {
		id, _ := strconv.Atoi(m[1])
		return "/brokers/ids/" + roles[int32(id)]
	}
	return node
}

func scrub(data []byte, roles map[int32]string) string {
	s := string(data)
	s = times.ReplaceAllString(s, `"timestamp":"T"`)
	s = uuids.ReplaceAllString(s, `"$1":"ID"`)
	s = ports.ReplaceAllString(s, "9092")
	s = brokerID.ReplaceAllStringFunc(s, func(m string) string {
		parts := brokerID.FindStringSubmatch(m)
		id, _ := strconv.Atoi(parts[2])
		return fmt.Sprintf("%q:%q", parts[1], roles[int32(id)])
	})
	return sortedJSON(s)
}

// sortedJSON writes an object's keys in order, since Kafka's own order is arbitrary; other text stays as it is.
func sortedJSON(s string) string {
	var object map[string]any
	if json.Unmarshal([]byte(s), &object) != nil {
		return s
	}
	sorted, _ := json.Marshal(object)
	return string(sorted)
}

// topicLines describes a topic without its random order: a line for the topic, and one per partition that names it by
// the roles of its replicas.
func topicLines(t *testing.T, conn *zk.Conn, node string, data []byte, stat *zk.Stat, roles map[int32]string) []string {
	t.Helper()
	var topic struct {
		Partitions map[string][]int32 `json:"partitions"`
		Version    int                `json:"version"`
		Adding     map[string][]int32 `json:"adding_replicas"`
		Removing   map[string][]int32 `json:"removing_replicas"`
		ID         string             `json:"topic_id"`
	}
	if err := json.Unmarshal(data, &topic); err != nil {
		t.Fatalf("%s: %v", node, err)
	}
	_, under, err := conn.Get(node + "/partitions")
	if err != nil {
		return []string{node + " has no partitions: " + err.Error()}
	}
	lines := []string{fmt.Sprintf("%s v=%d cv=%d format=%d partitions=%d adding=%d removing=%d id=%d characters, partitions cv=%d",
		node, stat.Version, stat.Cversion, topic.Version, len(topic.Partitions), len(topic.Adding), len(topic.Removing), len(topic.ID), under.Cversion)}
	exact := path.Base(node) == "orders" // the one with an assignment that was not left to chance
	for _, partition := range slices.Sorted(maps.Keys(topic.Partitions)) {
		lines = append(lines, partitionLine(conn, node, partition, topic.Partitions[partition], exact, roles))
	}
	return lines
}

func partitionLine(conn *zk.Conn, node, partition string, replicas []int32, exact bool, roles map[int32]string) string {
	data, stat, err := conn.Get(fmt.Sprintf("%s/partitions/%s/state", node, partition))
	if err != nil {
		return fmt.Sprintf("%s/%s: %v", node, partition, err)
	}
	var state struct {
		ControllerEpoch int     `json:"controller_epoch"`
		Leader          int32   `json:"leader"`
		Version         int     `json:"version"`
		LeaderEpoch     int     `json:"leader_epoch"`
		ISR             []int32 `json:"isr"`
	}
	if err := json.Unmarshal(data, &state); err != nil {
		return fmt.Sprintf("%s/%s: %v", node, partition, err)
	}
	if !exact {
		return fmt.Sprintf("%s/partition: replicas=%d format=%d", node, len(replicas), state.Version)
	}
	return fmt.Sprintf("%s [%s]: v=%d controller_epoch=%d leader=%s leader_epoch=%d isr=%s format=%d", node, names(replicas, roles),
		stat.Version, state.ControllerEpoch, names([]int32{state.Leader}, roles), state.LeaderEpoch, names(state.ISR, roles), state.Version)
}

func names(ids []int32, roles map[int32]string) string {
	var out []string
	for _, id := range ids {
		out = append(out, roles[id])
	}
	return strings.Join(out, " ")
}

func compareDumps(t *testing.T, stage string, got, want []string) {
	t.Helper()
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("%s, Apache has and we have not:\n  %s", stage, line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("%s, we have and Apache has not:\n  %s", stage, line)
		}
	}
}
