//go:build interop || bench

package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// apache is an installation of Apache Kafka's jars; ./install makes it.
type apache struct {
	dir string
	jvm []string // flags of a server; nil is what server says
}

var versions = []string{"3.9", "4"}

func apacheKafka(t testing.TB, version string) apache {
	t.Helper()
	root := os.Getenv("KLAB_APACHE")
	if root == "" {
		cache, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		root = filepath.Join(cache, ".cache", "klab-apache")
	}
	dir := filepath.Join(root, version)
	if _, err := os.Stat(filepath.Join(dir, "complete")); err != nil {
		t.Fatalf("no Apache Kafka %s in %s: run e2e/install", version, dir)
	}
	return apache{dir: dir}
}

// command is one Java class with arguments, as bin/kafka-run-class.sh would start it: a tool, compiled for a short life.
func (a apache) command(ctx context.Context, class string, args ...string) *exec.Cmd {
	return a.java(ctx, []string{"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"}, class, args)
}

// server is a class that runs long, with both of Java's compilers and the heap of a small broker.
func (a apache) server(ctx context.Context, class string, args ...string) *exec.Cmd {
	if a.jvm != nil {
		return a.java(ctx, a.jvm, class, args)
	}
	return a.java(ctx, []string{"-Xmx512m", "-XX:+UseSerialGC"}, class, args)
}

func (a apache) java(ctx context.Context, flags []string, class string, args []string) *exec.Cmd {
	java := append(slices.Clone(flags),
		"-Dlog4j.configuration=file:"+filepath.Join(a.dir, "log4j.properties"),
		"-Dlog4j2.configurationFile="+filepath.Join(a.dir, "log4j2.properties"),
		"-cp", filepath.Join(a.dir, "lib", "*"), class)
	return exec.CommandContext(ctx, "java", append(java, args...)...)
}

// run runs a class to its end, with a standard input, and returns both outputs together.
func (a apache) run(t testing.TB, stdin, class string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	cmd := a.command(ctx, class, args...)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &out
	err := cmd.Run()
	return out.String(), err
}

// must is run for what has to succeed and to print all of want.
func (a apache) must(t testing.TB, stdin, class string, args []string, want ...string) string {
	t.Helper()
	out, err := a.run(t, stdin, class, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", class, strings.Join(args, " "), err, out)
	}
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("%s %s does not print %q:\n%s", class, strings.Join(args, " "), w, out)
		}
	}
	return out
}

// tool runs a program of the system to its end.
func tool(t testing.TB, stdin string, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}
