//go:build interop

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// connectPorts are where the two workers' REST interfaces listen.
var connectPorts = []int{18083, 18084}

// connectCluster is Connect distributed: two workers, by their REST addresses.
type connectCluster struct {
	t       *testing.T
	kafka   apache
	servers string
	dir     string
	workers map[string]*exec.Cmd
}

// TestConnectMovesEveryLine has two workers of Connect distributed run a file source and a file sink, and kills the worker
// with the source's task while lines are written. exactly.once.source.support=enabled: every line is in the topic once,
// under read_committed. A sink is at least once: every line is in the file.
func TestConnectMovesEveryLine(t *testing.T) {
	c := startConnect(t)
	from, to := filepath.Join(c.dir, "from.txt"), filepath.Join(c.dir, "to.txt")
	lines, err := os.Create(from)
	if err != nil {
		t.Fatal(err)
	}
	defer lines.Close()
	// Of one partition, before the sink asks for it and an auto-created one of num.partitions comes to be.
	if _, err := kadm.NewClient(streamsClient(t, c.servers)).CreateTopic(t.Context(), 1, 3, nil, "connect-lines"); err != nil {
		t.Fatal(err)
	}
	c.create("source", "FileStreamSource", map[string]string{"file": from, "topic": "connect-lines"})
	c.create("sink", "FileStreamSink", map[string]string{"file": to, "topics": "connect-lines"})

	written := 0
	write := func(n int) {
		for range n {
			written++
			fmt.Fprintf(lines, "line %d\n", written)
		}
	}
	write(200)
	c.waitLines(to, written)
	killed := c.killWorkerOf("source")
	write(200)
	c.waitLines(to, written)
	c.startWorker(killed)
	write(200)
	c.waitLines(to, written)
	c.compareTopic(written)
}

func startConnect(t *testing.T) *connectCluster {
	t.Helper()
	servers := clientTarget(t)
	c := &connectCluster{t: t, kafka: apacheKafka(t, "3.9"), servers: servers, dir: t.TempDir(), workers: map[string]*exec.Cmd{}}
	for _, port := range connectPorts {
		c.startWorker(fmt.Sprintf("127.0.0.1:%d", port))
	}
	for address := range c.workers {
		eventually(t, 2*time.Minute, "the worker at "+address+" is ready", func() bool { return c.get(address, "/connectors", new([]string)) })
	}
	return c
}

func (c *connectCluster) startWorker(address string) {
	c.t.Helper()
	config := filepath.Join(c.dir, address+".properties")
	writeFile(c.t, config, strings.Join([]string{
		"bootstrap.servers=" + c.servers,
		"listeners=http://" + address,
		"group.id=connect", "config.storage.topic=connect-configs", "offset.storage.topic=connect-offsets", "status.storage.topic=connect-status",
		"offset.storage.partitions=5", "status.storage.partitions=1",
		"key.converter=org.apache.kafka.connect.storage.StringConverter", "value.converter=org.apache.kafka.connect.storage.StringConverter",
		"exactly.once.source.support=enabled", "offset.flush.interval.ms=1000", "plugin.discovery=service_load",
		"session.timeout.ms=6000", "heartbeat.interval.ms=600", "scheduled.rebalance.max.delay.ms=1000",
		"consumer.session.timeout.ms=6000", "consumer.heartbeat.interval.ms=600",
	}, "\n"))
	cmd := c.kafka.command(c.t.Context(), "org.apache.kafka.connect.cli.ConnectDistributed", config)
	startProcess(c.t, cmd, filepath.Join(c.dir, address+".log"))
	c.workers[address] = cmd
}

// get asks one worker; false if it does not answer with 200.
func (c *connectCluster) get(address, path string, into any) bool {
	answer, err := http.Get("http://" + address + path)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK && json.NewDecoder(answer.Body).Decode(into) == nil
}

// any is a worker that is alive.
func (c *connectCluster) any() string {
	for address := range c.workers {
		return address
	}
	c.t.Fatal("no worker is left")
	return ""
}

func (c *connectCluster) create(name, class string, config map[string]string) {
	c.t.Helper()
	config["connector.class"], config["tasks.max"] = class, "1"
	body, err := json.Marshal(map[string]any{"name": name, "config": config})
	if err != nil {
		c.t.Fatal(err)
	}
	last := ""
	eventually(c.t, time.Minute, "the connector "+name+" is created", func() bool {
		answer, err := http.Post("http://"+c.any()+"/connectors", "application/json", bytes.NewReader(body))
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		last = answer.Status
		return answer.StatusCode == http.StatusCreated || answer.StatusCode == http.StatusConflict
	})
	c.t.Logf("%s: %s", name, last)
	eventually(c.t, time.Minute, "the task of "+name+" runs", func() bool { return c.workerOf(name) != "" })
}

// workerOf is the worker that runs a connector's task, if it runs.
func (c *connectCluster) workerOf(name string) string {
	var status struct {
		Tasks []struct {
			State    string `json:"state"`
			WorkerID string `json:"worker_id"`
		} `json:"tasks"`
	}
	if !c.get(c.any(), "/connectors/"+name+"/status", &status) || len(status.Tasks) == 0 || status.Tasks[0].State != "RUNNING" {
		return ""
	}
	return status.Tasks[0].WorkerID
}

func (c *connectCluster) killWorkerOf(name string) string {
	c.t.Helper()
	address := c.workerOf(name)
	worker, ok := c.workers[address]
	if !ok {
		c.t.Fatalf("the task of %s runs at %q, which is none of the workers", name, address)
	}
	worker.Process.Kill()
	worker.Wait()
	delete(c.workers, address)
	return address
}

// waitLines waits until the sink's file holds the lines 1 to n, each at least once.
func (c *connectCluster) waitLines(file string, n int) {
	c.t.Helper()
	eventually(c.t, 2*time.Minute, fmt.Sprintf("the sink has %d lines", n), func() bool {
		data, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		there := map[string]bool{}
		for line := range strings.Lines(string(data)) {
			there[strings.TrimSpace(line)] = true
		}
		for i := range n {
			if !there[fmt.Sprintf("line %d", i+1)] {
				return false
			}
		}
		return true
	})
}

// compareTopic wants every line in the topic once and in order.
func (c *connectCluster) compareTopic(n int) {
	c.t.Helper()
	client := streamsClient(c.t, c.servers, kgo.ConsumeTopics("connect-lines"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	got := 0
	for got < n {
		fetches := client.PollFetches(c.t.Context())
		if err := fetches.Err0(); err != nil {
			c.t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			got++
			if want := fmt.Sprintf("line %d", got); string(r.Value) != want {
				c.t.Fatalf("the topic has %q at offset %d, want %q", r.Value, r.Offset, want)
			}
		})
	}
}
