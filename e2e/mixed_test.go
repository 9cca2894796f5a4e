//go:build interop

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestAnApacheBrokerAmongOurs replaces one broker of three by Apache Kafka 3.9's, on its directory: brokers of both kinds follow
// each other, take over from each other, and obey a controller of either kind, while a writer loses nothing.
func TestAnApacheBrokerAmongOurs(t *testing.T) {
	m := startMixed(t)
	m.toApache(3)
	for _, apache := range []bool{false, true} {
		m.moveController(apache)
		m.createAndDelete(fmt.Sprintf("passing-%v", apache))
		m.lead(3)

		m.l.klab("broker", "kill", "1") // Apache's leads a replica that comes back
		m.g.waitMore(t, 200)
		m.l.klab("broker", "start", "1")
		m.whole()

		m.guests.signal(3, syscall.SIGKILL) // and follows one that led meanwhile
		m.g.waitMore(t, 200)
		m.guests.start(3)
		m.whole()
	}
	m.end()
}

// TestApacheTakesOverBrokerByBroker is the rolling swap: each broker of ours becomes Apache's while a writer writes, and each
// becomes ours again.
func TestApacheTakesOverBrokerByBroker(t *testing.T) {
	m := startMixed(t)
	for id := range int32(3) {
		m.toApache(id + 1)
	}
	for id := range int32(3) {
		m.toOurs(id + 1)
	}
	m.end()
}

// mixed is a lab of which some brokers are Apache's, and a ledger on a partition that broker 3 should lead.
type mixed struct {
	t      *testing.T
	l      *lab
	guests *apacheCluster
	admin  *kadm.Client
	g      *ledger
}

func startMixed(t *testing.T) *mixed {
	l := up(t)
	m := &mixed{t: t, l: l, admin: l.admin(), guests: &apacheCluster{
		t: t, kafka: apacheKafka(t, "3.9"), dir: t.TempDir(), zk: "127.0.0.1:2181", brokers: map[int32]*exec.Cmd{}}}
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Topics = []kmsg.CreateTopicsRequestTopic{assignedTopic("mixed", [][]int32{{3, 1, 2}}, "min.insync.replicas=2")}
	if resp, err := create.RequestWith(t.Context(), l.client()); err != nil || resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("cannot create the topic: %v %+v", err, resp)
	}
	l.waitISR(m.admin, "mixed", 0, 3)
	m.g = l.keepLedger("mixed", 500)
	m.g.waitMore(t, 200)
	return m
}

// whole waits until all three replicas are in sync, and the writer has gone on.
func (m *mixed) whole() {
	m.t.Helper()
	m.l.waitISR(m.admin, m.g.topic, 0, 3)
	m.g.waitMore(m.t, 200)
}

// toApache starts Apache's broker on the directory and port of one of ours, which stops.
func (m *mixed) toApache(id int32) {
	m.t.Helper()
	m.l.klab("broker", "stop", fmt.Sprint(id))
	m.guests.startInPlaceOf(m.l, id)
	waitPort(m.t, bootstrap[id-1])
	m.whole()
}

// toOurs is the way back.
func (m *mixed) toOurs(id int32) {
	m.t.Helper()
	m.guests.signal(id, syscall.SIGTERM)
	m.l.klab("broker", "start", fmt.Sprint(id))
	m.whole()
}

// end holds what is there against the ledger, and the replicas against each other.
func (m *mixed) end() {
	m.t.Helper()
	m.g.close()
	m.g.verify(m.l)
	m.l.waitReplicasEqual(m.g.topic, 0)
}

// moveController takes the controller's znode away until a broker of the right kind wins the election: broker 3 is Apache's.
func (m *mixed) moveController(apache bool) {
	m.t.Helper()
	conn, _, err := zk.Connect([]string{m.guests.zk}, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		m.t.Fatal(err)
	}
	defer conn.Close()
	eventually(m.t, time.Minute, fmt.Sprintf("a controller, Apache's: %v", apache), func() bool {
		text, _, err := conn.Get("/controller")
		if err != nil {
			return false // between two controllers
		}
		if strings.Contains(string(text), `"brokerid":3,`) == apache {
			return true
		}
		if err := conn.Delete("/controller", -1); err != nil && err != zk.ErrNoNode {
			m.t.Fatal(err)
		}
		return false
	})
}

// lead has the preferred replica elected, and waits until it leads.
func (m *mixed) lead(id int32) {
	m.t.Helper()
	eventually(m.t, 30*time.Second, fmt.Sprintf("broker %d leads", id), func() bool {
		if state, ok := m.l.partitionState(m.admin, m.g.topic, 0); ok && state.Leader == id {
			return true
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		// A controller that has just moved refuses; it is asked again.
		m.admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, kadm.TopicsSet{m.g.topic: {0: {}}})
		return false
	})
}

// createAndDelete has the controller make and remove replicas everywhere.
func (m *mixed) createAndDelete(topic string) {
	m.t.Helper()
	m.l.createTopic(topic, 3, 3)
	for p := range int32(3) {
		m.l.waitISR(m.admin, topic, p, 3)
	}
	m.l.klab("topic", "delete", topic)
	eventually(m.t, 30*time.Second, topic+" has left every disk", func() bool {
		for p := range int32(3) {
			if dirs, err := m.l.partitionDirs(topic, p); err != nil || len(dirs) > 0 {
				return false
			}
		}
		return true
	})
}
