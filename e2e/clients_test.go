//go:build interop

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// clientTime bounds one program; most take half a minute, waiting for a killed member's session to end.
const clientTime = 4 * time.Minute

// TestClients has the programs below clients/ go through their checklist, two at a time. KLAB_TARGET=apache runs them on
// Apache Kafka 3.9 instead: what fails there too is not ours.
func TestClients(t *testing.T) {
	bootstrap := clientTarget(t)
	turns := make(chan struct{}, 2)
	for name, program := range clientPrograms(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			turns <- struct{}{}
			defer func() { <-turns }()
			checkClient(t, program, bootstrap)
		})
	}
}

// clientTarget starts the cluster that the programs are to talk to.
func clientTarget(t *testing.T) string {
	t.Helper()
	if os.Getenv("KLAB_TARGET") == "apache" {
		startApacheBrokers(t, startApacheZooKeeper(t), append(labSettings(t), "zookeeper.session.timeout.ms=18000")...)
		return strings.Join(apacheBootstrap, ",")
	}
	// Apache's session timeout: no broker is killed here, and a pause of a busy machine is not to move the controller.
	up(t, "--override", "zookeeper.session.timeout.ms=18000")
	return strings.Join(bootstrap, ",")
}

// clientPrograms are the commands; each is to be given the bootstrap servers.
func clientPrograms(t *testing.T) map[string][]string {
	t.Helper()
	programs := map[string][]string{"kafkajs": {"node", "clients/js/checklist.js"}}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin+"/", "./...")
	build.Dir = "clients"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the Go clients: %v\n%s", err, out)
	}
	for _, name := range []string{"franz", "sarama", "kafkago"} {
		programs[name] = []string{filepath.Join(bin, name)}
	}
	for _, name := range []string{"confluent", "kafkapython", "aio"} {
		programs[name] = []string{filepath.Join(clientsCache(t), "venv", "bin", "python"), "clients/python/" + name + ".py"}
	}
	for _, version := range versions {
		programs["java-"+version] = compileJava(t, version).program(512, "Checklist")
	}
	return programs
}

// clientsCache is where ./install puts the clients of Python and Node.js.
func clientsCache(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("KLAB_CLIENTS"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(home, ".cache", "klab-clients")
}

// checkClient runs a program and takes its lines for results.
func checkClient(t *testing.T, program []string, bootstrap string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), clientTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, program[0], append(program[1:], bootstrap)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(clientsCache(t), "node", "node_modules"))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	results := 0
	for lines := bufio.NewScanner(&out); lines.Scan(); results++ {
		if line := lines.Text(); strings.HasPrefix(line, "FAIL ") {
			t.Error(line)
		} else {
			t.Log(line)
		}
	}
	if results < 20 {
		t.Errorf("%d results, want one for each check of the list", results)
	}
	if err != nil {
		t.Errorf("%s: %v\n%s", program[0], err, lastLines(errs.String(), 40))
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// javaClasses are the programs of clients/java, compiled against one version of Apache Kafka.
type javaClasses struct {
	kafka apache
	dir   string
}

func compileJava(t *testing.T, version string) javaClasses {
	t.Helper()
	classes := javaClasses{apacheKafka(t, version), t.TempDir()}
	sources, err := filepath.Glob("clients/java/*.java")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no Java sources: %v", err)
	}
	args := append([]string{"-nowarn", "-d", classes.dir, "-cp", filepath.Join(classes.kafka.dir, "lib", "*")}, sources...)
	if out, err := exec.Command("javac", args...).CombinedOutput(); err != nil {
		t.Fatalf("cannot compile the Java programs for %s: %v\n%s", version, err, out)
	}
	return classes
}

// program is the command that runs a class with a heap of so many megabytes.
func (c javaClasses) program(heap int, class string, args ...string) []string {
	return append([]string{"java", fmt.Sprintf("-Xmx%dm", heap), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Dlog4j.configuration=file:" + filepath.Join(c.kafka.dir, "log4j.properties"),
		"-Dlog4j2.configurationFile=" + filepath.Join(c.kafka.dir, "log4j2.properties"),
		"-cp", c.dir + ":" + filepath.Join(c.kafka.dir, "lib", "*"), class}, args...)
}
