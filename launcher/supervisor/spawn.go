package supervisor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
)

// spawner starts every child from one operating-system thread that lives as long as the supervisor. Linux ties the parent-death
// signal to the thread that started a child, not to the process: a child started from a thread that the Go runtime
// retires would be killed for no reason.
type spawner struct{ starts chan func() }

func newSpawner() spawner {
	s := spawner{starts: make(chan func())}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the spawner
		for start := range s.starts {
			start()
		}
	}()
	return s
}

func (s spawner) start(cmd *exec.Cmd) error {
	done := make(chan error)
	s.starts <- func() { done <- cmd.Start() }
	return <-done
}

// close ends the thread, and with it, on Linux, any child that is left.
func (s spawner) close() { close(s.starts) }

// pipes are the supervisor's ends of a child's standard streams.
type pipes struct {
	orders  *os.File // its standard input: orders, and its life line
	reports *os.File // its standard output
	log     *os.File // its standard error
}

// spawn starts cmd with its standard streams connected to the returned pipes.
func (s spawner) spawn(cmd *exec.Cmd) (pipes, error) {
	var ours, theirs []*os.File
	var failed error
	pipe := func() (r, w *os.File) {
		r, w, err := os.Pipe()
		failed = errors.Join(failed, err)
		return r, w
	}
	stdin, orders := pipe()
	reports, stdout := pipe()
	log, stderr := pipe()
	ours, theirs = []*os.File{orders, reports, log}, []*os.File{stdin, stdout, stderr}
	defer closeAll(theirs)
	if failed == nil {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
		cmd.SysProcAttr = childAttr()
		failed = s.start(cmd)
	}
	if failed != nil {
		closeAll(ours)
		return pipes{}, fmt.Errorf("cannot start %s: %w", cmd.Path, failed)
	}
	return pipes{orders: orders, reports: reports, log: log}, nil
}

func closeAll[F io.Closer](all []F) {
	for _, f := range all {
		f.Close() // of a nil *os.File: an error, nothing else
	}
}
