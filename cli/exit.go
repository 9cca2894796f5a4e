package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"klab/cluster"
	"klab/launcher"
)

// Exit codes of every command.
const (
	exitDone    = 0
	exitFailed  = 1
	exitInput   = 2
	exitNothing = 3
)

// inputError is a person's mistake in flags, arguments or files.
type inputError struct{ err error }

func (e inputError) Error() string { return e.err.Error() }
func (e inputError) Unwrap() error { return e.err }

func badInput(format string, args ...any) error { return inputError{fmt.Errorf(format, args...)} }

// exitCode is what the process ends with because of err.
func exitCode(err error) int {
	switch {
	case err == nil, errors.Is(err, errInterrupted):
		return exitDone
	case isInput(err):
		return exitInput
	case errors.Is(err, cluster.ErrNothing):
		return exitNothing
	}
	if own, ok := errors.AsType[ownCode](err); ok {
		return own.ExitCode()
	}
	return launcher.ExitCode(err)
}

// ownCode is an error that brings the process's exit code with it.
type ownCode interface {
	error
	ExitCode() int
}

func isInput(err error) bool {
	if _, ok := errors.AsType[inputError](err); ok {
		return true
	}
	// cobra has no types for these.
	text := err.Error()
	return strings.HasPrefix(text, "unknown command") || strings.HasPrefix(text, "required flag")
}

// errInterrupted ends a command that runs until it is interrupted.
var errInterrupted = errors.New("interrupted")

// interrupted turns the end of a following command into success.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}
