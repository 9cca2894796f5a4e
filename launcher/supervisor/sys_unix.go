//go:build unix

package supervisor

import (
	"errors"
	"os"
	"syscall"

	"klab/launcher/lifecycle"
)

// Detach makes a command the leader of a session of its own: no terminal's end reaches it.
func Detach() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// signals is what makes an effect true.
func signals(effect lifecycle.Effect) ([]os.Signal, error) {
	switch effect {
	case lifecycle.Terminate:
		return []os.Signal{syscall.SIGTERM}, nil
	case lifecycle.TerminateAndProceed:
		return []os.Signal{syscall.SIGTERM, syscall.SIGCONT}, nil
	case lifecycle.KillNow:
		return []os.Signal{syscall.SIGKILL}, nil
	case lifecycle.Suspend:
		return []os.Signal{syscall.SIGSTOP}, nil
	case lifecycle.Proceed:
		return []os.Signal{syscall.SIGCONT}, nil
	}
	return nil, nil
}

// endOf reads how a process ended.
func endOf(state *os.ProcessState) lifecycle.End {
	status, ok := state.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return lifecycle.End{Signal: signalName(status.Signal())}
	}
	return lifecycle.End{Code: state.ExitCode()}
}

// signalName names the signals that end processes in practice.
func signalName(s syscall.Signal) string {
	switch s {
	case syscall.SIGKILL:
		return "SIGKILL"
	case syscall.SIGTERM:
		return "SIGTERM"
	case syscall.SIGINT:
		return "SIGINT"
	case syscall.SIGHUP:
		return "SIGHUP"
	case syscall.SIGQUIT:
		return "SIGQUIT"
	case syscall.SIGABRT:
		return "SIGABRT"
	case syscall.SIGSEGV:
		return "SIGSEGV"
	case syscall.SIGBUS:
		return "SIGBUS"
	case syscall.SIGPIPE:
		return "SIGPIPE"
	}
	return s.String()
}

// bindChildren prepares this process so that its children end with it; Unix asks for that at each child's start.
func bindChildren() error { return nil }

func isRefusedConnection(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT)
}
