//go:build interop

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

// TestApacheTakesOverAndHandsBack is the full-stop swap: `klab down`, Apache Kafka 3.9's brokers on the same log directories,
// ports and ZooKeeper data (served by `klab zookeeper run`), a clean stop of them, `klab up`. Each side finds all that the
// other held, goes on with the same producers, transactions and members, and leaves more.
func TestApacheTakesOverAndHandsBack(t *testing.T) {
	l := up(t)
	swap(t, l, swapping{
		leave:     func() { l.klab("down") },
		zookeeper: func(config string) *exec.Cmd { return l.command(context.Background(), "zookeeper", "run", config) },
		signal:    syscall.SIGTERM,
	})
}

// TestApacheTakesOverAfterSIGKILLOfEverything is the same where nobody stops cleanly, neither ours nor Apache's, and with
// Apache's own ZooKeeper on our ZooKeeper's files.
func TestApacheTakesOverAfterSIGKILLOfEverything(t *testing.T) {
	l := up(t)
	swap(t, l, swapping{
		leave: l.killAll,
		zookeeper: func(config string) *exec.Cmd {
			return apacheKafka(t, "3.9").server(context.Background(), "org.apache.zookeeper.server.quorum.QuorumPeerMain", config)
		},
		signal: syscall.SIGKILL,
	})
}

// swapping is how a swap is made.
type swapping struct {
	leave     func()                        // ends all of our processes
	zookeeper func(config string) *exec.Cmd // serves our ZooKeeper's directory meanwhile
	signal    syscall.Signal                // ends Apache's
}

func swap(t *testing.T, l *lab, how swapping) {
	a := newSwapActors(l)
	a.trims = how.signal == syscall.SIGTERM
	a.round("ours")
	a.waitCleaned()
	left := l.holdings()
	how.leave()

	apache := startApacheOn(t, l, how)
	l.waitHoldings(left, "Apache Kafka finds what our brokers left")
	a.round("apache")
	left = l.holdings()
	apache.stop(how.signal)

	l.klab("up")
	l.waitHoldings(left, "our brokers find what Apache Kafka left")
	a.round("ours again")
	a.retire()
}

// killAll kills every process of the lab at once.
func (l *lab) killAll() {
	l.t.Helper()
	pids := l.status().pids()
	for _, pid := range pids {
		if pid <= 1 { // 0 would be this test's own group
			l.t.Fatalf("a process of the lab has the id %d: %v", pid, pids)
		}
		syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, pid := range pids {
		eventually(l.t, 10*time.Second, "every process is dead", func() bool { return !alive(pid) })
	}
}

// guest is Apache Kafka in our lab's place.
type guest struct {
	*apacheCluster
	zookeeper *exec.Cmd
}

// startApacheOn starts a ZooKeeper and three Apache 3.9 brokers on a lab's directories and ports, with its settings.
func startApacheOn(t *testing.T, l *lab, how swapping) guest {
	t.Helper()
	home, dir := filepath.Join(l.home, "pseudo"), t.TempDir()
	config := filepath.Join(dir, "zoo.cfg")
	writeFile(t, config, "dataDir="+home+"/zookeeper\nclientPort=2181\nclientPortAddress=127.0.0.1\ntickTime=1000\nadmin.enableServer=false\nmaxClientCnxns=0\n")
	g := guest{&apacheCluster{t: t, kafka: apacheKafka(t, "3.9"), dir: dir, zk: "127.0.0.1:2181", brokers: map[int32]*exec.Cmd{}}, how.zookeeper(config)}
	startProcess(t, g.zookeeper, filepath.Join(dir, "zookeeper.log"))
	waitNobodyRegistered(t, g.zk)
	for id := int32(1); id <= 3; id++ {
		g.startInPlaceOf(l, id)
	}
	return g
}

// startInPlaceOf starts a broker on the directory and port of one of the lab's, with its settings.
func (c *apacheCluster) startInPlaceOf(l *lab, id int32) {
	c.t.Helper()
	lines := append(labSettings(c.t),
		fmt.Sprintf("broker.id=%d", id),
		"listeners=PLAINTEXT://"+bootstrap[id-1],
		fmt.Sprintf("log.dirs=%s/kafka-logs-%d", filepath.Join(l.home, "pseudo"), id),
		"zookeeper.connect="+c.zk,
		"zookeeper.session.timeout.ms=6000")
	writeFile(c.t, c.properties(id), strings.Join(lines, "\n")+"\n")
	c.start(id)
}

// waitNobodyRegistered waits until the sessions of brokers that were killed have expired: their ids are taken until then.
func waitNobodyRegistered(t *testing.T, connect string) {
	t.Helper()
	conn, _, err := zk.Connect([]string{connect}, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	eventually(t, time.Minute, "nobody is registered", func() bool {
		ids, _, err := conn.Children("/brokers/ids")
		return err == nil && len(ids) == 0
	})
}

// stop ends the brokers and then the ZooKeeper.
func (g guest) stop(signal syscall.Signal) {
	g.t.Helper()
	for id := range g.brokers {
		g.signal(id, signal)
	}
	if err := g.zookeeper.Process.Signal(signal); err != nil {
		g.t.Fatal(err)
	}
	g.zookeeper.Wait()
}
