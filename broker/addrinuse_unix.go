//go:build !windows

package broker

import "syscall"

const errAddrInUse = syscall.EADDRINUSE
