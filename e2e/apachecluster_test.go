//go:build interop || bench

package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// apacheCluster is three Apache Kafka 3.9 brokers, ids 1-3, on 19093-19095.
type apacheCluster struct {
	t       testing.TB
	kafka   apache
	dir     string
	zk      string
	brokers map[int32]*exec.Cmd
}

var apacheBootstrap = []string{"127.0.0.1:19093", "127.0.0.1:19094", "127.0.0.1:19095"}

// startApacheZooKeeper starts Kafka's own ZooKeeper on 12181.
func startApacheZooKeeper(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "zoo.cfg")
	writeFile(t, config, "dataDir="+dir+"/data\nclientPort=12181\nclientPortAddress=127.0.0.1\ntickTime=500\nadmin.enableServer=false\n4lw.commands.whitelist=*\nmaxClientCnxns=0\n")
	cmd := apacheKafka(t, "3.9").server(context.Background(), "org.apache.zookeeper.server.quorum.QuorumPeerMain", config)
	startProcess(t, cmd, filepath.Join(dir, "zookeeper.log"))
	waitPort(t, "127.0.0.1:12181")
	return "127.0.0.1:12181"
}

// startApacheBrokers starts the three brokers on a ZooKeeper; extra holds lines for every broker's properties.
func startApacheBrokers(t testing.TB, zk string, extra ...string) *apacheCluster {
	t.Helper()
	return startApacheCluster(t, apacheKafka(t, "3.9"), zk, extra...)
}

// startApacheCluster is startApacheBrokers with an installation whose flags were chosen.
func startApacheCluster(t testing.TB, kafka apache, zk string, extra ...string) *apacheCluster {
	t.Helper()
	c := &apacheCluster{t: t, kafka: kafka, dir: t.TempDir(), zk: zk, brokers: map[int32]*exec.Cmd{}}
	for id := range int32(3) {
		c.write(id+1, extra)
		c.start(id + 1)
	}
	for _, addr := range apacheBootstrap {
		waitPort(t, addr)
	}
	return c
}

func (c *apacheCluster) write(id int32, extra []string) {
	lines := append([]string{
		fmt.Sprintf("broker.id=%d", id),
		fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d", 19092+id),
		"zookeeper.connect=" + c.zk,
		fmt.Sprintf("log.dirs=%s/data%d", c.dir, id),
		"zookeeper.session.timeout.ms=6000",
		"controlled.shutdown.retry.backoff.ms=200",
	}, extra...)
	writeFile(c.t, c.properties(id), strings.Join(lines, "\n")+"\n")
}

func (c *apacheCluster) properties(id int32) string {
	return filepath.Join(c.dir, fmt.Sprintf("%d.properties", id))
}

func (c *apacheCluster) start(id int32) {
	cmd := c.kafka.server(context.Background(), "kafka.Kafka", c.properties(id))
	startProcess(c.t, cmd, filepath.Join(c.dir, fmt.Sprintf("%d.log", id)))
	c.brokers[id] = cmd
}

// signal sends a signal to one broker and waits until its process is gone.
func (c *apacheCluster) signal(id int32, signal syscall.Signal) {
	c.t.Helper()
	cmd := c.brokers[id]
	if err := cmd.Process.Signal(signal); err != nil {
		c.t.Fatal(err)
	}
	cmd.Wait()
}

// startProcess starts a command with its output in a file, and ends it with the test.
func startProcess(t testing.TB, cmd *exec.Cmd, log string) {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		out.Close()
		if data, err := os.ReadFile(log); err == nil && t.Failed() {
			t.Logf("%s ends:\n%s", filepath.Base(log), data[max(0, len(data)-3000):])
		}
	})
}

func waitPort(t testing.TB, addr string) {
	t.Helper()
	eventually(t, 3*time.Minute, addr+" answers", func() bool {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// labSettings are the lines of configs/server-1.toml as properties, without what is each broker's own and the session timeout, which its user gives.
func labSettings(t testing.TB) []string {
	t.Helper()
	data, err := os.ReadFile("../configs/server-1.toml")
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]bool{"zookeeper.session.timeout.ms": true, "broker.id": true, "listeners": true, "log.dirs": true, "zookeeper.connect": true}
	var settings []string
	for _, line := range strings.Split(string(data), "\n") {
		line, _, _ = strings.Cut(line, "#")
		key, value, ok := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); ok && !own[key] {
			settings = append(settings, key+"="+strings.Trim(strings.TrimSpace(value), `"`))
		}
	}
	return settings
}
