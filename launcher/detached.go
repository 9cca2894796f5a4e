package launcher

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"klab/launcher/child"
	"klab/launcher/link"
	"klab/launcher/memory"
	"klab/launcher/spec"
	"klab/launcher/supervisor"
)

// The first arguments under which this binary is a supervisor or a child.
const (
	argSupervisor = "@supervisor"
	argBroker     = "@broker"
	argZooKeeper  = "@zookeeper"
)

// startup is what a detached supervisor reads from its standard input, as one line. The input stays open until the cluster is
// ready: its end before that means that nobody waits any more.
type startup struct {
	Plan  spec.Plan
	Home  string
	Began time.Time
}

// outcome is what it writes to its standard output, as one line.
type outcome struct {
	Status supervisor.Status
	Error  *supervisor.RemoteError
}

// Main is the whole program where this process is a supervisor or one of its children: then it does not return. The program's
// main calls it before anything else.
func Main() {
	if len(os.Args) < 2 {
		return
	}
	switch os.Args[1] {
	case argSupervisor:
		os.Exit(supervise())
	case argBroker:
		os.Exit(child.Broker())
	case argZooKeeper:
		os.Exit(child.ZooKeeper())
	}
}

// supervise is a detached supervisor's process.
func supervise() int {
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	input := bufio.NewReader(os.Stdin)
	var s startup
	line, err := input.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cannot run: klab up starts this process by itself:", err)
		return 2
	}
	abandoned := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, input)
		close(abandoned)
	}()
	go memory.Trim()
	cfg := supervisor.Config{Plan: s.Plan, Home: s.Home, Began: s.Began, Command: reexec(s.Plan.Home)}
	err = supervisor.Serve(ctx, cfg, abandoned, func(status supervisor.Status, err error) {
		o := outcome{Status: status}
		if err != nil {
			o.Error = supervisor.AsRemote(err)
		}
		_ = link.Write(os.Stdout, o) // nobody may be there to read it
		os.Stdout.Close()
	})
	return ExitCode(err)
}

// upDetached starts a supervisor that outlives this process and its terminal, and waits for its word.
func upDetached(ctx context.Context, s startup) (Result, error) {
	cmd, stderr, err := supervisorCommand(s.Home)
	if err != nil {
		return Result{}, err
	}
	defer stderr.Close()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return Result{}, err
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return Result{}, err
	}
	if err := cmd.Start(); err != nil {
		return Result{}, fmt.Errorf("cannot start the supervisor: %w", err)
	}
	defer context.AfterFunc(ctx, func() { stdin.Close() })()
	o, err := converse(stdin, stdout, s)
	go cmd.Wait() // where this process lives on, as the screen does, none of its children stays a zombie
	switch {
	case ctx.Err() != nil:
		return Result{}, context.Cause(ctx)
	case err != nil:
		return Result{}, fmt.Errorf("cannot start the supervisor: %w%s", err, lastWords(stderr.Name()))
	case o.Error != nil:
		return Result{}, o.Error
	}
	return Result{ReadyMs: o.Status.ReadyMs, Status: o.Status}, nil
}

func supervisorCommand(home string) (*exec.Cmd, *os.File, error) {
	dir := supervisor.RunDir(home)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("cannot create klab's home: %w; choose another with --home", err)
	}
	stderr, err := os.Create(filepath.Join(dir, "supervisor.stderr"))
	if err != nil {
		return nil, nil, fmt.Errorf("cannot write to klab's home: %w; choose another with --home", err)
	}
	cmd := exec.Command(executable(), argSupervisor, home)
	cmd.Dir, cmd.Stderr, cmd.SysProcAttr = home, stderr, supervisor.Detach()
	return cmd, stderr, nil
}

// converse tells a supervisor what to run and reads what became of it.
func converse(stdin io.Writer, stdout io.Reader, s startup) (outcome, error) {
	var o outcome
	if err := link.Write(stdin, s); err != nil {
		return o, err
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		return o, errors.New("it ended without a word")
	}
	return o, json.Unmarshal(line, &o)
}

func lastWords(path string) string {
	text, err := os.ReadFile(path)
	if err != nil || len(text) == 0 {
		return ""
	}
	return ": " + strings.TrimSpace(string(text[max(0, len(text)-500):]))
}
