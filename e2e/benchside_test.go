//go:build bench

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// side is one of the two clusters that are measured.
type side struct {
	name    string
	brokers []string
	zk      string
	// start starts the cluster, which ends with t. It is nil for one that runs.
	start func(t *testing.T)
	// pids are all processes of the cluster, ZooKeeper's and, with us, the supervisor's among them.
	pids    func() []int
	kill    func(broker int32)
	restart func(broker int32)
}

// sessionMs is zookeeper.session.timeout.ms of both clusters: with the lab's 2 s, Apache's brokers lose their sessions while they start on a
// busy machine.
const sessionMs = 6000

// stoppedSides are the two clusters, each to be started by whoever measures it.
func stoppedSides(t *testing.T) []side {
	sides := []side{klabSide()}
	if apacheIsThere(os.Getenv("KLAB_APACHE")) {
		sides = append(sides, apacheSide())
	}
	return sides
}

// runningSides are both clusters, started.
func runningSides(t *testing.T) []side {
	sides := stoppedSides(t)
	if len(sides) == 1 {
		t.Log("no Apache Kafka here (e2e/install gets it): klab alone")
	}
	for i := range sides {
		sides[i].start(t)
		sides[i].ready(t)
	}
	return sides
}

// klabSide is the pseudo-cluster that `klab up` starts.
func klabSide() side {
	var l *lab
	return side{
		name: "klab", brokers: bootstrap, zk: "127.0.0.1:2181",
		start:   func(t *testing.T) { l = up(t, "--override", fmt.Sprintf("zookeeper.session.timeout.ms=%d", sessionMs)) },
		pids:    func() []int { return l.status().pids() },
		kill:    func(id int32) { l.klab("broker", "kill", fmt.Sprint(id)) },
		restart: func(id int32) { l.klab("broker", "start", fmt.Sprint(id)) },
	}
}

// Flags of Kafka's own start scripts: kafka-server-start.sh and zookeeper-server-start.sh. Both of Java's compilers run.
var (
	kafkaJVM = []string{"-Xmx1G", "-Xms1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
		"-XX:+ExplicitGCInvokesConcurrent", "-XX:MaxInlineLevel=15", "-Djava.awt.headless=true"}
	zooKeeperJVM = []string{"-Xmx512M", "-Xms512M", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-Djava.awt.headless=true"}
)

// apacheSide is three Apache Kafka 3.9 brokers and Kafka's own ZooKeeper, as Kafka's start scripts start them and with the
// lab's settings.
func apacheSide() side {
	c := new(apacheCluster)
	var zk int
	return side{
		name: "Apache 3.9", brokers: apacheBootstrap, zk: "127.0.0.1:12181",
		start: func(t *testing.T) {
			zk = startBenchZooKeeper(t)
			kafka := apacheKafka(t, "3.9")
			kafka.jvm = strings.Fields(os.Getenv("BENCH_JAVA"))
			if len(kafka.jvm) == 0 {
				kafka.jvm = kafkaJVM
			}
			*c = *startApacheCluster(t, kafka, "127.0.0.1:12181", append(labSettings(t), fmt.Sprintf("zookeeper.session.timeout.ms=%d", sessionMs))...)
		},
		pids: func() []int {
			pids := []int{zk}
			for _, cmd := range c.brokers {
				pids = append(pids, cmd.Process.Pid)
			}
			return pids
		},
		kill:    func(id int32) { c.signal(id, syscall.SIGKILL) },
		restart: func(id int32) { c.start(id) },
	}
}

func startBenchZooKeeper(t *testing.T) int {
	dir := t.TempDir()
	config := filepath.Join(dir, "zoo.cfg")
	writeFile(t, config, "dataDir="+dir+"/data\nclientPort=12181\nclientPortAddress=127.0.0.1\ntickTime=1000\nadmin.enableServer=false\nmaxClientCnxns=0\n")
	kafka := apacheKafka(t, "3.9")
	kafka.jvm = zooKeeperJVM
	cmd := kafka.server(context.Background(), "org.apache.zookeeper.server.quorum.QuorumPeerMain", config)
	startProcess(t, cmd, filepath.Join(dir, "zookeeper.log"))
	waitPort(t, "127.0.0.1:12181")
	return cmd.Process.Pid
}

// ready waits for three brokers that take a write with acks=all, and returns a topic of 6 partitions.
func (s side) ready(t *testing.T) string {
	topic := s.topic("ready", 0)
	client := s.client(t)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	admin := kadm.NewClient(client)
	eventually(t, time.Minute, s.name+" has three brokers", func() bool {
		brokers, err := admin.ListBrokers(ctx)
		return err == nil && len(brokers) == 3
	})
	s.createTopic(t, client, topic, 6)
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte("first")}).FirstErr(); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	return topic
}

// client is a franz-go client that waits little by itself, acks=all and idempotent as is its default.
func (s side) client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(s.brokers...), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(100_000),
		kgo.MetadataMinAge(20 * time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 5 * time.Millisecond }),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func (s side) createTopic(t *testing.T, client *kgo.Client, topic string, partitions int32) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	admin, min := kadm.NewClient(client), "2"
	admin.SetTimeoutMillis(240_000)
	if _, err := admin.CreateTopic(ctx, partitions, 3, map[string]*string{"min.insync.replicas": &min}, topic); err != nil {
		t.Fatalf("%s: cannot create %s: %v", s.name, topic, err)
	}
}

// deleteTopic deletes a topic and waits until it is listed no more.
func (s side) deleteTopic(t *testing.T, topic string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	client := s.client(t)
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.DeleteTopic(ctx, topic); err != nil {
		t.Fatalf("%s: cannot delete %s: %v", s.name, topic, err)
	}
	eventually(t, 3*time.Minute, topic+" is gone", func() bool {
		topics, err := admin.ListTopics(ctx)
		return err == nil && !topics.Has(topic)
	})
}

// cpu is the processor time that the whole cluster has used so far: utime and stime of all its processes.
func (s side) cpu(t *testing.T) time.Duration {
	t.Helper()
	var ticks int64
	for _, pid := range s.pids() {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+2:]))
		for _, f := range fields[11:13] {
			n, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			ticks += n
		}
	}
	return time.Duration(ticks) * (time.Second / 100) // USER_HZ is 100 on every Linux
}

// resident is the resident memory of all processes of the cluster in MB.
func (s side) resident(t *testing.T) float64 {
	t.Helper()
	var sum int64
	for _, pid := range s.pids() {
		sum += residentBytes(t, pid)
	}
	return float64(sum) / 1e6
}

func apacheIsThere(root string) bool {
	if root == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return false
		}
		root = filepath.Join(home, ".cache", "klab-apache")
	}
	_, err := os.Stat(filepath.Join(root, "3.9", "complete"))
	return err == nil
}
