//go:build interop

package server

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

// These tests run other people's ZooKeeper software against the server: kazoo (Debian's python3-kazoo), zkCli.sh and
// Apache ZooKeeper itself (Debian's zookeeper). They fail, and say what to install, where it is missing.

const (
	zkCli = "/usr/share/zookeeper/bin/zkCli.sh"
	zkJar = "/usr/share/java/zookeeper.jar"
	slf4j = "/usr/share/java/slf4j-simple.jar"
)

func needFile(t *testing.T, path, debian string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is missing: apt-get install %s", path, debian)
	}
}

// pythonWithKazoo finds an interpreter that can import kazoo: another Python may stand before Debian's in the path.
func pythonWithKazoo(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import kazoo").Run() == nil {
			return python
		}
	}
	t.Fatal("no Python can import kazoo: apt-get install python3-kazoo")
	return ""
}

func interopConfig(t *testing.T) Config {
	cfg := testConfig(t)
	cfg.ExtendedTypes, cfg.ForceSync = true, nil
	return cfg
}

func run(t *testing.T, input string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

func TestKazooRecipes(t *testing.T) {
	python := pythonWithKazoo(t)
	r := start(t, interopConfig(t), Options{})
	out := run(t, "", python, "testdata/kazoo_recipes.py", r.addr)
	if n := strings.Count(out, "ok "); n != 11 {
		t.Fatalf("%d checks passed\n%s", n, out)
	}
	t.Log(out)
}

func TestZkCli(t *testing.T) {
	needFile(t, zkCli, "zookeeper")
	r := start(t, interopConfig(t), Options{})
	commands, err := os.ReadFile("testdata/zkcli.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, string(commands), zkCli, "-server", r.addr)
	rest := out
	for _, want := range []string{
		"Created /cli\n", "one\n", "dataVersion = 0", "version No is not valid : /cli", "Created /cli/e",
		"Created /cli/s-0000000001", "Created /cont", "Created /ttl", "/cli\n/cli/e\n/cli/s-0000000001\n", "[/cli/e]\n", "2\n",
		"Auth scheme: User", "ip: 127.0.0.1", "NodeDataChanged path:/cli", "Created /secret", "'digest,'u:", ": cdrwa",
		"Output stat for /cli count=3,bytes=9", "Sync is OK", "Node not empty: /cli", "[cont, secret, ttl, zookeeper]",
	} {
		at := strings.Index(rest, want)
		if at < 0 {
			t.Fatalf("zkCli.sh did not print %q after what came before:\n%s", want, out)
		}
		rest = rest[at+len(want):]
	}
}

// TestApacheZooKeeperTakesOver moves a data directory to Apache ZooKeeper after a clean end, and back after a kill.
func TestApacheZooKeeperTakesOver(t *testing.T) {
	needFile(t, zkJar, "zookeeper")
	needFile(t, slf4j, "libslf4j-java")
	r := start(t, interopConfig(t), Options{})
	c := r.client(5 * time.Second)
	must[string](t)(c.Create("/plain", []byte("ours"), 0, open))
	must[string](t)(c.Create("/plain/s-", nil, zk.FlagSequence, open))
	must[string](t)(c.Create("/secret", nil, 0, zk.DigestACL(zk.PermAll, "u", "p")))
	must[string](t)(c.CreateTTL("/ttl", nil, zk.FlagTTL, open, time.Hour))
	must[*zk.Stat](t)(c.Set("/plain", []byte("changed"), 0))
	_, before, _ := c.Get("/plain")
	c.Close()
	r.fact("session.closed")
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}

	apache := startApache(t, r.cfg.DataDir)
	data, stat, err := apache.client.Get("/plain")
	if err != nil || string(data) != "changed" || *stat != *before {
		t.Fatalf("%q %v\n%+v\n%+v", data, err, stat, before)
	}
	if path := must[string](t)(apache.client.Create("/plain/s-", nil, zk.FlagSequence, open)); path != "/plain/s-0000000001" {
		t.Fatalf("created %s", path)
	}
	must[string](t)(apache.client.Create("/theirs", []byte("theirs"), 0, open))
	apache.kill()

	again := start(t, r.cfg, Options{})
	c = again.client(5 * time.Second)
	if data, _, err := c.Get("/theirs"); err != nil || string(data) != "theirs" {
		t.Fatalf("%q %v", data, err)
	}
	if path := must[string](t)(c.Create("/plain/s-", nil, zk.FlagSequence, open)); path != "/plain/s-0000000002" {
		t.Fatalf("created %s", path)
	}
}

type apache struct {
	client *zk.Conn
	kill   func()
}

func startApache(t *testing.T, dir string) apache {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	cfg := filepath.Join(t.TempDir(), "zoo.cfg")
	text := fmt.Sprintf("tickTime=1000\ndataDir=%s\nclientPort=%d\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n", dir, port)
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command("java", "-Xmx256m", "-Dzookeeper.extendedTypesEnabled=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-cp", zkJar+":"+slf4j, "org.apache.zookeeper.server.quorum.QuorumPeerMain", cfg)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start java: %v", err)
	}
	kill := func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
	t.Cleanup(kill)
	c, events, err := zk.Connect([]string{fmt.Sprintf("127.0.0.1:%d", port)}, 10*time.Second, zk.WithLogger(quiet{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	deadline := time.After(30 * time.Second)
	for {
		select {
		case e := <-events:
			if e.State == zk.StateHasSession {
				return apache{c, kill}
			}
		case <-deadline:
			kill()
			t.Fatalf("Apache ZooKeeper does not come up on our data directory:\n%s", log.String())
		}
	}
}
