//go:build interop

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestApacheKafkaOnOurZooKeeper runs three Apache 3.9 brokers on `klab zookeeper run` with a zoo.cfg of a person's own:
// topics, records, SIGKILL of the controller, failover, restart.
func TestApacheKafkaOnOurZooKeeper(t *testing.T) {
	l, dir := newLab(t), t.TempDir()
	config := filepath.Join(dir, "zoo.cfg")
	writeFile(t, config, "dataDir="+dir+"/data\nclientPort=12181\nclientPortAddress=127.0.0.1\ntickTime=500\nmaxClientCnxns=0\n")
	startProcess(t, l.command(context.Background(), "zookeeper", "run", config), filepath.Join(dir, "zookeeper.log"))
	waitPort(t, "127.0.0.1:12181")
	cluster := startApacheBrokers(t, "127.0.0.1:12181/apache", "min.insync.replicas=2")

	client, err := kgo.NewClient(kgo.SeedBrokers(apacheBootstrap...), kgo.DefaultProduceTopic("ours"), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn, _, err := zk.Connect([]string{"127.0.0.1:12181"}, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	eventually(t, time.Minute, "three brokers are registered", func() bool {
		ids, _, err := conn.Children("/apache/brokers/ids")
		return err == nil && len(ids) == 3
	})
	if _, err := admin.CreateTopic(ctx, 3, 3, nil, "ours"); err != nil {
		t.Fatal(err)
	}
	produce := func(n int) {
		t.Helper()
		for i := range n {
			if err := client.ProduceSync(ctx, kgo.StringRecord(fmt.Sprint("record ", i))).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	produce(100)
	controller := apacheController(t, ctx, admin)
	cluster.signal(controller, syscall.SIGKILL)
	eventually(t, 30*time.Second, "another controller, and a leader everywhere", func() bool {
		meta, err := admin.Metadata(ctx, "ours")
		if err != nil || meta.Controller == controller || meta.Controller < 0 {
			return false
		}
		for _, p := range meta.Topics["ours"].Partitions {
			if p.Err != nil || p.Leader == controller || p.Leader < 0 {
				return false
			}
		}
		return len(meta.Topics["ours"].Partitions) == 3
	})
	produce(100)
	cluster.start(controller)
	eventually(t, time.Minute, "the restarted broker is in every ISR", func() bool {
		meta, err := admin.Metadata(ctx, "ours")
		if err != nil {
			return false
		}
		for _, p := range meta.Topics["ours"].Partitions {
			if len(p.ISR) != 3 {
				return false
			}
		}
		return len(meta.Topics["ours"].Partitions) == 3
	})
	ends, err := admin.ListEndOffsets(ctx, "ours")
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	ends.Each(func(o kadm.ListedOffset) { sum += o.Offset })
	if sum != 200 {
		t.Errorf("the topic holds %d records, want 200", sum)
	}
}

func apacheController(t *testing.T, ctx context.Context, admin *kadm.Client) int32 {
	t.Helper()
	meta, err := admin.BrokerMetadata(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return meta.Controller
}

// clusterFileFor copies the shipped configuration and puts a ZooKeeper of a person's own in place of the embedded one.
func clusterFileFor(t *testing.T, connect string) string {
	t.Helper()
	dir := t.TempDir()
	for id := 1; id <= 3; id++ {
		name := fmt.Sprintf("server-%d.toml", id)
		shipped, err := os.ReadFile(filepath.Join("..", "configs", name))
		if err != nil {
			t.Fatal(err)
		}
		const embedded = `zookeeper.connect = "127.0.0.1:2181"`
		if !strings.Contains(string(shipped), embedded) {
			t.Fatalf("%s has no line %s", name, embedded)
		}
		writeFile(t, filepath.Join(dir, name), strings.Replace(string(shipped), embedded, fmt.Sprintf("zookeeper.connect = %q", connect), 1))
	}
	file := filepath.Join(dir, "cluster.toml")
	writeFile(t, file, fmt.Sprintf("name = \"external\"\nbrokers = [\"server-1.toml\", \"server-2.toml\", \"server-3.toml\"]\nzookeeper.connect = %q\n", connect))
	return file
}

// TestOurBrokersOnDebiansZooKeeper runs our three brokers on a real ZooKeeper, in a chroot that they make themselves.
func TestOurBrokersOnDebiansZooKeeper(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "zoo.cfg")
	writeFile(t, config, "dataDir="+dir+"/data\nclientPort=12182\nclientPortAddress=127.0.0.1\ntickTime=500\nadmin.enableServer=false\n4lw.commands.whitelist=*\nmaxClientCnxns=0\n")
	server := exec.Command("java", "-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-cp", "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar",
		"org.apache.zookeeper.server.quorum.QuorumPeerMain", config)
	startProcess(t, server, filepath.Join(dir, "zookeeper.log"))
	waitPort(t, "127.0.0.1:12182")

	l := up(t, "--file", clusterFileFor(t, "127.0.0.1:12182/labs/klab"))
	l.createTopic("debian", 3, 3, "min.insync.replicas=2")
	admin := l.admin()
	l.waitISR(admin, "debian", 0, 3)
	g := l.keepLedger("debian", 500)
	g.waitMore(t, 200)
	leader, _ := l.partitionState(admin, "debian", 0)
	l.klab("broker", "kill", fmt.Sprint(leader.Leader))
	g.waitMore(t, 500)
	l.klab("broker", "start", fmt.Sprint(leader.Leader))
	l.waitISR(admin, "debian", 0, 3)
	g.close()
	g.verify(l)

	conn, _, err := zk.Connect([]string{"127.0.0.1:12182"}, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if ids, _, err := conn.Children("/labs/klab/brokers/ids"); err != nil || len(ids) != 3 {
		t.Errorf("broker ids below the chroot: %v (%v), want three", ids, err)
	}
	root, _, err := conn.Children("/")
	if err != nil || strings.Contains(strings.Join(root, " "), "brokers") {
		t.Errorf("the root holds %v (%v), want nothing of Kafka outside the chroot", root, err)
	}
}
