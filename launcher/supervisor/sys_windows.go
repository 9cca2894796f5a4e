package supervisor

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"klab/launcher/lifecycle"
)

// Detach gives a command no console and a process group of its own: no terminal's end reaches it.
func Detach() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}
}

// signals is what makes an effect true. Windows has only SIGKILL's equivalent; an orderly end is asked for by an order
// (package link), and there is no documented way to suspend a process.
func signals(effect lifecycle.Effect) ([]os.Signal, error) {
	switch effect {
	case lifecycle.KillNow:
		return []os.Signal{os.Kill}, nil
	case lifecycle.Suspend, lifecycle.Proceed:
		return nil, fmt.Errorf("%w: Windows cannot pause a process", errors.ErrUnsupported)
	}
	return nil, nil
}

// endOf reads how a process ended; a killed one is not distinguishable here from one that exited with code 1.
func endOf(state *os.ProcessState) lifecycle.End { return lifecycle.End{Code: state.ExitCode()} }

func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// bindChildren puts this process, and with it every child that it will start, into a job that ends with its last handle. The
// handle is never closed but by the end of this process.
func bindChildren() error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return fmt.Errorf("cannot create a job object: %w", err)
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err != nil {
		return fmt.Errorf("cannot set up a job object: %w", err)
	}
	return windows.AssignProcessToJobObject(job, windows.CurrentProcess())
}

// residentBytes is not read on Windows: -1, unknown.
func residentBytes(int) int64 { return -1 }

func isRefusedConnection(err error) bool {
	return errors.Is(err, windows.WSAECONNREFUSED) || errors.Is(err, windows.WSAENETDOWN) || errors.Is(err, os.ErrNotExist)
}
